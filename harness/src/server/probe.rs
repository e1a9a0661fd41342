//! What a server is, and how many more sessions it allows: asked once, before a run.

use std::sync::atomic::AtomicBool;

use super::Server;
use super::admin::blocking;
use crate::limits;
use crate::pool::{Database, Rows};
use crate::trouble::Trouble;

/// One worker's sessions: those of an interleaving, and the administrator's.
const NEEDED: u32 = limits::SESSIONS as u32 + 1;

/// Fills in product and headroom.
///
/// # Errors
/// Whatever keeps the server from answering; [`Trouble::Headroom`] if it has too little room for one worker;
/// [`Trouble::Interrupted`] if `stop` is set.
pub(super) fn probe(server: &mut Server, stop: &AtomicBool) -> Result<(), Trouble> {
    let (product, headroom) = match server.database {
        Database::Postgres => postgres(server, stop)?,
        Database::MySql => mysql(server, stop)?,
    };
    server.product = product;
    server.headroom = headroom;
    if headroom < NEEDED {
        let (product, address) = (server.product.clone(), server.address.to_string());
        return Err(Trouble::Headroom { product, address, free: headroom, needed: NEEDED });
    }
    Ok(())
}

fn postgres(server: &Server, stop: &AtomicBool) -> Result<(String, u32), Trouble> {
    let version = blocking(server, "SELECT version()", stop)?;
    // A limit of -1 is none. Who may not see the sessions of others still sees their users.
    let room = "SELECT least( \
         current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int \
             - coalesce(current_setting('reserved_connections', true)::int, 0) - (SELECT count(usesysid) FROM pg_stat_activity), \
         (SELECT CASE WHEN rolconnlimit < 0 THEN NULL ELSE rolconnlimit - (SELECT count(*) FROM pg_stat_activity \
             WHERE usename = current_user) END FROM pg_roles WHERE rolname = current_user), \
         (SELECT CASE WHEN datconnlimit < 0 THEN NULL ELSE datconnlimit - (SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database()) END FROM pg_database WHERE datname = current_database()))";
    let room = blocking(server, room, stop)?;
    // The session that asked was one of them.
    Ok((postgres_product(value(&version, 0)), number(&room, 0).saturating_add(1)))
}

fn mysql(server: &Server, stop: &AtomicBool) -> Result<(String, u32), Trouble> {
    let version = blocking(server, "SELECT VERSION(), @@version_comment, @@max_connections, @@max_user_connections", stop)?;
    let used = number(&blocking(server, "SHOW GLOBAL STATUS LIKE 'Threads_connected'", stop)?, 1);
    let limit = match (number(&version, 2), number(&version, 3)) {
        (all, 0) => all,
        (all, own) => all.min(own),
    };
    Ok((mysql_product(value(&version, 0), value(&version, 1)), limit.saturating_sub(used).saturating_add(1)))
}

/// `PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64…` is PostgreSQL 15.18, and what is not PostgreSQL says so there.
fn postgres_product(version: &str) -> String {
    let end = [" (", " on ", ","].iter().filter_map(|mark| version.find(mark)).min().unwrap_or(version.len());
    version[..end].to_owned()
}

/// MariaDB says in its version that it is MariaDB; in front there may be `5.5.5-`, for the sake of old replicas.
fn mysql_product(version: &str, comment: &str) -> String {
    let (version, comment) = (version.strip_prefix("5.5.5-").unwrap_or(version), comment.to_ascii_lowercase());
    let whole = version.to_ascii_lowercase();
    let name = if whole.contains("mariadb") || comment.contains("mariadb") {
        "MariaDB"
    } else if whole.contains("tidb") {
        "TiDB, as MySQL"
    } else if comment.contains("percona") {
        "Percona Server"
    } else {
        "MySQL"
    };
    format!("{name} {}", version.split('-').next().unwrap_or(version))
}

fn value(rows: &Rows, column: usize) -> &str {
    rows.first().and_then(|row| row.get(column)).and_then(Option::as_deref).unwrap_or_default()
}

fn number(rows: &Rows, column: usize) -> u32 {
    // A limit that is beyond u32 is no limit; one below zero is none left.
    value(rows, column).parse::<i64>().unwrap_or_default().clamp(0, i64::from(u32::MAX)).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_named_as_what_it_is() {
        assert_eq!(postgres_product("PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu"), "PostgreSQL 15.18");
        assert_eq!(postgres_product("PostgreSQL 16.2 on x86_64-pc-linux-musl, compiled by gcc"), "PostgreSQL 16.2");
        assert_eq!(mysql_product("10.11.14-MariaDB-0+deb12u1", "Debian 12"), "MariaDB 10.11.14");
        assert_eq!(mysql_product("5.5.5-10.4.8-MariaDB", "mariadb.org binary distribution"), "MariaDB 10.4.8");
        assert_eq!(mysql_product("9.7.0-1", "(Debian)"), "MySQL 9.7.0");
        assert_eq!(mysql_product("8.0.36-28", "Percona Server (GPL), Release 28"), "Percona Server 8.0.36");
    }
}
