//! Takes out of quoted words what differs from run to run: nonces, ledgers, run directories, pids, addresses, times.
//!
//! What is left reads on: `poolproof-17-3.` becomes `[step 3]`, `pid 4711` becomes `pid N`.

use crate::nonce::{Nonce, PREFIX};

/// A number after one of these is an identity of this run.
const NUMBERED: [&str; 8] = ["pid", "tid", "process", "thread", "connection", "session", "backend", "id"];
/// A number before one of these is a time.
const UNITS: [&str; 12] =
    ["ms", "s", "us", "µs", "ns", "sec", "secs", "second", "seconds", "milliseconds", "microseconds", "nanoseconds"];
/// What the name of every ledger begins with.
const LEDGER: &str = "poolproof_ledger_";
/// What the name of every run directory begins with.
const RUN_DIRECTORY: &str = "/pp-";

/// The words in one line, without what differs from run to run.
pub(crate) fn cleaned(words: &str) -> String {
    let line = one_line(words);
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(next) = rest.chars().next() {
        let taken = nonce(rest, &mut out)
            .or_else(|| ledger(rest, &mut out))
            .or_else(|| run_directory(rest, &mut out))
            .or_else(|| address(rest, &mut out))
            .or_else(|| number(rest, &mut out));
        let taken = taken.unwrap_or_else(|| {
            out.push(next);
            next.len_utf8()
        });
        rest = &rest[taken..];
    }
    out.replace("within … ms", "in time")
}

fn one_line(words: &str) -> String {
    let visible: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each of these looks at the start of `rest`. If it knows what stands there, it writes its replacement and gives the length.
fn nonce(rest: &str, out: &mut String) -> Option<usize> {
    let text = rest.as_bytes().strip_prefix(PREFIX)?;
    let nonce = Nonce::after_prefix(text)?;
    out.push_str(&format!("[step {}]", nonce.step));
    let length = nonce.to_string().len();
    // In a row of the harness's own queries the server's number of the session comes next.
    let after = rest.get(length..)?;
    let digits = after.strip_prefix(", ").map_or(0, |after| leading(after, |c| c.is_ascii_digit()));
    if digits == 0 {
        return Some(length);
    }
    out.push_str(", [session]");
    Some(length + ", ".len() + digits)
}

fn ledger(rest: &str, out: &mut String) -> Option<usize> {
    let name = rest.strip_prefix(LEDGER)?;
    out.push_str(LEDGER.trim_end_matches('_'));
    Some(LEDGER.len() + leading(name, |c| c.is_ascii_alphanumeric()))
}

/// A path that leads through a run directory: what is before it and the worker's number below it go.
fn run_directory(rest: &str, out: &mut String) -> Option<usize> {
    if !rest.starts_with('/') || out.ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let path = &rest[..leading(rest, |c| !c.is_whitespace() && !"\"'`,;()<>".contains(c))];
    let name = path.find(RUN_DIRECTORY)? + RUN_DIRECTORY.len();
    let mut end = name + leading(&path[name..], |c| c != '/');
    if let Some(worker) = path[end..].strip_prefix("/w") {
        let digits = leading(worker, |c| c.is_ascii_digit());
        let ends = worker[digits..].is_empty() || worker[digits..].starts_with('/');
        end += if digits > 0 && ends { "/w".len() + digits } else { 0 };
    }
    out.push_str("[run]");
    Some(end)
}

fn address(rest: &str, out: &mut String) -> Option<usize> {
    let digits = leading(rest.strip_prefix("0x")?, |c| c.is_ascii_hexdigit());
    (digits > 0).then(|| {
        out.push_str("0x…");
        "0x".len() + digits
    })
}

fn number(rest: &str, out: &mut String) -> Option<usize> {
    if out.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let length = leading(rest, |c| c.is_ascii_digit());
    if length == 0 {
        return None;
    }
    let fraction = rest[length..].strip_prefix('.').map_or(0, |after| leading(after, |c| c.is_ascii_digit()));
    let whole = if fraction > 0 { length + 1 + fraction } else { length };
    if is_unit(&rest[whole..]) {
        out.push('…');
        return Some(whole);
    }
    // Rust's words on a panic have the thread's id between its name and `panicked`.
    let of_panic = out.ends_with("' (") && rest[length..].starts_with(')');
    let written = if of_panic || is_numbered(out) { "N" } else { &rest[..length] };
    out.push_str(written);
    Some(length)
}

fn is_unit(after: &str) -> bool {
    let word = after.strip_prefix(' ').unwrap_or(after);
    let word = &word[..leading(word, char::is_alphanumeric)];
    UNITS.contains(&word)
}

fn is_numbered(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '=', ':', '#', '(']);
    let start = before
        .rfind(|c: char| !c.is_ascii_alphabetic())
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    NUMBERED.contains(&before[start..].to_ascii_lowercase().as_str())
}

/// The length of the longest start of which every character is of that kind.
fn leading(text: &str, kind: impl Fn(char) -> bool) -> usize {
    text.find(|c: char| !kind(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each; what stands on the right is the same in every run.
    #[test]
    fn what_differs_from_run_to_run_is_taken_out() {
        let pairs = [
            ("asked poolproof-17-3. and got (poolproof-17-2., 4711, )", "asked [step 3] and got ([step 2], [session], )"),
            ("relation \"poolproof_ledger_0123456789abcdef\" is gone", "relation \"poolproof_ledger\" is gone"),
            ("cannot connect to /tmp/pp-abc234/w7/.s.PGSQL.5432: refused", "cannot connect to [run]/.s.PGSQL.5432: refused"),
            ("at '/var/tmp/pp-abc234/w12'", "at '[run]'"),
            ("server process (PID 4711) was terminated by signal 11", "server process (PID N) was terminated by signal 11"),
            ("Connection id: 99, thread #4", "Connection id: N, thread #N"),
            ("thread 'main' (31337) panicked at src/a.rs:10:5:", "thread 'main' (N) panicked at src/a.rs:10:5:"),
            ("futex(0x7ffd0010, 128)", "futex(0x…, 128)"),
            ("gave up after 5.0013s, or 5000 ms", "gave up after …s, or … ms"),
            ("p0's step 3 (open) did not end within 10003 ms", "p0's step 3 (open) did not end in time"),
            ("two\n  lines\u{1b}[31m", "two lines [31m"),
        ];
        for (quoted, expected) in pairs {
            assert_eq!(cleaned(quoted), expected);
        }
    }

    #[test]
    fn what_is_the_same_in_every_run_stays() {
        for words in [
            "ERROR 1040 (08004): Too many connections",
            "p1 wrote Terminate, 5 bytes, on c0, opened by p0",
            "p0's step 12 (insert a)",
            "p0.t1 got 2 rows; 3 sessions; max_size=4",
            "port 5432, version 15.18, /tmp/else/where",
            "µ é ▶ 0x",
            "poolproof-1-2",
        ] {
            assert_eq!(cleaned(words), words);
        }
    }
}
