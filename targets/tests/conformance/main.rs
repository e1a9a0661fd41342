//! The tests that need real servers, real processes and real signals, with one private server for each database.
//!
//! A database without a server is left out, and its tests are listed as ignored; `POOLPROOF_REQUIRE=postgres,mysql` makes that
//! a failure.

mod adapters;
mod agents;
mod agreement;
mod bad_input;
mod browser;
mod cleanup;
mod containers;
mod correct;
mod documents;
mod drivers;
mod embedded;
mod emitted;
mod executor;
mod explain;
mod faults;
mod field_reports;
mod first_report;
mod found;
mod fuzzing;
mod inside;
mod lab;
mod misfits;
mod mutants;
mod neutral;
mod nightly;
mod outside;
mod pooled;
mod pools;
mod printed;
mod processes;
mod python;
mod rough;
mod scenarios;
mod suites;
mod tls_server;
mod transports;
mod variables;
mod watched;

use libtest_mimic::Arguments;

fn main() -> std::process::ExitCode {
    poolproof::assume_role(&lab::targets());
    if let Some(code) = suites::instead() {
        return code;
    }
    let arguments = Arguments::from_args();
    let lab = lab::Lab::build(!arguments.list);
    let families = [
        pools::trials,
        executor::trials,
        inside::trials,
        faults::trials,
        bad_input::trials,
        cleanup::trials,
        embedded::trials,
        emitted::trials,
        agreement::trials,
        neutral::trials,
        mutants::trials,
        scenarios::trials,
        transports::trials,
        watched::trials,
        nightly::trials,
    ];
    let trials = families
        .into_iter()
        .flat_map(|family| family(lab))
        .chain(drivers::trials())
        .chain(correct::trials())
        .chain(adapters::trials())
        .chain(explain::trials())
        .chain(documents::trials())
        .chain(browser::trials())
        .chain(suites::trials())
        .chain(variables::trials())
        .chain(rough::trials())
        .chain(agents::trials())
        .chain(python::trials())
        .chain(field_reports::trials())
        .chain(first_report::trials())
        .chain(found::trials())
        .chain(pooled::trials())
        .chain(printed::trials())
        .chain(containers::trials())
        .chain(fuzzing::trials())
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    lab.close();
    conclusion.exit_code()
}
