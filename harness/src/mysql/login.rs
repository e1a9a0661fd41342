//! Logging in to MySQL and MariaDB: which proof of the password goes where.
//!
//! The proofs themselves are `mysql_common`'s. It must not know packets' numbers or what comes after the login.

use mysql_common::auth::plugins::{AuthProc, ChallengeResponsePlugin, Context};
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::{AuthPlugin, HandshakePacket, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;

/// Who logs in, and where.
pub(crate) struct Guest {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
    /// The connection cannot be listened to: a Unix socket.
    pub(crate) private: bool,
    /// It is to be encrypted before anything is said of who logs in.
    pub(crate) encrypted: bool,
}

/// How far a login is.
pub(super) struct Login {
    guest: Guest,
    scramble: Vec<u8>,
    proof: Option<AuthProc>,
}

impl Login {
    pub(super) fn new(guest: Guest) -> Self {
        Self { guest, scramble: Vec::new(), proof: None }
    }

    /// The answer to the server's greeting.
    pub(super) fn greeted(&mut self, greeting: &HandshakePacket<'_>) -> Result<Vec<u8>, String> {
        let offered = greeting.auth_plugin().unwrap_or(AuthPlugin::MysqlNativePassword);
        // A way to log in that is not known is answered with one that is; the server then asks for what the user has.
        let plugin = if known(&offered) { offered } else { AuthPlugin::MysqlNativePassword };
        let proof = self.begin(&plugin, &greeting.nonce())?;
        let response = HandshakeResponse::new(
            Some(proof),
            (8, 0, 0), // it has UTF-8 with four bytes
            Some(self.guest.user.as_bytes()),
            Some(self.guest.database.as_bytes()),
            Some(plugin),
            self.capabilities(greeting),
            None,
            largest(),
        );
        let mut bytes = Vec::new();
        response.serialize(&mut bytes);
        Ok(bytes)
    }

    /// The request for encryption that stands before the answer to the greeting, if there is to be one.
    pub(super) fn encrypts(&self, greeting: &HandshakePacket<'_>) -> Result<Option<Vec<u8>>, String> {
        if !self.guest.encrypted {
            return Ok(None);
        }
        if !greeting.capabilities().contains(CapabilityFlags::CLIENT_SSL) {
            return Err("it speaks no TLS".to_owned());
        }
        let mut bytes = Vec::new();
        SslRequest::new(self.capabilities(greeting), largest(), UTF8MB4).serialize(&mut bytes);
        Ok(Some(bytes))
    }

    fn capabilities(&self, greeting: &HandshakePacket<'_>) -> CapabilityFlags {
        // Said in the request for encryption, too: of what stands there alone some servers take note.
        let mut wanted = super::capabilities() | CapabilityFlags::CLIENT_CONNECT_WITH_DB;
        wanted.set(CapabilityFlags::CLIENT_SSL, self.guest.encrypted);
        wanted & greeting.capabilities()
    }

    /// Begins to log in by a plugin, with what is to be sent.
    pub(super) fn begin(&mut self, plugin: &AuthPlugin<'_>, scramble: &[u8]) -> Result<Vec<u8>, String> {
        if !known(plugin) {
            let name = String::from_utf8_lossy(plugin.as_bytes());
            return Err(format!("it wants to log in by {name}, which poolproof does not know; give the user a password"));
        }
        if *plugin == AuthPlugin::MysqlClearPassword && !self.guest.private && !self.guest.encrypted {
            return Err("it wants the password in clear text; poolproof sends that over a socket only: ?socket=/PATH".to_owned());
        }
        self.scramble = scramble.to_vec();
        self.proof = plugin.init().ok();
        Ok(self.continued(scramble)?.unwrap_or_default())
    }

    /// What is to be sent next, if anything.
    pub(super) fn continued(&mut self, challenge: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let mut proof = self.proof.take().ok_or("it asks for a proof before it says which")?;
        let response = proof.run(Secrets(self), challenge);
        self.proof = Some(proof);
        response.map(|response| response.data().map(<[u8]>::to_vec)).map_err(|error| format!("the login failed: {error}"))
    }
}

fn largest() -> u32 {
    u32::try_from(super::LARGEST).unwrap_or(u32::MAX)
}

/// The number of utf8mb4_general_ci, which every server knows.
const UTF8MB4: u8 = 45;

/// What a plugin may know.
struct Secrets<'a>(&'a Login);

impl Context for Secrets<'_> {
    fn pass(&self) -> &[u8] {
        self.0.guest.password.as_bytes()
    }

    fn is_ipc_transport(&self) -> bool {
        self.0.guest.private
    }

    fn is_tls_transport(&self) -> bool {
        self.0.guest.encrypted
    }

    fn scramble(&self) -> &[u8] {
        &self.0.scramble
    }

    fn server_key_pem(&self) -> Option<&[u8]> {
        None // it is asked for
    }
}

fn known(plugin: &AuthPlugin<'_>) -> bool {
    use AuthPlugin::{CachingSha2Password, MysqlClearPassword, MysqlNativePassword, Sha256Password};
    matches!(plugin, MysqlNativePassword | CachingSha2Password | Sha256Password | MysqlClearPassword)
}
