//! The program that `exec` puts in place of the process under test: it only holds what it inherits, until it is told to end.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::Path;

use nix::sys::signal::{Signal, raise};

use super::actor::wait;
use super::control::Control;
use super::protocol::{Exit, Reply, Task};
use crate::pool::ErrorKind;

/// Replaces this program. It returns only if the kernel refuses.
pub(super) fn exec(argv: &[String], environment: &BTreeMap<String, String>) -> Reply {
    let refused = |why: &dyn std::fmt::Display| Reply::Error { kind: ErrorKind::Other, message: why.to_string() };
    let argv = argv.iter().map(|word| CString::new(word.as_str())).collect::<Result<Vec<_>, _>>();
    let environment =
        environment.iter().map(|(name, value)| CString::new(format!("{name}={value}"))).collect::<Result<Vec<_>, _>>();
    let (Ok(argv), Ok(environment)) = (argv, environment) else {
        return refused(&"a word with a zero in it");
    };
    let Some(program) = argv.first() else { return refused(&"no program is named") };
    let Err(error) = nix::unistd::execve(program, &argv, &environment);
    refused(&error)
}

/// The successor's main function.
pub(crate) fn main(socket: &Path, case: u32, process: &str) -> ! {
    let Ok(mut control) = Control::connect(socket, case, process.to_owned()) else { std::process::exit(0) };
    while let Ok(Some(order)) = control.order() {
        let reply = match order.task {
            Task::Exit { kind: Exit::Signal } => {
                let _ = raise(Signal::SIGKILL);
                break;
            }
            Task::Exit { kind: Exit::Panic } => std::process::exit(101),
            Task::Exit { .. } => break,
            Task::Wait { pid } => wait(pid),
            _ => Reply::Rejected("this program only holds what it inherited".to_owned()),
        };
        if control.answer(order.id, reply).is_err() {
            break;
        }
    }
    std::process::exit(0)
}
