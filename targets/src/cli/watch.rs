//! `poolproof watch`.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use poolproof::Database;
use poolproof::history::Ending;
use poolproof::watch::{Program, Watched, watch};

use super::args::Watch;
use super::benches::weakness;
use super::exit::{Code, Stop};
use super::signals;

/// Before the number of a signal, in the exit code for a program that it has ended.
const BY_SIGNAL: i32 = 128;

/// Runs the program, and tells what is seen.
pub(crate) fn run(wanted: &Watch) -> Result<Code, Stop> {
    let database = database(wanted)?;
    let program = Program { command: wanted.command.clone(), database, server: wanted.place.clone(), weakness: weakness() };
    let mut ledger = Ledger::open(wanted.log.as_deref())?;
    let watched = watch(&program, &signals::calls()?, &mut |line| ledger.tell(line))?;
    ledger.close()?;
    code(&watched, &wanted.command[0].to_string_lossy())
}

/// That of the URL; PostgreSQL where nothing names one.
fn database(wanted: &Watch) -> Result<Database, Stop> {
    match (wanted.place.database(), wanted.database) {
        (Some(of), Some(named)) if of != named => {
            Err(Stop::usage(format!("--server names a server for {}, and --database {}", of.name(), named.name())))
        }
        (of, named) => Ok(of.or(named).unwrap_or(Database::Postgres)),
    }
}

fn code(watched: &Watched, program: &str) -> Result<Code, Stop> {
    match &watched.ending {
        Err(error) => Err(cannot_start(program, error)),
        Ok(_) if watched.foreign_writes > 0 => Ok(Code::Broken),
        Ok(Ending::Code(code)) => Ok(Code::Program(*code as u8)),
        Ok(Ending::Signal(signal)) => Ok(Code::Program((BY_SIGNAL + signal) as u8)),
    }
}

fn cannot_start(program: &str, error: &std::io::Error) -> Stop {
    let stop = Stop::program(error.kind() == std::io::ErrorKind::NotFound, format!("cannot start {program}: {error}"));
    stop.hint("a shell's own words need a shell: poolproof watch -- sh -c '…'")
}

/// Where it is told what is seen.
struct Ledger {
    file: Option<File>,
    failed: Option<std::io::Error>,
}

impl Ledger {
    fn open(path: Option<&Path>) -> Result<Self, Stop> {
        let open = |path: &Path| File::options().append(true).create(true).open(path);
        let file = path.map(|path| open(path).map_err(|error| Stop::environment(format!("{}: {error}", path.display()))));
        Ok(Self { file: file.transpose()?, failed: None })
    }

    /// A line at a time, so that it stands whole among the program's own. What cannot be written must not end the program.
    fn tell(&mut self, line: &str) {
        let line = format!("poolproof watch: {line}\n");
        let written = match &mut self.file {
            Some(file) => file.write_all(line.as_bytes()),
            // Nobody may be reading it.
            None => {
                let _ = std::io::stderr().write_all(line.as_bytes());
                Ok(())
            }
        };
        self.failed = self.failed.take().or(written.err());
    }

    fn close(self) -> Result<(), Stop> {
        self.failed.map_or(Ok(()), |error| Err(Stop::environment(format!("cannot write the log: {error}; it is not whole"))))
    }
}
