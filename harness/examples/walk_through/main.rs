//! A walk through: a pool with a bug, the interleaving that shows it, and the cure. `cargo run -p poolproof --example walk_through`.
//!
//! 1. `pool.rs` is a pool as many are. It never asks in which process it is. Its adapter is the last part of the file.
//! 2. The author wants to promise: *a child may use the inherited pool* (`Promise::ChildUsesPool`). So this is what is searched.
//! 3. The search finds that two processes write on one connection (OWN-1), and shrinks it to a few steps. Read the lanes from the
//!    top: the parent holds a connection and forks; the child returns its copy, as a destructor would, and so puts the parent's
//!    connection among the free ones; its next checkout is given it, and asks on it.
//! 4. The cure is in `pool.rs`, at the three places that say *cure*: the pool remembers in which process it is, and in a new one
//!    leaves everything that it inherited alone, without a byte on the wire.
//! 5. The same search, over the cured pool, finds nothing any more.

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod pool;

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::sync::atomic::AtomicBool;

    use poolproof::bench::{Bench, ServerChoice};
    use poolproof::certify::{Cases, Plan, certify};
    use poolproof::report::{self, Style};
    use poolproof::{Database, Promise, Target};

    let before = Target::of::<pool::Workshop<false>>("workshop", "a pool that never asks in which process it is");
    let after = Target::of::<pool::Workshop<true>>("workshop-cured", "the same pool, cured");
    // This program is its own agent: that is decided before anything else.
    poolproof::assume_role(&[before, after]);

    static NEVER: AtomicBool = AtomicBool::new(false);
    let mut bench = Bench::start(&NEVER)?;
    bench.add_server(&ServerChoice::Embedded, Database::Postgres)?;
    let plan = Plan { cases: Cases::Number(100), ..Plan::default() };
    for target in [before, after] {
        let cells = certify(&bench, &target, &[Promise::ChildUsesPool], &plan, &|_| Ok(Vec::new()), &mut |_| {})?;
        for cell in &cells {
            println!("{}: {} broken in {} interleavings\n", target.name(), cell.failures.len(), cell.cases);
            if let Some(failure) = cell.failures.iter().find(|failure| failure.rule.id == "OWN-1") {
                let finding = failure.finding(target.name(), "the embedded server", true, "run this example again");
                println!("{}", report::failure(&finding, Style::default()));
            }
            let verdicts = cell.verdicts.iter().map(|(rule, verdict)| (*rule, verdict));
            println!("{}", report::verdict_table(verdicts, Style::default()));
        }
    }
    Ok(bench.finish()?)
}

/// The driver of this pool is poolproof's own, and that needs Linux.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn main() {}
