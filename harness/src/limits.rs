//! The bounds of one interleaving and of the waiting for it. A server with less headroom is refused at the start.

use std::time::Duration;

/// Processes of one interleaving, the first included.
pub const PROCESSES: usize = 6;
/// Threads of one process, the main thread included.
pub const THREADS: usize = 4;
/// Numbers that a thread's name may have: `t0` to `t7`.
pub const THREADS_NAMED: usize = 8;
/// Checkouts that one process may hold, by name.
pub const HANDLES: usize = 8;
/// Pools that one process may hold.
pub const POOLS: usize = 4;
/// Steps of one interleaving.
pub const STEPS: usize = 64;
/// The last reply of a step that can be withheld.
pub const STALL: u8 = 9;
/// Interleavings for each pool and promise if nobody says how many.
pub const USUAL_CASES: u64 = 200;
/// The largest pool of an interleaving.
pub const MAX_SIZE: u32 = 4;
/// Sessions that one interleaving may have open at once; beyond it the tap turns clients away and gives no verdict.
pub const SESSIONS: usize = 64;
/// Bytes of a session that the tap keeps for a side that does not read them; beyond it the tap reads no more from the other side.
pub const PENDING: usize = 8 << 20;

/// How long a checkout may take that must succeed.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The same while searching; a failure is confirmed with [`PATIENCE`].
pub const PATIENCE_QUICK: Duration = Duration::from_millis(150);
/// How long a checkout waits that must block until somebody returns what he holds, as the rest of the interleaving says he will.
pub const PATIENCE_RELEASE: Duration = Duration::from_secs(20);
/// The same while searching: half of it is enough to see that somebody is not served in time, before he gives up and helps himself.
pub const PATIENCE_RELEASE_QUICK: Duration = Duration::from_millis(1100);
/// How long after room has come for it a waiting checkout must be served.
pub const SERVED: Duration = Duration::from_secs(5);
/// The same while searching; a failure is confirmed with [`SERVED`].
pub const SERVED_QUICK: Duration = Duration::from_millis(400);
/// How long a checkout waits that must block while nobody will release it.
pub const PATIENCE_BLOCKED: Duration = Duration::from_millis(10);
/// How long a checkout waits of which the model cannot say whether it will be served.
pub const PATIENCE_EITHER: Duration = Duration::from_millis(30);
/// The same as [`PATIENCE_BLOCKED`] where the server is embedded and answers within microseconds. Four of five interleavings have a
/// checkout that waits so long in vain, and nobody can use the time.
pub const PATIENCE_BLOCKED_INSIDE: Duration = Duration::from_micros(250);
/// The same as [`PATIENCE_EITHER`] where the server is embedded: a connection takes a fraction of it.
pub const PATIENCE_EITHER_INSIDE: Duration = Duration::from_millis(2);
/// How long a step, an exit or the server's EOF may take beyond its patience before the clock speaks.
pub const OVERDUE: Duration = Duration::from_secs(5);
/// The same while searching; a failure is confirmed with [`OVERDUE`].
pub const OVERDUE_QUICK: Duration = Duration::from_millis(400);
/// How much of the processor's time a thread may use up in one step without ever waiting for anything.
pub const SPINNING: Duration = Duration::from_secs(1);
/// The same while searching; a failure is confirmed with [`SPINNING`].
pub const SPINNING_QUICK: Duration = Duration::from_millis(100);
/// Quiet time after which the coordinator looks whether a process is stuck.
pub const QUIET: Duration = Duration::from_millis(10);
