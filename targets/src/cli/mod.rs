//! The command line: from words to calls of the library, and from results to a screen and an exit code.
//!
//! Results go to the standard output; progress, errors and hints to the standard error.

// Half of it is only called where processes can be run.
#![cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]

mod args;
mod exit;
mod explain;
mod help;
mod names;
mod pools;
mod rules;
mod screen;
mod servers;

// What needs Linux.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod agree;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod benches;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod blame;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod certify;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod check_agent;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod ci;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod corpus;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod course;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod doctor;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod documents;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod emit;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod foreign;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod group;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod machine;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod matrix;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod mutants;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod page;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod progress;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod python;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod replay;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod second;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod signals;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod summary;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod table;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod verify;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod watch;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod which;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use exit::Stop;
use screen::Screen;

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::parse();
    if let Command::Certify(wanted) = &mut arguments.command {
        wanted.complete();
    }
    let done = std::panic::catch_unwind(|| carry_out(&arguments.command, &mut Screen::of_stdout()));
    match done {
        Ok(Ok(code)) => code.into(),
        Ok(Err(stop)) => stop.tell(),
        // The panic's own words are on the standard error already.
        Err(_) => Stop::bug("it panicked").tell(),
    }
}

fn carry_out(command: &Command, screen: &mut Screen) -> Result<exit::Code, Stop> {
    match command {
        Command::Pools => pools::run(screen),
        Command::Rules(wanted) => rules::run(wanted, screen),
        Command::Explain(wanted) => explain::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Certify(wanted) => certify::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Replay(wanted) => replay::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Verify(wanted) => verify::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Merge(wanted) => documents::merge(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Matrix(wanted) => matrix::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::WhichPromise(wanted) => which::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Agree(wanted) => agree::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Mutants(wanted) => mutants::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::CheckAgent(wanted) => check_agent::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Doctor(wanted) => doctor::run(wanted, screen),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Watch(wanted) => watch::run(wanted),
        #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
        Command::Corpus(wanted) => corpus::run(wanted, screen),
        #[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
        Command::Certify(_)
        | Command::Corpus(_)
        | Command::Replay(_)
        | Command::Verify(_)
        | Command::Merge(_)
        | Command::Matrix(_)
        | Command::WhichPromise(_)
        | Command::Agree(_)
        | Command::Mutants(_)
        | Command::CheckAgent(_)
        | Command::Doctor(_)
        | Command::Watch(_) => Err(Stop::needs_linux()),
    }
}
