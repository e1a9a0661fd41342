//! The list.

use super::VERSION;
use crate::server::embedded::MOST_IN_A_FRAME;

/// A variable's value at the start.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// On or off.
    Switch(bool),
    Number(u64),
    Text(&'static str),
}

/// What can be done with a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// It can be set for the session.
    Session,
    /// It can be set for the whole server only, by somebody with more rights.
    Global,
    Read,
}

use May::{Global, Read, Session};
use Start::{Number, Switch, Text};

/// In the order of their names.
pub(super) const VARIABLES: &[(&str, Start, May)] = &[
    ("auto_increment_increment", Number(1), Session),
    ("auto_increment_offset", Number(1), Session),
    ("autocommit", Switch(true), Session),
    ("big_tables", Switch(false), Session),
    ("character_set_client", Text("utf8mb4"), Session),
    ("character_set_connection", Text("utf8mb4"), Session),
    ("character_set_database", Text("utf8mb4"), Session),
    ("character_set_filesystem", Text("binary"), Session),
    ("character_set_results", Text("utf8mb4"), Session),
    ("character_set_server", Text("utf8mb4"), Session),
    ("character_set_system", Text("utf8"), Read),
    ("collation_connection", Text("utf8mb4_general_ci"), Session),
    ("collation_database", Text("utf8mb4_general_ci"), Session),
    ("collation_server", Text("utf8mb4_general_ci"), Session),
    ("connect_timeout", Number(10), Global),
    ("default_authentication_plugin", Text("mysql_native_password"), Read),
    ("default_storage_engine", Text("InnoDB"), Session),
    ("error_count", Number(0), Read),
    ("event_scheduler", Switch(false), Global),
    ("foreign_key_checks", Switch(true), Session),
    ("group_concat_max_len", Number(1024), Session),
    ("have_openssl", Text("DISABLED"), Read),
    ("have_ssl", Text("DISABLED"), Read),
    ("hostname", Text("embedded"), Read),
    ("identity", Number(0), Session),
    ("init_connect", Text(""), Global),
    ("innodb_lock_wait_timeout", Number(50), Session),
    ("innodb_read_only", Switch(false), Read),
    ("interactive_timeout", Number(28_800), Session),
    ("last_insert_id", Number(0), Session),
    ("license", Text("MIT OR Apache-2.0"), Read),
    ("lock_wait_timeout", Number(31_536_000), Session),
    ("log_bin", Switch(false), Read),
    ("lower_case_table_names", Number(0), Read),
    ("max_allowed_packet", Number(MOST_IN_A_FRAME as u64), Global),
    ("max_connections", Number(100_000), Global),
    ("max_execution_time", Number(0), Session),
    ("max_user_connections", Number(0), Global),
    ("net_buffer_length", Number(16_384), Global),
    ("net_read_timeout", Number(30), Session),
    ("net_write_timeout", Number(60), Session),
    ("optimizer_switch", Text(""), Session),
    ("performance_schema", Switch(false), Read),
    ("port", Number(0), Read),
    ("protocol_version", Number(10), Read),
    ("query_cache_size", Number(0), Global),
    ("query_cache_type", Text("OFF"), Session),
    ("read_only", Switch(false), Global),
    ("server_id", Number(1), Global),
    ("session_track_gtids", Text("OFF"), Session),
    ("session_track_schema", Switch(false), Session),
    ("session_track_state_change", Switch(false), Session),
    ("session_track_system_variables", Text(""), Session),
    ("skip_networking", Switch(true), Read),
    // Drivers that find one here leave the connection that they have for it; there is none.
    ("socket", Text(""), Read),
    ("sql_auto_is_null", Switch(false), Session),
    ("sql_log_bin", Switch(true), Session),
    ("sql_mode", Text(MODES_AT_START), Session),
    ("sql_notes", Switch(true), Session),
    ("sql_quote_show_create", Switch(true), Session),
    ("sql_safe_updates", Switch(false), Session),
    ("sql_select_limit", Number(u64::MAX), Session),
    ("sql_warnings", Switch(false), Session),
    ("super_read_only", Switch(false), Global),
    ("system_time_zone", Text("UTC"), Read),
    ("time_zone", Text("SYSTEM"), Session),
    ("transaction_isolation", Text("REPEATABLE-READ"), Session),
    ("transaction_read_only", Switch(false), Session),
    ("tx_isolation", Text("REPEATABLE-READ"), Session),
    ("tx_read_only", Switch(false), Session),
    ("unique_checks", Switch(true), Session),
    ("version", Text(VERSION), Read),
    ("version_comment", Text("poolproof's embedded server"), Read),
    ("version_compile_machine", Text(std::env::consts::ARCH), Read),
    ("version_compile_os", Text("Linux"), Read),
    ("wait_timeout", Number(28_800), Session),
    ("warning_count", Number(0), Read),
];

pub(super) const MODES_AT_START: &str =
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";
