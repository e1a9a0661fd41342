//! One binary, several roles: the coordinator, its agent, its supervisor and the keepers of its containers. The environment decides,
//! before anything else runs.

use std::collections::BTreeMap;
use std::path::Path;

use crate::interleaving::Process;
use crate::target::Target;

/// Names the role of a process that the coordinator started: `supervisor`, `agent` or `keeper` (of a container); or that an agent
/// became: `successor`.
const ROLE: &str = "POOLPROOF_ROLE";
/// Names the agent's pool.
const POOL: &str = "POOLPROOF_POOL";
/// Names the agent's control socket.
const CONTROL: &str = "POOLPROOF_CONTROL";
/// Names the case and the process of which a successor took the place: `7 p1`.
const PLACE: &str = "POOLPROOF_PLACE";

/// Runs this process as an agent or as the supervisor, if the coordinator started it as one; otherwise it returns.
///
/// Call it first in `main`, before threads are started and before a runtime is built, with every target that the program knows.
pub fn assume(targets: &[Target]) {
    match std::env::var(ROLE).as_deref() {
        Ok("supervisor") => crate::supervisor::main(),
        Ok("agent") => run_agent(targets),
        #[cfg(feature = "containers")]
        Ok(crate::server::container::KEEPER) => crate::server::container::keep(),
        Ok("successor") => succeed(),
        _ => {}
    }
}

fn run_agent(targets: &[Target]) -> ! {
    let name = std::env::var(POOL).unwrap_or_default();
    let control = std::env::var_os(CONTROL).unwrap_or_default();
    let canaries = crate::canary::targets();
    let named = targets.iter().chain(&canaries).filter(|target| target.name() == name);
    for variable in [ROLE, POOL, CONTROL] {
        // SAFETY: no other thread has been started yet.
        unsafe { std::env::remove_var(variable) };
    }
    named.for_each(|target| target.run_agent(Path::new(&control)));
    eprintln!("poolproof: this program has no pool '{name}'; call `poolproof::assume_role` with every target that it judges");
    std::process::exit(70)
}

fn succeed() -> ! {
    let control = std::env::var_os(CONTROL).unwrap_or_default();
    let place = std::env::var(PLACE).unwrap_or_default();
    let (case, process) = place.split_once(' ').unwrap_or_default();
    crate::agent::successor::main(Path::new(&control), case.parse().unwrap_or_default(), process)
}

/// What makes this program the successor of a process under test.
pub(crate) fn successor_environment(control: &Path, case: u32, process: Process) -> BTreeMap<String, String> {
    let control = control.to_string_lossy().into_owned();
    let pairs = [(ROLE, "successor".to_owned()), (CONTROL, control), (PLACE, format!("{case} {process}"))];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What makes a process the agent of a pool, be it of this program or of another one.
pub(crate) fn agent_environment(pool: &str, control: &Path) -> Vec<(String, String)> {
    let control = control.to_string_lossy().into_owned();
    // A backtrace costs a hundred times what the panic does, and it is not reported.
    let quiet = ("RUST_BACKTRACE".to_owned(), "0".to_owned());
    vec![(ROLE.to_owned(), "agent".to_owned()), (POOL.to_owned(), pool.to_owned()), (CONTROL.to_owned(), control), quiet]
}
