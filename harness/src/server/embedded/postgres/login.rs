//! How a session begins: requests that are answered with a letter or not at all, the startup message, the proof of the password.
//!
//! Source: `postmaster/postmaster.c` (`ProcessStartupPacket`), `libpq/auth.c`, chapter "Message Flow".

use super::Postgres;
use super::error::Problem;
use super::frame::Body;
use super::scram::Exchange;
use super::write;
use crate::server::embedded::{Request, World};

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: u32 = 80_877_104;
const VERSION: u32 = 3 << 16;
const MECHANISM: &str = "SCRAM-SHA-256";

/// Kinds of `Authentication`.
const OK: u32 = 0;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

/// Where the beginning stands.
pub(super) enum Stage {
    /// The startup message is due; which requests for encryption were refused.
    Startup { ssl: bool, gss: bool },
    /// The first message of SCRAM is due.
    Proof(Login),
    /// The last message of SCRAM is due.
    LastProof(Login, Box<Exchange>),
    /// The session is open.
    Open,
}

/// What the client said in its startup message.
pub(super) struct Login {
    user: String,
    database: String,
    /// Settings and values, in order.
    settings: Vec<(String, String)>,
    /// What it would give the server's command line.
    options: String,
}

impl Postgres {
    /// Takes a message without a type.
    pub(super) fn startup(&mut self, body: &[u8], world: &mut World) -> Result<(), Problem> {
        let mut body = Body(body);
        let code = body.u32()?;
        let Stage::Startup { ssl, gss } = &mut self.stage else { return Ok(()) };
        match code {
            CANCEL_REQUEST => {
                if let (Ok(number), secret @ [_, _, _, _]) = (body.u32(), body.0) {
                    world.requests.push(Request::Cancel { number, secret: Some(secret.to_vec()) });
                }
                self.close(world);
                Ok(())
            }
            SSL_REQUEST if !*ssl => {
                *ssl = true;
                self.writing.push(b'N');
                Ok(())
            }
            GSS_ENCRYPTION_REQUEST if !*gss => {
                *gss = true;
                self.writing.push(b'N');
                Ok(())
            }
            version if version >> 16 == 3 => self.hello(version, body.0),
            version => {
                let (major, minor) = (version >> 16, version & 0xffff);
                let message = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0");
                Err(Problem::fatal("0A000", message))
            }
        }
    }

