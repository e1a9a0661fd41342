//! What a command's run stands on: a bench that Ctrl-C ends, with the servers that were asked for.

use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify::Plan;
use poolproof::execute::{TapShim, Weakness};
use poolproof::{Database, Target};

use super::exit::Stop;
use super::progress::Teller;
use super::servers::Servers;
use super::{pools, signals};

/// A bench with a server for each database that the pools need.
pub(crate) fn prepare(targets: &[Target], servers: &Servers, teller: &mut Teller) -> Result<Bench, Stop> {
    servers.reachable(targets.to_vec(), true)?;
    let needed = |database: &Database| targets.iter().any(|target| target.database() == *database);
    let databases: Vec<Database> = [Database::Postgres, Database::MySql].into_iter().filter(needed).collect();
    let places = servers.of(&databases)?;
    let mut bench = bench()?;
    bench.take(servers.transport());
    for (database, place) in places {
        teller.begins(&match place {
            ServerChoice::Embedded => "catching the canary".to_owned(),
            ServerChoice::Local => format!("starting {}", pools::protocol(database)),
            ServerChoice::Container => format!("starting {} in a container", pools::protocol(database)),
            ServerChoice::PgBouncer(_) => "starting PostgreSQL and PgBouncer".to_owned(),
            ServerChoice::Url(..) => format!("looking at the server for {}", database.name()),
        });
        bench.add_server(&place, database)?;
    }
    teller.clear();
    Ok(bench)
}

/// A bench that Ctrl-C ends.
pub(crate) fn bench() -> Result<Bench, Stop> {
    let mut bench = Bench::start(signals::stop_flag()?)?;
    bench.weaken(weakness());
    Ok(bench)
}

/// None, but where the tests' variable takes the tap's sight, so that they can see every command refuse.
pub(crate) fn weakness() -> Weakness {
    let blind = std::env::var_os("POOLPROOF_TEST_WEAKNESS").is_some_and(|weakness| weakness == "blind");
    Weakness { tap: TapShim { blind, ..TapShim::default() }, ..Weakness::default() }
}

/// So many workers as were asked for, or as have processors.
pub(crate) fn workers(wanted: Option<u16>) -> usize {
    wanted.map_or_else(|| Plan::default().workers, usize::from)
}
