//! The supervisor with real processes: what it starts, what it reports, and that nothing is left, however a run ends.
//!
//! Not the ordinary test harness: the supervisor is this same binary, started anew, and `main` decides which one it is.

#![cfg_attr(
    all(target_os = "linux", not(poolproof_elsewhere)),
    allow(dead_code, unused_imports, unreachable_pub, clippy::unwrap_used)
)]

#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn main() {}

// The modules under test are not public; they are compiled here once more, with a stand-in for what only their errors mention.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod interleaving {
    pub(crate) type ParseError = String;
}
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/pool.rs"]
mod pool;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/proc.rs"]
mod proc;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/supervisor/mod.rs"]
mod supervisor;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod support;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/transport.rs"]
mod transport;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/trouble.rs"]
mod trouble;

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn main() {
    if std::env::var("POOLPROOF_ROLE").as_deref() == Ok("supervisor") {
        supervisor::main();
    }
    tests::main()
}

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod tests {
    use std::sync::atomic::AtomicBool;

    /// Nobody presses Ctrl-C here.
    static NEVER: AtomicBool = AtomicBool::new(false);

    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::process::Command;

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use crate::supervisor::{Exit, Launch, Supervisor};
    use crate::support::{self, Coordinator, GONE, NOBODY, all_end, announce_and_stay, is_swept, processes, watch};
    use crate::trouble::Trouble;

    pub(crate) fn main() {
        match std::env::args().nth(1).as_deref() {
            Some("coordinate") => coordinate(),
            Some("try") => try_to_start(),
            _ => support::run(vec![
                ("an_orderly_end_leaves_nothing", an_orderly_end_leaves_nothing),
                ("dropping_the_supervisor_leaves_nothing", dropping_the_supervisor_leaves_nothing),
                ("kill_9_of_the_coordinator_leaves_nothing", || ended_by(Signal::SIGKILL, false)),
                ("ctrl_c_leaves_nothing", || ended_by(Signal::SIGINT, true)),
                ("no_signal_but_kill_ends_the_supervisor", no_signal_but_kill_ends_the_supervisor),
                ("an_abort_leaves_nothing", || ended_by(Signal::SIGABRT, false)),
                ("exits_are_reported", exits_are_reported),
                ("a_program_that_is_not_there_is_trouble", a_program_that_is_not_there_is_trouble),
                ("a_program_starts_in_a_standard_state", a_program_starts_in_a_standard_state),
                ("a_program_runs_as_the_user_it_was_given", a_program_runs_as_the_user_it_was_given),
                ("who_has_something_to_undo_has_time_for_it", who_has_something_to_undo_has_time_for_it),
                ("the_death_of_the_supervisor_is_noticed_and_swept", the_death_of_the_supervisor_is_noticed_and_swept),
                ("a_directory_that_cannot_be_written_is_trouble", a_directory_that_cannot_be_written_is_trouble),
                ("a_main_that_does_not_dispatch_does_not_start_itself_for_ever", a_main_that_does_not_dispatch),
            ]),
        }
    }

    fn coordinate() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        grow_forest(&supervisor);
        announce_and_stay(supervisor.run_dir())
    }

    fn try_to_start() {
        match Supervisor::start(&NEVER) {
            Ok(supervisor) => println!("{}", supervisor.run_dir().display()),
            Err(trouble) => println!("trouble: {trouble}"),
        }
    }

    /// Children, grandchildren, orphans, leaders of their own sessions, and some that ignore every signal that can be ignored.
    fn grow_forest(supervisor: &Supervisor) {
        let fifo = supervisor.run_dir().join("up");
        nix_fifo(&fifo);
        let stubborn = "trap '' HUP INT TERM QUIT; echo up > up; sleep 1000 & echo up > up; wait";
        let script = format!(
            "setsid sh -c \"{stubborn}\" &
             (setsid sh -c \"{stubborn}\" &)
             sh -c 'sh -c \"sh -c \\\"echo up > up; sleep 1000\\\"; true\"; true' &
             echo up > up
             wait"
        );
        // Opened for writing too, so that it has no end before the last of them has written.
        let up = fs::File::options().read(true).write(true).open(&fifo).unwrap();
        for _ in 0..2 {
            supervisor.spawn(&shell(supervisor, &script)).unwrap();
        }
        let lines = BufReader::new(up).lines().take(2 * 6).filter_map(Result::ok).count();
        assert_eq!(lines, 12);
    }

    fn nix_fifo(path: &Path) {
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    }

    fn shell(supervisor: &Supervisor, script: &str) -> Launch {
        Launch {
            argv: ["/bin/sh", "-c", script].map(ToOwned::to_owned).to_vec(),
            env: vec![("RUN".to_owned(), supervisor.run_dir().display().to_string())],
            dir: Some(supervisor.run_dir().to_owned()),
            ..Launch::default()
        }
    }

    fn an_orderly_end_leaves_nothing() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let run_dir = supervisor.run_dir().to_owned();
        assert_eq!(fs::metadata(&run_dir).unwrap().mode() & 0o777, 0o711);
        grow_forest(&supervisor);
        assert!(processes(&run_dir.display().to_string()).len() >= 12);
        supervisor.finish().unwrap();
        assert_eq!(processes(&run_dir.display().to_string()), NOBODY);
        assert!(!run_dir.exists());
    }

    fn dropping_the_supervisor_leaves_nothing() {
        let run_dir = std::panic::catch_unwind(|| {
            let supervisor = Supervisor::start(&NEVER).unwrap();
            grow_forest(&supervisor);
            std::panic::resume_unwind(Box::new(supervisor.run_dir().to_owned()));
        });
        let run_dir = run_dir.unwrap_err().downcast::<std::path::PathBuf>().unwrap();
        assert_eq!(processes(&run_dir.display().to_string()), NOBODY);
        assert!(!run_dir.exists());
    }

    fn ended_by(signal: Signal, to_group: bool) {
        let coordinator = Coordinator::start("coordinate");
        assert!(coordinator.processes().len() >= 12);
        coordinator.leaves_nothing_after(signal, to_group);
    }

    /// It is out of the terminal's reach, and blocks what somebody might send to it.
    fn no_signal_but_kill_ends_the_supervisor() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let child = supervisor.spawn(&shell(&supervisor, "exec sleep 1000")).unwrap();
        let process = parent(child);
        assert_eq!(rustix::process::getsid(rustix::process::Pid::from_raw(process)).unwrap().as_raw_nonzero().get(), process);
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGPIPE, Signal::SIGUSR1] {
            kill(Pid::from_raw(process), signal).unwrap();
        }
        let next = supervisor.spawn(&shell(&supervisor, "exit 5")).unwrap();
        assert_eq!(supervisor.wait_exit(next), Ok(Exit::Code(5)));
        assert_eq!(supervisor.has_exited(child), None);
        supervisor.finish().unwrap();
    }

    fn parent(process: u32) -> i32 {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn exits_are_reported() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let seven = supervisor.spawn(&shell(&supervisor, "exit 7")).unwrap();
        let stays = supervisor.spawn(&shell(&supervisor, "exec sleep 1000")).unwrap();
        assert_eq!(supervisor.wait_exit(seven), Ok(Exit::Code(7)));
        assert_eq!(supervisor.has_exited(seven), Some(Exit::Code(7)));
        assert_eq!(supervisor.has_exited(stays), None);
        // One thread waits while another gives orders.
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| supervisor.wait_exit(stays));
            let more: Vec<u32> = (0..20).map(|_| supervisor.spawn(&shell(&supervisor, "exit 3")).unwrap()).collect();
            assert!(more.iter().all(|&pid| supervisor.wait_exit(pid) == Ok(Exit::Code(3))));
            supervisor.end(seven); // long gone: nobody must die of it
            supervisor.end(stays);
            assert_eq!(waits.join().unwrap(), Ok(Exit::Signal(9)));
        });
        supervisor.finish().unwrap();
    }

    fn a_program_that_is_not_there_is_trouble() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let launch = Launch { argv: vec!["/nowhere/server".to_owned()], ..Launch::default() };
        let trouble = supervisor.spawn(&launch).unwrap_err();
        assert!(matches!(&trouble, Trouble::Program { program, .. } if program == "/nowhere/server"), "{trouble}");
        let launch = Launch { output: Some("/nowhere/log".into()), ..shell(&supervisor, "true") };
        assert!(supervisor.spawn(&launch).unwrap_err().to_string().contains("/nowhere/log"));
        assert!(supervisor.spawn(&shell(&supervisor, "true")).is_ok(), "it goes on");
    }

    /// No signal blocked or ignored, no descriptor of the coordinator or the supervisor, no role, a group of its own.
    fn a_program_starts_in_a_standard_state() {
        let leaked = fs::File::open("/dev/null").unwrap();
        rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
        // SAFETY: a signal that nobody sends is ignored; no handler is installed.
        unsafe { nix::sys::signal::signal(Signal::SIGUSR2, nix::sys::signal::SigHandler::SigIgn) }.unwrap();
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let answer = supervisor.run_dir().join("answer");
        let script = "ls /proc/$$/fd; echo role=$POOLPROOF_ROLE extra=$EXTRA; echo group `ps -o pgid= -p $$` $$";
        let mut launch = Launch { output: Some(answer.clone()), ..shell(&supervisor, script) };
        launch.env.push(("EXTRA".to_owned(), "yes".to_owned()));
        let pid = supervisor.spawn(&launch).unwrap();
        supervisor.wait_exit(pid).unwrap();
        let text = fs::read_to_string(&answer).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines[..3], ["0", "1", "2"], "{text}");
        assert!(lines[3..].iter().all(|line| *line != leaked.as_raw_fd().to_string()), "{text}");
        assert!(text.contains("role= extra=yes"), "{text}");
        assert!(text.contains(&format!("group {pid} {pid}")), "{text}");
        // Not by a shell, which sets them.
        let argv = ["/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"].map(ToOwned::to_owned).to_vec();
        let answer = supervisor.run_dir().join("masks");
        let pid = supervisor.spawn(&Launch { argv, output: Some(answer.clone()), ..Launch::default() }).unwrap();
        supervisor.wait_exit(pid).unwrap();
        let masks = fs::read_to_string(&answer).unwrap();
        assert_eq!(masks.lines().count(), 2);
        for mask in masks.lines().filter_map(|line| line.strip_prefix("Sig")?.split_once('\t')) {
            // The C library keeps the first two after 31 for itself and lets nobody set them.
            assert_eq!(u64::from_str_radix(mask.1, 16).unwrap() & 0x7fff_ffff, 0, "{mask:?}");
        }
    }

    fn a_program_runs_as_the_user_it_was_given() {
        if !rustix::process::geteuid().is_root() {
            return; // nobody but root can give another user
        }
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let answer = supervisor.run_dir().join("answer");
        // SIGKILL, signal 9, must come when the supervisor dies, although the change of user clears that.
        let launch =
            Launch { user: Some((65534, 65534)), output: Some(answer.clone()), clean: true, ..shell(&supervisor, "id; env") };
        let pid = supervisor.spawn(&launch).unwrap();
        supervisor.wait_exit(pid).unwrap();
        let text = fs::read_to_string(&answer).unwrap();
        assert!(text.contains("uid=65534") && text.contains("gid=65534"), "{text}");
        assert!(!text.contains("(root)"), "no group of root is kept: {text}");
        assert!(!text.contains("CARGO"), "a clean environment: {text}");
    }

    /// At the end of a run, when it is told to end alone, and when the supervisor is killed; what has nothing to undo goes at once.
    fn who_has_something_to_undo_has_time_for_it() {
        let ends: [fn(Supervisor, u32); 3] = [
            |supervisor, _| supervisor.finish().unwrap(),
            |supervisor, child| {
                supervisor.end(child);
                assert_eq!(supervisor.wait_exit(child), Ok(Exit::Code(0)));
                supervisor.finish().unwrap();
            },
            |supervisor, child| {
                kill(Pid::from_raw(parent(child)), Signal::SIGKILL).unwrap();
                assert!(matches!(supervisor.wait_exit(child), Err(Trouble::Supervisor { .. })));
            },
        ];
        for end in ends {
            let supervisor = Supervisor::start(&NEVER).unwrap();
            let elsewhere = std::env::temp_dir().join(format!("undone-{}", crate::supervisor::random_name(8)));
            let fifo = supervisor.run_dir().join("up");
            nix_fifo(&fifo);
            // Its work takes longer than anybody who is killed has.
            let script = format!(
                "trap 'kill $!; sleep 0.3; echo undone > {}; exit 0' TERM; echo up > up; while true; do sleep 1000 & wait; done",
                elsewhere.display()
            );
            let child = supervisor.spawn(&Launch { undoes: true, ..shell(&supervisor, &script) }).unwrap();
            let bystander = supervisor.spawn(&shell(&supervisor, "exec sleep 1000")).unwrap();
            let watched: Vec<OwnedFd> = [child, bystander].iter().filter_map(|pid| watch(pid.cast_signed())).collect();
            assert_eq!(fs::read_to_string(&fifo).unwrap(), "up\n");
            end(supervisor, child);
            assert!(all_end(&watched, GONE));
            assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "undone\n");
            fs::remove_file(elsewhere).unwrap();
        }
    }

    fn the_death_of_the_supervisor_is_noticed_and_swept() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let user = rustix::process::geteuid().is_root().then_some((65534, 65534));
        let child = supervisor.spawn(&Launch { user, ..shell(&supervisor, "exec sleep 1000") }).unwrap();
        let watched: Vec<OwnedFd> = watch(child.cast_signed()).into_iter().collect();
        let run_dir = supervisor.run_dir().to_owned();
        assert_eq!(supervisor.check(), Ok(()));
        kill(Pid::from_raw(parent(child)), Signal::SIGKILL).unwrap();
        assert!(matches!(supervisor.wait_exit(child), Err(Trouble::Supervisor { .. })));
        assert!(matches!(supervisor.spawn(&shell(&supervisor, "true")), Err(Trouble::Supervisor { .. })));
        assert!(supervisor.check().is_err());
        assert!(all_end(&watched, GONE), "the kernel ends its children");
        assert!(supervisor.finish().is_err());
        let next = Supervisor::start(&NEVER).unwrap();
        assert!(is_swept(&run_dir), "the next run sweeps it");
        next.finish().unwrap();
    }

    fn a_directory_that_cannot_be_written_is_trouble() {
        for dir in ["/nowhere", "/proc"] {
            let tried = Command::new("/proc/self/exe").arg("try").env("TMPDIR", dir).output().unwrap();
            let words = String::from_utf8(tried.stdout).unwrap();
            assert!(words.starts_with(&format!("trouble: cannot make a run directory in {dir}")), "{words}");
            assert!(words.contains("set TMPDIR"), "{words}");
        }
    }

    fn a_main_that_does_not_dispatch() {
        let tried = Command::new("/proc/self/exe").arg("try").env("POOLPROOF_ROLE", "forgotten").output().unwrap();
        let words = String::from_utf8(tried.stdout).unwrap();
        assert!(words.contains("must call `poolproof::assume_role` first"), "{words}");
    }
}
