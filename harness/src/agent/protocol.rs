//! The agent protocol: JSON lines on one Unix socket connection per actor.
//!
//! The coordinator orders, the actor answers; one order, one answer. Whether a step applies is decided by the coordinator:
//! an actor never skips. Portable, and free of everything but data, so that both ends and other languages can share it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pool::{Config, ErrorKind, Rows};

/// The version that both ends name in their first line.
pub(crate) const VERSION: u32 = 1;

/// A line from the coordinator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The number that the answer repeats.
    pub(crate) id: u32,
    /// What is to be done.
    #[serde(rename = "do")]
    pub(crate) task: Task,
}

/// What an actor can be told to do. Pools go by number, checkouts by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Task {
    /// To the zygote only: fork the first process of a case.
    Case {
        case: u32,
        config: Config,
    },
    /// To the zygote only: reap a process of the case that has ended, so that its pid is free.
    Bury {
        pid: u32,
    },
    Open {
        pool: u32,
    },
    Dispose {
        pool: u32,
    },
    DropPool {
        pool: u32,
    },
    LeakPool {
        pool: u32,
    },
    /// No living actor is inside the pool.
    AfterFork {
        pool: u32,
    },
    /// As for `AfterFork`.
    DropRuntime {
        pool: u32,
    },
    /// A handle that is in use is forgotten, never dropped.
    Checkout {
        handle: String,
        pool: u32,
        #[serde(rename = "patience_ms", with = "milliseconds")]
        patience: Duration,
    },
    Return {
        handle: String,
    },
    Leak {
        handle: String,
    },
    Query {
        handle: String,
        sql: String,
    },
    /// One statement with one text argument.
    Prepared {
        handle: String,
        sql: String,
        argument: String,
    },
    Begin {
        handle: String,
    },
    Commit {
        handle: String,
    },
    Rollback {
        handle: String,
    },
    Cancel {
        handle: String,
    },
    /// The parent answers; the child says hello on a connection of its own.
    Fork {
        child: String,
        kind: Birth,
    },
    /// Reap a child that has ended.
    Wait {
        pid: u32,
    },
    /// No answer, unless the system refuses: this program replaces the agent's. It says hello as the process's first thread, and
    /// takes no order but `Exit` and `Wait`.
    Exec {
        argv: Vec<String>,
        /// The whole of it.
        environment: BTreeMap<String, String>,
    },
    /// No answer: the process ends.
    Exit {
        kind: Exit,
    },
    /// The spawner answers; the thread says hello on a connection of its own.
    Spawn {
        thread: u8,
    },
    /// To the thread that will be joined: return what is held, and end. No answer.
    Finish {},
    Join {
        thread: u8,
    },
    Send {
        handle: String,
        to: u8,
    },
    /// Run the language's collector.
    Collect {},
}

/// How a child is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Birth {
    Fork,
    Clone,
    /// With this pid, which nobody has.
    WithPid(u32),
}

/// How a process is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Exit {
    Now,
    Atexit,
    Main,
    Panic,
    Signal,
}

/// A line to the coordinator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Message {
    Hello(Hello),
    Answer(Answer),
}

/// The first line on a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) version: u32,
    /// The case; 0 from the zygote.
    pub(crate) case: u32,
    /// `zygote` or an actor: `p0`, `p0.t1`.
    pub(crate) who: String,
    /// The system's number of the actor's thread.
    pub(crate) thread: i32,
}

/// The answer to an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) id: u32,
    pub(crate) is: Reply,
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    Done,
    Rows(Rows),
    Error {
        kind: ErrorKind,
        message: String,
    },
    Panicked(String),
    NotOffered,
    /// The order makes no sense to the agent: one of the two ends is wrong.
    Rejected(String),
}

/// A time as a number of milliseconds, which has a fraction only where the time has one.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        match time.subsec_nanos() % 1_000_000 {
            0 => serializer.serialize_u128(time.as_millis()),
            _ => serializer.serialize_f64(time.as_secs_f64() * 1000.0),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let milliseconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(milliseconds / 1000.0).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_lines_look_as_an_author_of_another_agent_expects_them() {
        let order = Order { id: 3, task: checkout(Duration::from_secs(5)) };
        let line = serde_json::to_string(&order).expect("plain data");
        assert_eq!(line, r#"{"id":3,"do":{"checkout":{"handle":"a","pool":0,"patience_ms":5000}}}"#);
        let order = Order { id: 3, task: checkout(Duration::from_micros(250)) };
        let line = serde_json::to_string(&order).expect("plain data");
        assert_eq!(line, r#"{"id":3,"do":{"checkout":{"handle":"a","pool":0,"patience_ms":0.25}}}"#);
        let Ok(Order { task: Task::Checkout { patience, .. }, .. }) = serde_json::from_str(&line) else { panic!("{line}") };
        assert_eq!(patience, Duration::from_micros(250));
        let answer = Message::Answer(Answer { id: 3, is: Reply::Error { kind: ErrorKind::TimedOut, message: "late".into() } });
        let line = serde_json::to_string(&answer).expect("plain data");
        assert_eq!(line, r#"{"answer":{"id":3,"is":{"error":{"kind":"timed-out","message":"late"}}}}"#);
        let hello: Message =
            serde_json::from_str(r#"{"hello":{"version":1,"case":7,"who":"p0.t1","thread":12}}"#).expect("valid");
        assert!(matches!(hello, Message::Hello(Hello { case: 7, .. })));
    }

    fn checkout(patience: Duration) -> Task {
        Task::Checkout { handle: "a".into(), pool: 0, patience }
    }

    /// The lines of the page that are said to be of one side.
    fn lines(side: &str) -> Vec<Value> {
        let page = include_str!("../../../docs/agent-protocol.md");
        let blocks = page.split("```json ").skip(1).filter_map(|block| block.strip_prefix(side));
        let lines = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
        lines.filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// What a word may be, as the decoder says it of a word that nobody knows.
    fn known<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
        let error = serde_json::from_str::<T>(r#"{"no such word":{}}"#).err().expect("unknown").to_string();
        error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    /// The only keys of objects, and the words alone.
    fn words(values: impl Iterator<Item = Value>) -> BTreeSet<String> {
        let word = |value: Value| match value {
            Value::String(word) => word,
            Value::Object(object) => object.keys().next().cloned().expect("a word"),
            other => panic!("{other} is no word"),
        };
        values.map(word).collect()
    }

    /// Each line is the message that it is said to be, with nothing in it that is not read; and each message is shown.
    #[test]
    fn the_page_on_the_protocol_shows_every_message_as_it_is() {
        let (orders, messages) = (lines("order"), lines("agent"));
        for line in &orders {
            let order: Order = serde_json::from_value(line.clone()).expect("an order");
            assert_eq!(serde_json::to_value(order).expect("plain data"), *line);
        }
        for line in &messages {
            let message: Message = serde_json::from_value(line.clone()).expect("a message");
            assert_eq!(serde_json::to_value(message).expect("plain data"), *line);
        }
        assert_eq!(words(orders.iter().map(|line| line["do"].clone())), known::<Task>());
        assert_eq!(words(messages.iter().cloned()), known::<Message>());
        let answers = messages.iter().map(|line| line["answer"]["is"].clone()).filter(|is| !is.is_null());
        assert_eq!(words(answers), known::<Reply>());
        let kinds = |word: &str| words(orders.iter().map(|line| line["do"][word]["kind"].clone()).filter(|kind| !kind.is_null()));
        assert_eq!(kinds("fork"), known::<Birth>());
        assert_eq!(kinds("exit"), known::<Exit>());
    }
}
