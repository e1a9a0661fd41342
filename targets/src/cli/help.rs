//! The longer texts of the help.

use poolproof::Promise;

/// What every exit code means; part of the long help.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    passed: every MUST that was promised held
  1    a promised MUST was broken
  2    usage: an unknown pool, rule or promise, a file that is not there or has a typo
  3    environment: no server, writers cannot be told apart here, a directory cannot be written, an
       agent that does not start or does not keep to its protocol
  4    not exercised: a promised MUST had no opportunity to be broken; run more cases
  5    no verdict: the evidence does not decide
  70   a bug of poolproof
  130  interrupted";

/// What one types.
pub(crate) const EXAMPLES: &str = "\
Examples:
  poolproof certify                               every pool, under the usual promises
  poolproof certify r2d2-postgres --cases 1000    one pool, and more of it
  poolproof certify mysql --promise child-drops   only what this promise allows
  poolproof replay poolproof-out/failures/mysql/child-drops.OWN-1.interleaving --pool mysql
  poolproof rules OWN-1                           what a rule demands, why, and what to do
  poolproof doctor                                what this machine allows";

/// What `certify` does, but for its promises.
const CERTIFY: &str = "\
For each promise interleavings of fork, threads, checkout, query, commit, return, dispose and exit
are run in real processes against a server, and judged by the rules. What breaks a rule is
confirmed, shrunk, replayed 20 times, printed, and saved under --out, from where it is run first
next time. The same seed and number of cases give the same interleavings, whatever the number of
workers.

They come from four sources, in this order: scenarios, which are failures known from the field;
sweep, which puts a fork at each place of small interleavings; exhaustive, everything up to --depth
steps that begins by opening a pool, up to renaming; and random. Each has at most a quarter, and
random the rest. Without random, and without --cases, everything that there is is run:

  poolproof certify reference --promise child-uses-pool --source exhaustive --depth 5

The server is the one inside poolproof, unless --server names another. What the kernel witnesses
there is certain. An effect, such as a checkout that hangs, is then looked for on a real server, if
one is installed; otherwise it is marked as provisional.

Promises, weakest first; a pool is only judged by what the application promises:";

/// What `replay` does.
const REPLAY: &str = "\
An interleaving file has one step a line. A line that starts with # is a comment:

  # the child returns what it inherited
  pool max_size=1
  promise child-uses-pool
  p0  open
  p0  checkout a
  p0  fork p1
  p1  return a

A step that the promise forbids, or of which a name stands for nothing, is skipped. After the last
step comes the final check, the same for every interleaving: each process probes what it holds,
returns it, checks out afresh, disposes and exits, the youngest first.";

/// What `agree` does.
pub(crate) const AGREE: &str = "\
Compare what pools do on the embedded servers and on real ones.

The same random interleavings are executed on the server inside poolproof and on a real one, and
judged by the same rules. The two agree on an interleaving if the same rule is broken first on both,
or none is. What differs is executed up to five more times on each, with full patience: a pool may
do by luck on one what it did on the other.

A difference that says nothing against the embedded server stands with its reason in
targets/accepted-differences.json, and is counted. Any other one is printed, with its interleaving
and what each server showed.

The embedded server is always one of the two: --server names the other. The interleavings are the
random ones of `certify` with the same seed; the number of workers changes neither them nor their
order.

Examples:
  poolproof agree                              every pool, on private servers
  poolproof agree mysql reference --cases 50   two pools, and less of it
  poolproof agree mysql --server mysql://USER:PASSWORD@HOST:3306/DATABASE";

/// What `check-agent` does.
pub(crate) const CHECK_AGENT: &str = "\
Take an agent, a program that runs a pool, through a course of orders, and say what it does wrong.

An agent is how a pool in another language than Rust is certified: a program that is told what to do in
lines of JSON. docs/agent-protocol.md describes them. Each line printed is one thing that the agent
must be able to do; below what is wrong stands how it shows. The server is the one inside poolproof.

Examples:
  poolproof check-agent 'python3 my_agent.py' --database postgres
  poolproof certify --agent 'python3 my_agent.py' --database postgres";

/// What the exit codes of `check-agent` mean.
pub(crate) const CHECK_AGENT_EXIT_CODES: &str = "\
Exit codes:
  0    the agent keeps to the protocol
  1    it does something wrong
  2    usage
  3    environment: writers cannot be told apart here
  70   a bug of poolproof
  130  interrupted";

/// What the exit codes of `agree` mean.
pub(crate) const AGREE_EXIT_CODES: &str = "\
Exit codes:
  0    the servers agree, but for differences that are accepted
  1    they differ in something that is not accepted
  2    usage: an unknown pool or promise, or the embedded server named as the real one
  3    environment: no server, writers cannot be told apart here
  70   a bug of poolproof
  130  interrupted";

/// What `certify` does, with the library's own words on promises.
pub(crate) fn certify() -> String {
    let promises: Vec<_> =
        Promise::ALL.iter().map(|promise| format!("  {:<20} {}", promise.name(), promise.sentence())).collect();
    format!("Search for interleavings that break a rule.\n\n{CERTIFY}\n{}", promises.join("\n"))
}

/// What `replay` does.
pub(crate) fn replay() -> String {
    format!("Run one interleaving and show what happens.\n\n{REPLAY}")
}

/// What stands below the options of `poolproof --help`.
pub(crate) fn below() -> String {
    format!("{EXAMPLES}\n\n{EXIT_CODES}")
}
