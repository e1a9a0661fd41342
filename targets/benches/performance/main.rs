//! `cargo bench`: what poolproof costs, and what the same work would cost at least.
//!
//! It prints a table for each part and writes it to `docs/performance.md`, all of them or those that are named:
//! `cargo bench -- floor first`.

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod parts;

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn main() -> std::process::ExitCode {
    // Before anything else: this process may be the agent or the supervisor of a run.
    poolproof::assume_role(&poolproof_targets::all());
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    match parts::run(&named) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn main() {
    eprintln!("poolproof needs Linux");
}
