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
  4    not exercised: a promised MUST had no opportunity to be broken, or a run of 200 cases or more
       did not reach a situation that it must reach; run more cases
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
  poolproof mutants                               what the rules find of planted defects
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

A fifth source is used only where it is named: faults, a server that breaks sessions off inside a
reply, refuses new ones, is full or is restarted. See docs/interleavings.md:

  poolproof certify mysql --promise threads-only --source faults --cases 1000

The server is the one inside poolproof, unless --server names another. What the kernel witnesses
there is certain. An effect, such as a checkout that hangs, is then looked for on a real server, if
one is installed; otherwise it is marked as provisional.

Pools reach it over a Unix socket, where the kernel says who writes, unless --transport says tcp,
tls, or for MySQL and MariaDB unix+tls. What a transport does not show is judged on Unix sockets, by
the same interleavings. Pools that cannot take a transport are left out; `poolproof pools` says what
each can.

What was exercised is counted in situations: an operation, whose pool or checkout it uses, and in
which condition that is. A run of all sources with 200 cases or more has to reach those that
harness/situations/required.txt lists; --situations prints them all. Some of what passed is executed
twice: where that does not go the same way, and the pool cannot be the cause, poolproof has a bug.

Promises, weakest first; a pool is only judged by what the application promises:";

/// What `verify` does.
pub(crate) const VERIFY: &str = "\
A certificate is first held against itself: whoever edits a verdict leaves its evidence as it was.
Then each certain failure in it is replayed, and the interleavings that it counts are executed again,
or the first of them with --sample. It holds if what was broken breaks again, and nothing else does.

  poolproof verify poolproof-out/mysql/certificate.json --sample 50";

/// How it ends.
pub(crate) const VERIFY_EXIT_CODES: &str = "\
Exit codes:
  0    it holds
  1    it does not
  2    usage: a file that is not there or is no certificate, an unknown pool
  3    environment: no server, writers cannot be told apart here
  130  interrupted";

/// What `merge` does.
pub(crate) const MERGE: &str = "\
Several machines may share the work: each looks at one part of the interleavings, and their
certificates are put together. The parts must be of one pool, server, seed, number and version.

  poolproof certify mysql --cases 5000 --shard 1/2 --out one       on one machine
  poolproof certify mysql --cases 5000 --shard 2/2 --out two       on another
  poolproof merge one/mysql/certificate.json two/mysql/certificate.json --out whole";

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
or none is. What differs is executed up to twenty more times on each, with full patience: a pool may
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

/// What `mutants` does.
pub(crate) const MUTANTS: &str = "\
Hunt the mutants, each with one planted defect, and show what kills them.

A mutant is the reference pool with one thing wrong. Each has a rule that must find it, and a
smallest promise under which it can. It is hunted with the interleavings of `certify`, one after the
other, until its rule is the first cause and goes on to be; that interleaving is shrunk.

A rule earns its place if it kills what no other rule does: --without switches one off, and hunts
what was planted for it by all the others. Something must survive.

What is left of a failure is to be as short as can be. With --shortest everything that has fewer steps
is executed where at most 5 are left: whatever the operations, ways to make a child, threads, pools,
sizes and replies that are withheld. What is longer is held against the shortest that is known.

Examples:
  poolproof mutants                              every mutant, on the embedded servers
  poolproof mutants goodbye rule:LIV-2           some of them
  poolproof mutants --seeds 10 --json out.json   how much is luck
  poolproof mutants goodbye --shortest           whether fewer steps would do
  poolproof mutants --without each               what each rule alone is good for";

/// What the exit codes of `mutants` mean.
pub(crate) const MUTANTS_EXIT_CODES: &str = "\
Exit codes:
  0    every mutant was killed by its rule; with --without, each rule has one that only it kills
  1    a mutant survived; with --without, nothing does without a rule; with --shortest, fewer steps do
  2    usage: an unknown mutant or rule
  3    environment: no server, writers cannot be told apart here, a file cannot be written
  70   a bug of poolproof
  130  interrupted";

/// What `watch` does.
pub(crate) const WATCH: &str = "\
Run an unmodified program, and tell which process writes on a session that another one has opened.

