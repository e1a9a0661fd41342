//! Symptoms with a message.

use super::{Cure, Shown, Symptom};

/// Close everything before the fork.
const DISPOSE_BEFORE: Cure = Cure {
    what: "before each fork return or close every connection and dispose of the pool, and open anew on both sides: in SQLAlchemy \
           `session.close()` and `engine.dispose()`",
    measured: Some(
        "`poolproof certify no-pool-mysql --promise dispose-before-fork` passes; the program of the first report under `poolproof watch`, \
         with this cure, writes nothing",
    ),
};
/// Leave the parent's connections alone.
const LEAVE_ALONE: Cure = Cure {
    what: "let the child leave what it inherited alone: never close, return or collect it, end with `_exit`, and open its own",
    measured: Some("`poolproof certify no-pool-mysql --promise child-leaks` passes"),
};
/// A pool that knows of forks.
const KNOWS_FORKS: Cure = Cure {
    what: "take a pool that notices the fork itself and drops inherited connections without a byte, wherever they are met",
    measured: Some("`poolproof certify reference refusing --promise anything` passes"),
};
/// SQLAlchemy's hook.
const DISPOSE_IN_CHILD: Cure = Cure {
    what: "`engine.dispose(close=False)` first in the child (SQLAlchemy 1.4.33 and later), with a driver that looks at the pid before it \
           closes, and with nothing checked out at the fork",
    measured: Some(
        "with psycopg2, psycopg and PyMySQL no byte of the child reaches the parent's session; with mysqlclient COM_QUIT does, and \
         mysql-connector-python shuts its socket down (docs/field-reports.md)",
    ),
};
/// The guard that is often pasted.
const GUARD: Cure = Cure {
    what: "a pid guard on the pool's connect and checkout events, without `pool_pre_ping`; by itself it does not help a connection that \
           was checked out at the fork",
    measured: Some(
        "SQLAlchemy's holds with psycopg2, psycopg and PyMySQL where nothing is checked out, and breaks OWN-1 with mysqlclient, and with \
         `pool_pre_ping` with all of them (docs/field-reports.md)",
    ),
};
/// No fork at all.
const SPAWN: Cure = Cure {
    what: "start children by `spawn` in place of `fork`: they inherit no connection",
    measured: Some(
        "with multiprocessing and every driver no byte of the child reaches the parent's session (docs/field-reports.md)",
    ),
};

/// Threads apart.
const ONE_EACH: Cure = Cure {
    what: "a checkout, or a session, for each thread",
    measured: Some("`poolproof certify reference --promise threads-only` passes"),
};
/// Transactions that end.
pub(super) const SCOPE: Cure =
    Cure { what: "a scope that always commits or rolls back, and returns the connection", measured: None };

