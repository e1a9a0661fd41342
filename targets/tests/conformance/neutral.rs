//! The neutral drivers, on embedded and on real servers: the same for both databases.

use libtest_mimic::Trial;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use poolproof::neutral::{Connection, Driver, MySql, Postgres, Status};
use poolproof::server::serve::Served;
use poolproof::{Config, Database, ErrorKind};

use crate::lab::{Lab, Outcome, ensure, scratch};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    [of::<Postgres>(lab), of::<MySql>(lab)].into_iter().flatten().collect()
}

type Test = fn(&Config) -> Outcome;

fn of<D: Driver>(lab: &'static Lab) -> Vec<Trial> {
    let tests: [(&str, Test); 4] = [
        ("gives rows, and forgets everything when it is reset", forgets::<D>),
        ("says nothing in a process that did not open it", is_silent::<D>),
        ("breaks off what runs", breaks_off::<D>),
        ("hurts nobody by a cancel when nothing runs", cancels_nothing::<D>),
    ];
    let name = D::DATABASE.name();
    let real = tests.map(|(title, test)| {
        lab.trial(D::DATABASE, format!("the neutral {name} driver {title}"), move |lab| test(&lab.config(D::DATABASE)?))
    });
    let embedded = tests.map(|(title, test)| {
        Trial::test(format!("the neutral {name} driver {title}, embedded"), move || {
            let (_directory, path) = scratch();
            test(Served::start(D::DATABASE, &path)?.config())
        })
    });
    real.into_iter().chain(embedded).collect()
}

/// What the tests say to a database.
struct Words {
    /// Gives its argument, a number and nothing.
    prepared: &'static str,
    setting: [&'static str; 2],
    /// Takes a lock, or waits for it.
    lock: &'static str,
    /// Takes the same lock if it is free, and says whether it was.
    try_lock: (&'static str, &'static str),
    /// Takes another lock, or waits for it.
    other_lock: &'static str,
    interrupted: &'static str,
}

fn words<D: Driver>() -> Words {
    match D::DATABASE {
        Database::Postgres => Words {
            prepared: "SELECT $1, 42, NULL",
            setting: ["SET poolproof.mark = 'left'", "SELECT current_setting('poolproof.mark', true)"],
            lock: "SELECT pg_advisory_lock(7)",
            other_lock: "SELECT pg_advisory_lock(8)",
            try_lock: ("SELECT pg_try_advisory_lock(7)", "t"),
            interrupted: "57014",
        },
        Database::MySql => Words {
            prepared: "SELECT ?, 42, NULL",
            setting: ["SET @poolproof_mark = 'left'", "SELECT @poolproof_mark"],
            lock: "SELECT GET_LOCK('poolproof-7', 1000)",
            other_lock: "SELECT GET_LOCK('poolproof-8', 1000)",
            try_lock: ("SELECT GET_LOCK('poolproof-7', 0)", "1"),
            interrupted: "1317",
        },
    }
}

fn forgets<D: Driver>(config: &Config) -> Outcome {
    let words = words::<D>();
    let mut one = Connection::<D>::connect(config)?;
    let mut other = Connection::<D>::connect(config)?;
    for argument in ["first", "the same statement", "it's"] {
        let rows = one.prepared(words.prepared, argument)?;
        ensure(rows == [[Some(argument.to_owned()), Some("42".to_owned()), None]], || format!("{rows:?}"))?;
    }
    let wrong = one.prepared("SELEC", "").expect_err("this is no SQL");
    ensure(wrong.kind == ErrorKind::Database, || format!("{wrong:?}"))?;
    one.query(words.setting[0])?;
    one.query(words.lock)?;
    one.query("BEGIN")?;
    ensure(one.status() == Status::Transaction, || format!("{:?}", one.status()))?;
    one.reset()?;
    ensure(one.status() == Status::Idle, || format!("{:?}", one.status()))?;
    let setting = one.query(words.setting[1])?.concat().remove(0).unwrap_or_default();
    ensure(setting.is_empty(), || format!("the setting is {setting}"))?;
    let free = other.query(words.try_lock.0)?.concat();
    ensure(free == [Some(words.try_lock.1.to_owned())], || format!("the lock was kept: {free:?}"))?;
    let rows = one.prepared(words.prepared, "é")?;
    ensure(rows.concat().first() == Some(&Some("é".to_owned())), || format!("{rows:?}"))
}

/// Whatever byte the child wrote would end the session or put it out of order.
fn is_silent<D: Driver>(config: &Config) -> Outcome {
    let words = words::<D>();
    let mut session = Connection::<D>::connect(config)?;
    session.prepared(words.prepared, "known before the fork")?;
    let mut session = Some(session);
    // SAFETY: the child makes system calls and uses the allocator, which glibc makes usable, and leaves by `_exit`.
    if let ForkResult::Parent { child } = unsafe { fork() }? {
        let ended = waitpid(child, None)?;
        ensure(ended == WaitStatus::Exited(child, 0), || format!("the child was not refused: {ended:?}"))?;
        let mut session = session.take().ok_or("it was just opened")?;
        session.prepared(words.prepared, "and after it")?;
        return Ok(());
    }
    let refused = session.take().is_some_and(|mut session| {
        let answers = [
            session.query("SELECT 1").err(),
            session.prepared(words.prepared, "").err(),
            session.reset().err(),
            session.cancel().err(),
        ];
        answers.into_iter().all(|error| error.is_some_and(|error| error.kind == ErrorKind::Refused))
    });
    leave(i32::from(!refused))
}

fn leave(code: i32) -> ! {
    // SAFETY: `_exit` takes no pointer and runs nothing of this process.
    unsafe { libc::_exit(code) }
}

/// A child asks for it until it is ended, for nothing tells it when the statement has begun.
fn breaks_off<D: Driver>(config: &Config) -> Outcome {
    let words = words::<D>();
    let mut holder = Connection::<D>::connect(config)?;
    holder.query(words.other_lock)?;
    let mut waiter = Connection::<D>::connect(config)?.without_guard();
    // SAFETY: the child makes system calls and uses the allocator, which glibc makes usable, until it is ended.
    let child = match unsafe { fork() }? {
        ForkResult::Parent { child } => Ended(child),
        ForkResult::Child => {
            while waiter.cancel().is_ok() {}
            leave(1)
        }
    };
    let answer = waiter.query(words.other_lock);
    drop(child);
    let broken_off = match &answer {
        Ok(rows) => *rows == [[None]], // MariaDB's word for it
        Err(error) => error.message.contains(words.interrupted),
    };
    ensure(broken_off, || format!("{answer:?}"))
}

/// A process that goes with the test.
struct Ended(Pid);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = waitpid(self.0, None);
    }
}

fn cancels_nothing<D: Driver>(config: &Config) -> Outcome {
    let mut session = Connection::<D>::connect(config)?;
    for _ in 0..50 {
        session.cancel()?;
        session.query("SELECT 1")?;
        session.prepared(words::<D>().prepared, "")?;
    }
    Ok(())
}