poolproof listens between the program and its server, and knows by the kernel's word which process
wrote which bytes. A byte that was not written by the process that opened the session is told at
once: pid and command line of both, the frame by its name, the session, the time. What the same
process writes there later is counted. At the end, and whenever SIGUSR1 comes, it is summed up.
It makes no difference whether the program shows an error: most of these writes show none, for days.

The program is started as it is, with its standard input, output and error, in the group of this
process; Ctrl-C on the terminal reaches both, and a SIGTERM or SIGINT that is sent to poolproof alone
is passed on. poolproof ends when the program has ended and nobody has a session open any more. If
poolproof is killed, so is the program: it has lost its server.

The program has to ask for the server where poolproof listens, a Unix socket: over TCP the kernel
does not say who writes. It is told by these variables, which stand in its environment:

  for       variable                         who reads it
  postgres  PGHOST PGPORT PGUSER PGPASSWORD  libpq, and what is made of it: psql, psycopg2, psycopg,
            PGDATABASE                       Ruby's pg, PHP; and asyncpg, pgx, lib/pq, sqlx
  postgres  DATABASE_URL                     programs that pass it on: to libpq, to SQLAlchemy's
                                             create_engine, to sqlx, tokio-postgres, pgx, Rails
  mysql     MYSQL_UNIX_PORT                  libmysqlclient and libmariadb, for the host `localhost`
                                             or none: mysqlclient, the programs mysql and mariadb,
                                             Ruby's mysql2
  mysql     MYSQL_PWD                        libmysqlclient and libmariadb
  mysql     MYSQL_HOST MYSQL_USER            programs that pass them on; MYSQL_HOST is `localhost`
            MYSQL_PASSWORD MYSQL_DATABASE
  mysql     DATABASE_URL                     programs that pass it on; it ends in ?unix_socket=PATH, as
                                             SQLAlchemy wants it for mysqlclient and PyMySQL
  both      POOLPROOF_WATCH_SOCKET           nobody but yourself: the path of the socket, for drivers
                                             that have their own way to be told. PyMySQL, Go's and
                                             Rust's drivers for MySQL read no variable.

PGHOSTADDR, PGSERVICE, PGSERVICEFILE, PGREQUIREPEER, PGSSLMODE, PGSSLNEGOTIATION and MYSQL_TCP_PORT
are taken away: they lead past the socket. A program with an address of its own in its settings goes
past it too; then no session is seen, and the summary says so.

The server is a private one, empty at the start and gone at the end, unless --server names yours:

  poolproof watch -- python3 app.py
  poolproof watch --database mysql -- ./worker --jobs 4
  poolproof watch --server \"$DATABASE_URL\" --log watch.log -- gunicorn app:app
  kill -USR1 PID                               a summary of what was seen so far

A pooler such as PgBouncer is a process as any other: a session belongs to who connected.";

/// What the exit codes of `watch` mean.
pub(crate) const WATCH_EXIT_CODES: &str = "\
Exit codes:
  1    somebody wrote on a session that another process had opened
  N    else that of the program; 128 + S if signal S has ended it
  126  the program cannot be started
  127  the program is not there
  2    usage; a program may also end with this code or one of the next: then no `error:` is printed
  3    environment: no server, writers cannot be told apart here, the log cannot be written
  70   a bug of poolproof
  130  interrupted before the program was started";

/// What `explain` does.
pub(crate) const EXPLAIN: &str = "\
Say what an error message or another symptom means, why it comes about, and what to do.

Numbers, names, quotes and upper case make no difference, and neither do the words around the
message. Of several symptoms in a text the one that it shows most clearly comes first. For each cure
it is said whether it was measured here. docs/symptoms.md is the same, as a page.

Examples:
  poolproof explain \"server closed the connection unexpectedly\"
  poolproof explain \"(2014, \\\"Commands out of sync; you can't run this command now\\\")\"
  poolproof explain \"commit reports success, the row is gone\"
  poolproof explain - < app.log";

/// What the exit codes of `explain` mean.
pub(crate) const EXPLAIN_EXIT_CODES: &str = "\
Exit codes:
  0    a symptom was found in the text
  2    usage: no text
  5    no symptom is known in this text";

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
