//! The tests that need real servers, real processes and real signals, with one private server for each database.
//!
//! A database without a server is left out, and its tests are listed as ignored; `POOLPROOF_REQUIRE=postgres,mysql` makes that
//! a failure.

mod bad_input;
mod cleanup;
mod executor;
mod lab;
mod pools;

use libtest_mimic::Arguments;

fn main() -> std::process::ExitCode {
    poolproof::assume_role(&lab::targets());
    let arguments = Arguments::from_args();
    let lab = lab::Lab::build(!arguments.list);
    let trials = [pools::trials(lab), executor::trials(lab), bad_input::trials(lab), cleanup::trials(lab)].concat_all();
    let conclusion = libtest_mimic::run(&arguments, trials);
    lab.close();
    conclusion.exit_code()
}

trait ConcatAll<T> {
    fn concat_all(self) -> Vec<T>;
}

impl<T, const N: usize> ConcatAll<T> for [Vec<T>; N] {
    fn concat_all(self) -> Vec<T> {
        self.into_iter().flatten().collect()
    }
}