    /// The kind of encryption that was asked for, if nothing else was: the client must wait for the answer.
    pub(super) fn refused_encryption(&self) -> Option<&'static str> {
        match self.stage {
            Stage::Startup { gss: true, .. } => Some("GSSAPI encryption"),
            Stage::Startup { ssl: true, .. } => Some("SSL"),
            _ => None,
        }
    }

    fn hello(&mut self, version: u32, pairs: &[u8]) -> Result<(), Problem> {
        let layout = || Problem::fatal("08P01", "invalid startup packet layout: expected terminator as last byte");
        let mut body = Body(pairs);
        let mut login = Login { user: String::new(), database: String::new(), settings: Vec::new(), options: String::new() };
        let mut strange = Vec::new();
        loop {
            let name = body.text().map_err(|_| layout())?;
            if name.is_empty() {
                break;
            }
            let value = body.text().map_err(|_| layout())?;
            match name {
                "user" => login.user = value.to_owned(),
                "database" => login.database = value.to_owned(),
                "options" => value.clone_into(&mut login.options),
                "replication" if super::types::truth(value) == Some(false) => {}
                "replication" => return Err(Problem::fatal("0A000", "replication is not known here")),
                _ if name.starts_with("_pq_.") => strange.push(name),
                _ => login.settings.push((name.to_owned(), value.to_owned())),
            }
        }
        if !body.0.is_empty() {
            return Err(layout());
        }
        if version > VERSION || !strange.is_empty() {
            write::message(&mut self.writing, b'v', |body| {
                body.extend(VERSION.to_be_bytes());
                body.extend(u32::try_from(strange.len()).unwrap_or(u32::MAX).to_be_bytes());
                strange.iter().for_each(|name| write::text(body, name));
            });
        }
        if login.user.is_empty() {
            return Err(Problem::fatal("28000", "no PostgreSQL user name specified in startup packet"));
        }
        if login.database.is_empty() {
            login.database.clone_from(&login.user);
        }
        write::authentication(&mut self.writing, SASL, &[MECHANISM.as_bytes(), &[0, 0]].concat());
        self.stage = Stage::Proof(login);
        Ok(())
    }

    /// Takes a message where a proof of the password is due.
    pub(super) fn proof(&mut self, body: &[u8], world: &mut World) -> Result<(), Problem> {
        let malformed = || Problem::fatal("08P01", "malformed SCRAM message");
        match std::mem::replace(&mut self.stage, Stage::Open) {
            Stage::Proof(login) => {
                let mut body = Body(body);
                let mechanism = body.text().map_err(fatal)?;
                if mechanism != MECHANISM {
                    return Err(Problem::fatal("08P01", "client selected an invalid SASL authentication mechanism"));
                }
                let length = usize::try_from(body.i32().map_err(fatal)?).map_err(|_| malformed())?;
                let message = body.bytes(length).map_err(fatal)?;
                body.end().map_err(fatal)?;
                let exchange = Exchange::begin(message, &world.verifier, &self.seed).map_err(|_| malformed())?;
                write::authentication(&mut self.writing, SASL_CONTINUE, exchange.first().as_bytes());
                self.stage = Stage::LastProof(login, Box::new(exchange));
            }
            Stage::LastProof(login, exchange) => {
                // A user that is not there is told so after the proof, in the same words.
                let proof = exchange.end(body).map_err(|_| malformed())?.filter(|_| login.user == world.account.user);
                let refused = || Problem::fatal("28P01", format!("password authentication failed for user \"{}\"", login.user));
                write::authentication(&mut self.writing, SASL_FINAL, proof.ok_or_else(refused)?.as_bytes());
                write::authentication(&mut self.writing, OK, &[]);
                self.open(&login, world)?;
            }
            stage => self.stage = stage,
        }
        Ok(())
    }

    fn open(&mut self, login: &Login, world: &World) -> Result<(), Problem> {
        if login.database != world.account.name {
            return Err(Problem::fatal("3D000", format!("database \"{}\" does not exist", login.database)));
        }
        let mut given = Vec::new();
        options(&login.options, &mut given)?;
        let settings = &mut self.state.settings;
        settings.fix("session_authorization", &login.user);
        for (name, value) in given.iter().chain(&login.settings) {
            settings.start_with(name, value)?;
        }
        self.report();
        write::message(&mut self.writing, b'K', |body| {
            body.extend(self.number.to_be_bytes());
            body.extend(&self.secret);
        });
        self.ready();
        Ok(())
    }
}

fn fatal(problem: Problem) -> Problem {
    Problem { severity: "FATAL", ..problem }
}

/// Reads what a client would give the server's command line: `-c name=value`, `--name=value`; a backslash keeps white space.
fn options(text: &str, settings: &mut Vec<(String, String)>) -> Result<(), Problem> {
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        let wrong = || Problem::fatal("42601", format!("invalid command-line argument for server process: {word}"));
        let pair = match word.strip_prefix("--") {
            Some(pair) => pair.to_owned(),
            None => match word.strip_prefix("-c").ok_or_else(wrong)? {
                "" => words.next().ok_or_else(wrong)?,
                pair => pair.to_owned(),
            },
        };
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.extend(characters.next()),
            _ if character.is_ascii_whitespace() => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            _ => word.push(character),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_a_command_line() {
        let mut settings = Vec::new();
        options(" -c a.b=1  -csearch_path=x\\ y --lock-timeout=5 ", &mut settings).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(settings, [pair("a.b", "1"), pair("search_path", "x y"), pair("lock_timeout", "5")]);
        assert_eq!(options("nonsense", &mut settings).unwrap_err().code, "42601");
    }
}
