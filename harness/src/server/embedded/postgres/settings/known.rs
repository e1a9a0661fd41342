//! The settings that this server knows by name, with the values that a fresh PostgreSQL 15 has.

/// What the server says that it is.
const VERSION: &str = "15.0 (poolproof)";

/// A setting with a built-in name.
pub(super) struct Setting {
    /// As PostgreSQL writes it.
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) kind: Kind,
    /// Nobody can change it.
    pub(super) fixed: bool,
}

/// Which values a setting may have.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Any,
    Truth,
    /// A whole number.
    Number,
    /// A time in milliseconds.
    Time,
    /// One of these.
    Choice(&'static [&'static str]),
    Encoding,
    DateStyle,
}

/// The settings whose changes the client is told, in the order in which PostgreSQL 15 tells them at the start.
pub(in super::super) const REPORTED: [&str; 13] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

const ISOLATION: Kind = Kind::Choice(&["serializable", "repeatable read", "read committed", "read uncommitted"]);
const LEVELS: Kind =
    Kind::Choice(&["debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "notice", "warning", "error"]);

const fn free(name: &'static str, default: &'static str, kind: Kind) -> Setting {
    Setting { name, default, kind, fixed: false }
}

const fn fixed(name: &'static str, default: &'static str) -> Setting {
    Setting { name, default, kind: Kind::Any, fixed: true }
}

const KNOWN: &[Setting] = &[
    free("application_name", "", Kind::Any),
    free("backslash_quote", "safe_encoding", Kind::Choice(&["safe_encoding", "on", "off"])),
    free("bytea_output", "hex", Kind::Choice(&["hex", "escape"])),
    free("check_function_bodies", "on", Kind::Truth),
    free("client_connection_check_interval", "0", Kind::Time),
    free("client_encoding", "UTF8", Kind::Encoding),
    free("client_min_messages", "notice", LEVELS),
    free("DateStyle", "ISO, MDY", Kind::DateStyle),
    free("deadlock_timeout", "1s", Kind::Time),
    free("default_transaction_deferrable", "off", Kind::Truth),
    free("default_transaction_isolation", "read committed", ISOLATION),
    free("default_transaction_read_only", "off", Kind::Truth),
    free("enable_seqscan", "on", Kind::Truth),
    free("escape_string_warning", "on", Kind::Truth),
    free("extra_float_digits", "1", Kind::Number),
    free("geqo", "on", Kind::Truth),
    free("idle_in_transaction_session_timeout", "0", Kind::Time),
    free("idle_session_timeout", "0", Kind::Time),
    fixed("in_hot_standby", "off"),
    fixed("integer_datetimes", "on"),
    free("IntervalStyle", "postgres", Kind::Choice(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"])),
    fixed("is_superuser", "on"),
    free("jit", "on", Kind::Truth),
    fixed("lc_collate", "C"),
    fixed("lc_ctype", "C"),
    free("lc_messages", "C", Kind::Any),
    free("lc_monetary", "C", Kind::Any),
    free("lc_numeric", "C", Kind::Any),
    free("lc_time", "C", Kind::Any),
    free("lock_timeout", "0", Kind::Time),
    free("log_min_duration_statement", "-1", Kind::Time),
    free("log_statement", "none", Kind::Choice(&["none", "ddl", "mod", "all"])),
    free("maintenance_work_mem", "64MB", Kind::Any),
    fixed("max_connections", "100"),
    fixed("max_identifier_length", "63"),
    fixed("max_index_keys", "32"),
    free("password_encryption", "scram-sha-256", Kind::Any),
    free("plan_cache_mode", "auto", Kind::Choice(&["auto", "force_generic_plan", "force_custom_plan"])),
    fixed("port", "5432"),
    free("quote_all_identifiers", "off", Kind::Truth),
    free("role", "none", Kind::Any),
    free("row_security", "on", Kind::Truth),
    free("search_path", "\"$user\", public", Kind::Any),
    fixed("server_encoding", "UTF8"),
    fixed("server_version", VERSION),
    fixed("server_version_num", "150000"),
    free("session_authorization", "", Kind::Any),
    free("session_replication_role", "origin", Kind::Choice(&["origin", "replica", "local"])),
    fixed("ssl", "off"),
    free("standard_conforming_strings", "on", Kind::Truth),
    free("statement_timeout", "0", Kind::Time),
    free("synchronous_commit", "on", Kind::Any),
    free("tcp_keepalives_count", "0", Kind::Number),
    free("tcp_keepalives_idle", "0", Kind::Number),
    free("tcp_keepalives_interval", "0", Kind::Number),
    free("tcp_user_timeout", "0", Kind::Time),
    free("temp_buffers", "8MB", Kind::Any),
    free("TimeZone", "Etc/UTC", Kind::Any),
    free("transaction_deferrable", "off", Kind::Truth),
    free("transaction_isolation", "read committed", ISOLATION),
    free("transaction_read_only", "off", Kind::Truth),
    free("work_mem", "4MB", Kind::Any),
];

/// The setting of a name, in any case.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    KNOWN.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
}

impl Setting {
    /// The value as it is kept and shown, if the setting may have it.
    pub(super) fn shown(&self, value: &str) -> Option<String> {
        match self.kind {
            Kind::Any => Some(value.to_owned()),
            Kind::Truth => super::super::types::truth(value.trim()).map(|truth| if truth { "on" } else { "off" }.to_owned()),
            Kind::Number => value.trim().parse::<i32>().ok().map(|number| number.to_string()),
            Kind::Time => time(value),
            Kind::Choice(choices) => {
                choices.iter().find(|choice| choice.eq_ignore_ascii_case(value)).map(|choice| (*choice).to_owned())
            }
            Kind::Encoding => encoding(value).map(str::to_owned),
            Kind::DateStyle => date_style(value),
        }
    }
}

/// A time as PostgreSQL shows it: in the largest unit that divides it.
fn time(value: &str) -> Option<String> {
    let value = value.trim();
    let digits = value.find(|character: char| !character.is_ascii_digit() && character != '-').unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(digits)?;
    let factor = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let number = number.parse::<i64>().ok()?.checked_mul(factor).filter(|number| i32::try_from(*number).is_ok())?;
    let units = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];
    if number <= 0 {
        return Some(number.to_string());
    }
    units.iter().find(|(_, factor)| number % factor == 0).map(|(unit, factor)| format!("{}{unit}", number / factor))
}

/// Encodings that agree with UTF-8 in what is ASCII; nothing is converted.
fn encoding(value: &str) -> Option<&'static str> {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match plain.to_ascii_lowercase().as_str() {
        "utf8" | "unicode" => "UTF8",
        "sqlascii" => "SQL_ASCII",
        "latin1" | "iso88591" => "LATIN1",
        _ => return None,
    })
}

fn date_style(value: &str) -> Option<String> {
    let (mut style, mut order) = ("ISO", "MDY");
    for word in value.split(',') {
        match word.trim().to_ascii_lowercase().as_str() {
            "iso" => style = "ISO",
            "sql" => style = "SQL",
            "postgres" => style = "Postgres",
            "german" => style = "German",
            "mdy" | "us" => order = "MDY",
            "dmy" | "european" => order = "DMY",
            "ymd" => order = "YMD",
            _ => return None,
        }
    }
    Some(format!("{style}, {order}"))
}
