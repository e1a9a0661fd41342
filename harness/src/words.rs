//! Words that the command line and the environment share: lengths of time, and what a shell reads.

use std::time::Duration;

/// A length of time: `500ms`, `30s`, `5m`, `1h`.
///
/// # Errors
/// What is expected.
pub fn duration(word: &str) -> Result<Duration, String> {
    let wrong = || "expected a number and a unit: 500ms, 30s, 5m or 1h".to_owned();
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (number, unit) = word.split_at(end);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    let length = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)?;
    if length.is_zero() { Err("nothing can be run in no time".to_owned()) } else { Ok(length) }
}

/// A word for a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_unit() {
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["5", "0s", "s", "5 s", "-1s", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_with_blanks_can_be_pasted() {
        assert_eq!(quoted("out/a.b"), "out/a.b");
        assert_eq!(quoted("my out/it's"), r"'my out/it'\''s'");
    }
}
