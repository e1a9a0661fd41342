//! Who is there: the greeting, the proof of the password, and `COM_CHANGE_USER`.
//!
//! There is one account and one way to log in, `mysql_native_password`. A client that begins with another is asked to switch.

use mysql_common::auth::plugins::mysql_native_password::scramble_native;
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use mysql_common::io::ParseBuf;
use mysql_common::misc::raw::RawBytes;
use mysql_common::misc::raw::bytes::NullBytes;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse};
use mysql_common::proto::MySerialize;

use super::super::{Account, Number};
use super::error::Error;
use super::packets::Outgoing;
use super::variables::VERSION;

const PLUGIN: &[u8] = b"mysql_native_password";
/// utf8mb4_general_ci: every driver has a name for it.
const COLLATION: u8 = 45;

/// What this server can do.
const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_LONG_PASSWORD
    .union(CapabilityFlags::CLIENT_FOUND_ROWS)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_NO_SCHEMA)
    .union(CapabilityFlags::CLIENT_ODBC)
    .union(CapabilityFlags::CLIENT_LOCAL_FILES)
    .union(CapabilityFlags::CLIENT_IGNORE_SPACE)
    .union(CapabilityFlags::CLIENT_PROTOCOL_41)
    .union(CapabilityFlags::CLIENT_INTERACTIVE)
    .union(CapabilityFlags::CLIENT_IGNORE_SIGPIPE)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_RESERVED)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// Twenty bytes that a proof is made with.
pub(super) type Scramble = [u8; 20];

/// Who wants in.
pub(super) struct Claim {
    user: String,
    database: Option<String>,
    collation: u8,
    proof: Vec<u8>,
    /// The proof is made in another way, and the client can be asked for ours.
    must_switch: bool,
}

/// Who is in.
pub(super) struct Guest {
    pub(super) user: String,
    pub(super) database: Option<String>,
    pub(super) collation: u8,
}

/// A session's scramble. It is no secret here, but no byte may be 0 and drivers expect letters.
pub(super) fn scramble(number: Number) -> Scramble {
    let mut state = u64::from(number);
    std::array::from_fn(|_| {
        // splitmix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators"
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        b'0' + u8::try_from(mixed >> 32 & 63).unwrap_or_default()
    })
}

pub(super) fn greet(number: Number, scramble: &Scramble, to: &mut Outgoing) {
    let (mut first, mut second) = ([0; 8], [0; 13]); // with a 0 behind
    for (place, byte) in first.iter_mut().chain(&mut second).zip(scramble) {
        *place = *byte;
    }
    let status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
    let version = VERSION.as_bytes();
    let greeting =
        HandshakePacket::new(10, version, number, first, Some(&second[..]), CAPABILITIES, COLLATION, status, Some(PLUGIN));
    to.packet(|to| greeting.serialize(to));
}

/// The answer to the greeting: what both sides can do, and who wants in.
pub(super) fn response(packet: &[u8]) -> Result<(CapabilityFlags, Claim), Error> {
    let response: HandshakeResponse<'_> = ParseBuf(packet).parse(()).map_err(|_| Error::bad_handshake())?;
    let capabilities = response.capabilities() & CAPABILITIES;
    if !capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
        return Err(Error::bad_handshake());
    }
    let claim = Claim {
        user: text(response.user()),
        database: response.db_name().filter(|name| !name.is_empty()).map(text),
        collation: if response.collation() == 0 { COLLATION } else { response.collation() },
        proof: response.scramble_buf().to_vec(),
        must_switch: is_other(response.auth_plugin(), capabilities),
    };
    Ok((capabilities, claim))
}

/// `COM_CHANGE_USER`, without its first byte. `mysql_common` writes it, but does not give its parts. Clients leave out the end.
pub(super) fn change(packet: &[u8], capabilities: CapabilityFlags, before: u8) -> Result<Claim, Error> {
    let mut rest = ParseBuf(packet);
    let string = |rest: &mut ParseBuf<'_>| rest.parse::<RawBytes<'_, NullBytes>>(()).map(|bytes| text(bytes.as_bytes()));
    let user = string(&mut rest).map_err(|_| Error::unknown_command())?;
    let proof = rest.checked_eat_u8_str().ok_or_else(Error::unknown_command)?.to_vec();
    let database = string(&mut rest).map_err(|_| Error::unknown_command())?;
    let collation = rest.checked_eat_u16_le().and_then(|collation| u8::try_from(collation).ok()).unwrap_or(before);
    let plugin = AuthPlugin::from_bytes(rest.eat_null_str());
    let must_switch = !plugin.as_bytes().is_empty() && is_other(Some(&plugin), capabilities);
    Ok(Claim { user, database: Some(database).filter(|name| !name.is_empty()), collation, proof, must_switch })
}

/// Asks a client for another proof.
pub(super) fn switch(scramble: &Scramble, to: &mut Outgoing) {
    let request = AuthSwitchRequest::new(PLUGIN, [&scramble[..], &[0]].concat());
    to.packet(|to| request.serialize(to));
}

impl Claim {
    /// Whether the client is to be asked for another proof.
    pub(super) fn must_switch(&self) -> bool {
        self.must_switch
    }

    /// The proof that came when the client was asked.
    pub(super) fn proved(self, proof: &[u8]) -> Self {
        Self { proof: proof.to_vec(), must_switch: false, ..self }
    }

    /// Lets in who is known and proves it, if the database is there.
    pub(super) fn checked(self, account: &Account, scramble: &Scramble) -> Result<Guest, Error> {
        let expected = scramble_native(scramble, account.password.as_bytes());
        if self.user != account.user || self.proof != expected.as_ref().map_or(&[][..], |proof| &proof[..]) {
            let used = if self.proof.is_empty() { "NO" } else { "YES" };
            let message = format!("Access denied for user '{}'@'localhost' (using password: {used})", self.user);
            return Err(Error::new(1045, b"28000", message));
        }
        if let Some(unknown) = self.database.as_ref().filter(|name| **name != account.name) {
            return Err(Error::unknown_database(unknown));
        }
        Ok(Guest { user: self.user, database: self.database, collation: self.collation })
    }
}

fn is_other(plugin: Option<&AuthPlugin<'_>>, capabilities: CapabilityFlags) -> bool {
    capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) && plugin.is_some_and(|plugin| plugin.as_bytes() != PLUGIN)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
