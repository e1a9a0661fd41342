//! What the server's log says of encrypted sessions: that a record failed its check names the session by the port it comes from.
//!
//! It reads what was added since a case began, and understands PostgreSQL's lines, which begin as a private server is told to begin
//! them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The log of a server on this machine.
pub(super) struct Log(Option<File>);

/// What OpenSSL says of a record that fails its check, and so does PostgreSQL.
const COMPLAINT: &str = "bad record mac";
/// Before the host and the port of the client, and behind them.
const HOST: &str = "] 127.0.0.1(";
const END: &str = ") ";

/// A line about a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From which port the session comes.
    pub(super) port: u16,
    /// The server's words.
    pub(super) words: String,
}

impl Log {
    /// The log in that file, if there is one that can be read.
    pub(super) fn of(file: Option<&Path>) -> Self {
        Self(file.and_then(|file| File::open(file).ok()))
    }

    /// What is there is of no interest.
    pub(super) fn skip(&mut self) {
        if let Some(file) = &mut self.0 {
            // Where that fails old lines are read again, of ports that no session has.
            let _ = file.seek(SeekFrom::End(0));
        }
    }

    /// The records that failed their check, since this was last asked.
    pub(super) fn complaints(&mut self) -> Vec<Line> {
        let mut bytes = Vec::new();
        if let Some(file) = &mut self.0 {
            let _ = file.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).lines().filter_map(complaint).collect()
    }
}

fn complaint(line: &str) -> Option<Line> {
    let (port, words) = line.split_once(HOST)?.1.split_once(END)?;
    let words = words.split_once(": ").map_or(words, |(_, words)| words).trim();
    words.contains(COMPLAINT).then_some(Line { port: port.parse().ok()?, words: words.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 writes them.
    #[test]
    fn a_line_about_a_record_names_the_port() {
        let line = "2026-11-29 13:00:00.123 UTC [4711] 127.0.0.1(40112) LOG:  SSL error: decryption failed or bad record mac";
        let found = Line { port: 40112, words: "SSL error: decryption failed or bad record mac".to_owned() };
        assert_eq!(complaint(line), Some(found));
        assert_eq!(complaint("2026-11-29 13:00:00.123 UTC [4711] 127.0.0.1(40112) LOG:  unexpected EOF on client"), None);
        assert_eq!(complaint("2026-11-29 13:00:00.123 UTC [1]  LOG:  database system is ready to accept connections"), None);
    }

    #[test]
    fn only_what_is_new_is_read() {
        use std::io::Write;
        let path = std::env::temp_dir().join(format!("poolproof-log-{}", std::process::id()));
        let line = "x [1] 127.0.0.1(7) LOG:  SSL error: bad record mac\n";
        std::fs::write(&path, line).expect("a file");
        let mut log = Log::of(Some(&path));
        log.skip();
        assert_eq!(log.complaints(), []);
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("the file");
        file.write_all(line.as_bytes()).expect("room");
        assert_eq!(log.complaints().len(), 1);
        assert_eq!(log.complaints(), []);
        std::fs::remove_file(&path).expect("the file");
    }
}
