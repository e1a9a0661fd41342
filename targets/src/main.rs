//! `poolproof`: certifies pools, replays failures, and says what it knows of pools, rules and this machine.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    // Before anything else: this process may be the agent or the supervisor of a run.
    poolproof::assume_role(&poolproof_targets::all());
    cli::run()
}
