//! Embedded and real servers are compared: they agree, and where one is made to differ that is seen.

use libtest_mimic::Trial;
use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify::{self, Sample};
use poolproof::{Database, Promise};
use poolproof_targets::agreement::Agreement;

use crate::embedded::bench;
use crate::lab::{Lab, NEVER, Outcome, OwnDatabase, ensure, run, says, scaled, target, tool};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let mut trials = Vec::new();
    for pool in ["reference", "r2d2-postgres", "r2d2-mysql", "mysql"] {
        let database = target(pool).database();
        trials.push(lab.trial(database, format!("embedded and real servers agree on {pool}"), move |lab| agree(lab, pool)));
    }
    let same = "agree exits with 0 where the servers agree";
    trials.push(lab.trial(Database::MySql, same, |lab| {
        let mut command = tool();
        command.args(["agree", "mysql", "--cases", "5", "--server", lab.url(Database::MySql)]);
        says(&mut command, 0, &["interleavings", "agreed", "mysql "])
    }));
    trials.push(lab.trial(Database::Postgres, "agree exits with 1 where a server loses what it acknowledged", forgetful));
    trials.push(Trial::test("agree takes no embedded server for the real one", || {
        says(tool().args(["agree", "mysql", "--cases", "1", "--server", "embedded"]), 2, &["name a real one"])
    }));
    trials
}

/// The same interleavings on both: the same rule is broken first, or none is.
fn agree(lab: &Lab, pool: &str) -> Outcome {
    let target = target(pool);
    let accepted = Agreement::built_in()?;
    let inside = bench(&target)?;
    let outside = lab.bench(target.database(), poolproof::execute::Weakness::default());
    let product = outside.product(target.database()).ok_or("a server without a name")?;
    for promise in [Promise::ChildUsesPool, Promise::ChildDrops, Promise::DisposeBeforeFork, Promise::ThreadsOnly] {
        let sample = Sample { promise, seed: 9, numbers: 20..20 + scaled(25, 200) };
        for difference in certify::compare([&inside, &outside], &target, &sample, 1, &mut |_| {})? {
            let certify::Difference { interleaving, causes, .. } = difference;
            ensure(accepted.accepts(pool, product, &causes), || format!("embedded and {product}: {causes:?}\n{interleaving}"))?;
        }
    }
    Ok(())
}

/// A real server with a trigger that drops every row of the ledger: there the reference breaks TXN-1, and nowhere else. One worker and
/// two print the same.
fn forgetful(lab: &Lab) -> Outcome {
    let database = OwnDatabase::create(lab, "forgetful")?;
    let mut own = Bench::start(&NEVER)?;
    own.add_server(&ServerChoice::Url(database.url()), Database::Postgres)?;
    for sql in FORGETFUL {
        own.ask(Database::Postgres, sql)?;
    }
    own.finish()?;
    let agree = |workers: &str| {
        let mut command = tool();
        command.args(["agree", "reference", "--promise", "threads-only", "--cases", "30", "--workers", workers]);
        let output = run(command.args(["--server", &database.url()]));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure(output.status.code() == Some(1), || {
            format!("{}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr))
        })?;
        Ok::<_, libtest_mimic::Failed>(text)
    };
    let (one, two) = (agree("1")?, agree("2")?);
    for words in ["promise threads-only\n", "embedded: no rule was broken\n", ": TXN-1\n"] {
        ensure(one.contains(words), || format!("'{words}' is missing in: {one}"))?;
    }
    ensure(one.matches("server differ").count() > 1, || format!("one difference has no order: {one}"))?;
    ensure(one == two, || format!("{one}\n--- with two workers ---\n{two}"))
}

/// Every table that is made from now on loses its rows.
const FORGETFUL: [&str; 3] = [
    "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE FUNCTION make_forgetful() RETURNS event_trigger LANGUAGE plpgsql AS $$ \
     DECLARE made record; \
     BEGIN \
         FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands() LOOP \
             EXECUTE format('CREATE TRIGGER lose BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION lose()', made.object_identity); \
         END LOOP; \
     END $$",
    "CREATE EVENT TRIGGER forgetful ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION make_forgetful()",
];