/// The symptoms.
pub(super) const ALL: &[Symptom] = &[
    Symptom {
        name: "a goodbye that somebody else said",
        messages: &[
            "server closed the connection unexpectedly",
            "(2006, 'MySQL server has gone away')",
            "(2006, \"MySQL server has gone away (BrokenPipeError(32, 'Broken pipe'))\")",
            "(2013, 'Lost connection to MySQL server during query')",
            "[Errno 32] Broken pipe",
            "[Errno 104] Connection reset by peer",
            "could not receive data from client: Connection reset by peer",
            "unexpected EOF on client connection with an open transaction",
            "connection already closed",
            "2055: Lost connection to MySQL server at '/run/mysqld/mysqld.sock', system error: 32 Broken pipe",
        ],
        signs: &[
            "server closed the connection unexpectedly",
            "server has gone away",
            "lost connection to * server during query",
            "lost connection to server during query",
            "broken pipe",
            "connection reset by peer",
            "could not receive data from client",
            "unexpected eof on client connection",
            "connection already closed",
        ],
        meaning: "the server has ended a session that this process still uses; it did so because somebody asked it to",
        cause: "a forked child had the parent's connection too. When it was closed, disposed of or collected there, or when the child \
                exited, its destructor said goodbye (Terminate, COM_QUIT) on the parent's session. The parent finds out with its next \
                statement. If a restart or a firewall did it, the server's log says so, and every client lost its session at once.",
        rules: &["OWN-1", "ISO-1"],
        cures: &[DISPOSE_BEFORE, LEAVE_ALONE, KNOWS_FORKS, DISPOSE_IN_CHILD, GUARD, SPAWN],
        shown: Shown { scenario: "finaliser-says-goodbye", pool: Some("mutant-goodbye") },
    },
    Symptom {
        name: "two processes on one tls connection",
        messages: &[
            "SSL error: decryption failed or bad record mac",
            "SSL connection has been closed unexpectedly",
            "SSL SYSCALL error: EOF detected",
            "SSL error: unexpected eof while reading",
            "SSL error: wrong version number",
        ],
        signs: &[
            "decryption failed or bad record mac",
            "ssl connection has been closed unexpectedly",
            "ssl syscall error eof detected",
            "ssl error * unexpected eof while reading",
            "ssl error * wrong version number",
        ],
        meaning: "the other side of a TLS connection got a record that does not follow on the one before, or its end",
        cause: "TLS numbers its records in each process's own memory. After a fork parent and child have the same keys and the same next \
                number; as soon as one of them has written, what the other writes does not fit any more. A single byte of the child is \
                enough: its close_notify when the connection is collected.",
        rules: &["OWN-1", "ISO-1"],
        cures: &[DISPOSE_BEFORE, LEAVE_ALONE, KNOWS_FORKS, DISPOSE_IN_CHILD, GUARD, SPAWN],
        shown: Shown { scenario: "idle-connection-inherited", pool: Some("mutant-no-guard") },
    },
    Symptom {
        name: "interleaved frames",
        messages: &[
            "(2014, \"Commands out of sync; you can't run this command now\")",
            "error with status PGRES_TUPLES_OK and no message from the libpq",
            "lost synchronization with server: got message type \"D\", length 26",
            "Packet sequence number wrong - got 3 expected 1",
            "Packets out of order. Got: 1 Expected: 3",
            "(2027, 'Malformed packet')",
            "FATAL: invalid frontend message type 82",
            "message type 0x5a arrived from server while idle",
            "another command is already in progress",
            "cannot perform operation: another operation is in progress",
        ],
        signs: &[
            "commands out of sync",
            "pgres tuples ok and no message from the libpq",
            "lost synchronization with server",
            "packet sequence number wrong",
            "packets out of order",
            "malformed packet",
            "invalid frontend message type",
            "arrived from server while idle",
            "another command is already in progress",
            "another operation is in progress",
        ],
        meaning: "a client got bytes that do not belong to what it asked, or asked twice at once on one session",
        cause: "two processes, or two threads, use one session at the same time: their frames mix on the way to the server, and each \
                reads a part of what was meant for the other. After a fork it is the idle or checked-out connection that both have.",
        rules: &["OWN-1", "OWN-2", "REP-1"],
        cures: &[DISPOSE_BEFORE, LEAVE_ALONE, KNOWS_FORKS, DISPOSE_IN_CHILD, SPAWN, ONE_EACH],
        shown: Shown { scenario: "idle-connection-inherited", pool: Some("mutant-no-guard") },
    },
    Symptom {
        name: "a row of another query",
        messages: &[
            "NoSuchColumnError: Could not locate column in row for column 'orders.id'",
            "ResourceClosedError: This result object does not return rows. It has been closed automatically.",
            "the answer to somebody else's question, without an error",
        ],
        signs: &[
            "nosuchcolumnerror",
            "could not locate column in row",
            "this result object does not return rows",
            "answer to somebody elses question",
        ],
        meaning: "the answer that was read belongs to a statement that somebody else has sent",
        cause: "two processes asked on one session, and each read the next answer that came. It is the quiet form of interleaved frames, \
                and the worse one: with columns of the same names nothing fails at all. `scoped_session` does not help: it keeps threads \
                apart, and not processes.",
        rules: &["OWN-1", "REP-1"],
        cures: &[DISPOSE_BEFORE, LEAVE_ALONE, KNOWS_FORKS, DISPOSE_IN_CHILD, SPAWN],
        shown: Shown { scenario: "idle-connection-inherited", pool: Some("mutant-no-guard") },
    },
    Symptom {
        name: "a prepared statement that is there or is not",
        messages: &[
            "prepared statement \"s1\" already exists",
            "prepared statement \"s1\" does not exist",
            "(1243, 'Unknown prepared statement handler (1) given to mysqld_stmt_execute')",
        ],
        signs: &[
            "prepared statement * already exists",
            "prepared statement * does not exist",
            "unknown prepared statement handler",
        ],
        meaning: "client and server no longer agree on which statements the session has",
        cause: "after a fork both processes count the names of their statements on from the same number, on the same session; or the \
                child's destructors have closed the parent's. Behind a pooler that gives a session to another client after each \
                transaction it has another cause: there statements must be prepared without a name.",
        rules: &["OWN-1", "ISO-1"],
        cures: &[DISPOSE_BEFORE, LEAVE_ALONE, KNOWS_FORKS, DISPOSE_IN_CHILD, SPAWN],
        shown: Shown { scenario: "idle-connection-inherited", pool: Some("mutant-no-guard") },
    },
    Symptom {
        name: "a transaction that vanished or was joined",
        messages: &[
            "WARNING: there is no transaction in progress",
            "WARNING: there is already a transaction in progress",
            "current transaction is aborted, commands ignored until end of transaction block",
            "Can't reconnect until invalid transaction is rolled back",
        ],
        signs: &[
            "there is no transaction in progress",
            "there is already a transaction in progress",
            "current transaction is aborted",
            "cant reconnect until invalid transaction is rolled back",
        ],
        meaning: "the session is not in the state in which its user has left it",
        cause: "somebody else has begun, ended or broken the transaction: a forked child that returned, closed or collected the \
                connection (that rolls back), or that used it. Without a fork: a connection was returned with its transaction open, and \
                the pool did not reset it; or an error before was passed over.",
        rules: &["OWN-1", "TXN-1", "TXN-2"],
        cures: &[DISPOSE_BEFORE, LEAVE_ALONE, KNOWS_FORKS, SCOPE],
        shown: Shown { scenario: "rolled-back-by-the-child", pool: Some("mutant-no-guard") },
    },
    Symptom {
        name: "a statement that somebody else cancelled",
        messages: &["canceling statement due to user request", "(1317, 'Query execution was interrupted')"],
        signs: &["canceling statement due to user request", "query execution was interrupted"],
        meaning: "the server was asked to break the statement off",
        cause: "a forked child has the number and the secret of its parent's session, and its clean-up or its Ctrl-C handler cancels what \
                runs there. Otherwise a time-out of the application or a person did it.",
        rules: &["OWN-1", "ISO-1"],
        cures: &[DISPOSE_BEFORE, LEAVE_ALONE, KNOWS_FORKS],
        shown: Shown { scenario: "idle-connection-inherited", pool: Some("mutant-no-guard") },
    },
    Symptom {
        name: "the server's limit of connections",
        messages: &[
            "no more connections allowed (max_client_conn)",
            "FATAL: sorry, too many clients already",
            "(1040, 'Too many connections')",
            "(1203, \"User app already has more than 'max_user_connections' active connections\")",
            "remaining connection slots are reserved for non-replication superuser connections",
        ],
        signs: &[
            "no more connections allowed",
            "too many clients already",
            "too many connections",
            "already has more than max user connections active connections",
            "remaining connection slots are reserved",
        ],
        meaning: "more sessions are open than the server, or the pooler before it, allows",
        cause: "an engine or a pool is made for each call or request and never disposed of; or each of many processes has a pool, and the \
                sizes add up; or connections of dead users stay because a child holds their descriptors. Processes share connections \
                only through a pooler of their own, such as PgBouncer.",
        rules: &["CAP-1", "CAP-2"],
        cures: &[
            Cure {
                what: "one engine or pool for each process, made once, and a scope that always ends the transaction",
                measured: Some("one connection at once, on PostgreSQL and behind PgBouncer (docs/field-reports.md, F6)"),
            },
            Cure {
                what: "`NullPool` hides it: each connection is closed after use, and each use pays for a new one",
                measured: Some(
                    "with a scope that ends the session; without one it is exhausted all the same (docs/field-reports.md, F6)",
                ),
            },
            Cure { what: "keep processes × pool size below the server's limit", measured: None },
        ],
        shown: Shown { scenario: "orphan-after-dispose", pool: None },
    },
    Symptom {
        name: "a pool without capacity",
        messages: &[
            "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
            "timed out waiting for connection",
            "pool timed out while waiting for an open connection",
            "Timeout occurred while waiting for a slot to become available",
            "couldn't get a connection after 30.00 sec",
        ],
        signs: &[
            "queuepool limit of size",
            "timed out waiting for connection",
            "pool timed out while waiting for an open connection",
            "timeout occurred while waiting for a slot to become available",
            "couldnt get a connection after",
        ],
        meaning: "a checkout waited as long as it may, and nobody returned a connection",
        cause: "connections are held too long or never returned. In a forked child it may last for ever: the child has its parent's count \
                of connections that are out, waits for threads that exist in the parent alone, or the connections that it counts were \
                those of other threads.",
        rules: &["LIV-2"],
        cures: &[
            Cure {
                what: "let the child open a pool of its own",
                measured: Some("`poolproof certify reference --promise child-drops` passes"),
            },
            KNOWS_FORKS,
            SCOPE,
        ],
        shown: Shown { scenario: "counters-copied", pool: Some("mutant-counters-copied") },
    },
    Symptom {
        name: "the words of a pid guard",
        messages: &[
            "Connection record belongs to pid 4711, attempting to check out in pid 4712",
            "Parent process 4711 forked (4712) with an open database connection, which is being discarded and recreated.",
        ],
        signs: &["connection record belongs to pid", "forked * with an open database connection"],
        meaning: "a guard in the program has found a connection that another process opened, and has thrown it away",
        cause: "the pool was used before the fork. The guard works where it looks, at the checkout: what was checked out at the fork it does \
                not see, a health check that comes first has written already, and the destructor of what it throws away may say goodbye.",
        rules: &["OWN-1"],
        cures: &[DISPOSE_BEFORE, DISPOSE_IN_CHILD, GUARD, SPAWN],
        shown: Shown { scenario: "only-at-checkout", pool: Some("mutant-guard-at-checkout") },
    },
    Symptom {
        name: "a session that two threads use",
        messages: &[
            "Session is already flushing",
            "Usage of the 'Session.add()' operation is not currently supported within the execution stage of the flush process. Results may \
             not be consistent.",
            "This session is provisioning a new connection; concurrent operations are not permitted",
        ],
        signs: &[
            "session is already flushing",
            "operation is not currently supported within the execution stage of the flush process",
            "this session is provisioning a new connection",
        ],
        meaning: "an object for one user at a time, a session or a connection, is used by two threads at once",
        cause: "the same session is shared by threads. That the rows are disjoint does not help: the session's own state is one, and so is \
                the wire. Sending it to another thread is fine as long as the first one lets go.",
        rules: &["OWN-2", "REP-1"],
        cures: &[
            ONE_EACH,
            Cure {
                what: "`scoped_session` in place of one session",
                measured: Some("ten threads, no error, and all rows are there (docs/field-reports.md, F7)"),
            },
        ],
        shown: Shown { scenario: "two-threads-one-session", pool: None },
    },
];
