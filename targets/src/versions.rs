//! Which version of which crate each pool of this program runs: what `Cargo.lock` said when it was built.

const LOCK: &str = include_str!("../../Cargo.lock");

/// The crates of a pool, the pool's own first, then its driver. Names of pools begin with what stands in front.
const CRATES: &[(&str, &[&str])] = &[
    ("r2d2-postgres", &["r2d2", "r2d2_postgres", "postgres"]),
    ("r2d2-mysql", &["r2d2", "r2d2_mysql", "mysql"]),
    ("r2d2-neutral", &["r2d2"]),
    ("mysql-async", &["mysql_async", "tokio"]),
    ("mysql", &["mysql"]),
    ("no-pool-mysql", &["mysql"]),
    ("no-pool", &["postgres"]),
    ("deadpool-neutral", &["deadpool", "tokio"]),
    ("deadpool-", &["deadpool-postgres", "deadpool", "tokio-postgres", "tokio"]),
    ("bb8-neutral", &["bb8", "tokio"]),
    ("bb8-postgres", &["bb8", "bb8-postgres", "tokio-postgres", "tokio"]),
    ("mobc-neutral", &["mobc", "tokio"]),
    ("mobc-postgres", &["mobc", "mobc-postgres", "tokio-postgres", "tokio"]),
    ("sqlx-", &["sqlx", "tokio"]),
    ("diesel-postgres", &["diesel", "r2d2", "pq-sys"]),
    ("diesel-mysql", &["diesel", "r2d2", "mysqlclient-sys"]),
    ("diesel-bb8-postgres", &["diesel-async", "bb8", "tokio-postgres", "tokio"]),
    ("diesel-bb8-mysql", &["diesel-async", "bb8", "mysql_async", "tokio"]),
    ("diesel-deadpool-postgres", &["diesel-async", "deadpool", "tokio-postgres", "tokio"]),
    ("diesel-deadpool-mysql", &["diesel-async", "deadpool", "mysql_async", "tokio"]),
];

/// The crates of a pool of this program, each with its version; none for a pool that is no crate's.
pub fn of(pool: &str) -> Vec<(&'static str, &'static str)> {
    let crates = CRATES.iter().find(|(start, _)| pool.starts_with(start)).map_or(&[][..], |(_, crates)| crates);
    let version = |name: &&'static str| {
        let users = crates.iter().copied().chain(["poolproof-targets"]);
        let named = users.filter_map(package).find_map(|user| named_by(user, name));
        Some((*name, named.or_else(|| package(name).and_then(|package| quoted(package, "version = ")))?))
    };
    crates.iter().filter_map(version).collect()
}

/// What is locked of a crate; of several versions the first.
fn package(name: &str) -> Option<&'static str> {
    let (_, package) = LOCK.split_once(&format!("\nname = \"{name}\"\n"))?;
    Some(package.split_once("\n[[package]]").map_or(package, |(package, _)| package))
}

/// The version of a dependency, where its user has to say it because there are several.
fn named_by(user: &'static str, dependency: &str) -> Option<&'static str> {
    let (_, version) = user.split_once(&format!("\n \"{dependency} "))?;
    version.split_once('"').map(|(version, _)| version)
}

fn quoted(text: &'static str, before: &str) -> Option<&'static str> {
    text.split_once(before)?.1.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each pool says of itself begins the exact version of some crate of it.
    #[test]
    fn every_pool_that_is_a_crates_has_exact_versions() {
        let correct: Vec<&str> = crate::correct().iter().map(|target| target.name()).collect();
        for target in crate::pools().iter().filter(|target| !correct.contains(&target.name())) {
            let versions = of(target.name());
            let is_said = |(_, version): &(&str, &str)| {
                target
                    .about()
                    .split([' ', ','])
                    .any(|word| word.contains(|c: char| c.is_ascii_digit()) && version.starts_with(word))
            };
            assert!(versions.iter().any(is_said), "{}: {} and {versions:?}", target.name(), target.about());
            let all = CRATES.iter().find(|(start, _)| target.name().starts_with(start)).map_or(0, |(_, crates)| crates.len());
            assert_eq!(versions.len(), all, "{}", target.name());
        }
        let drivers =
            ["mysql-async", "diesel-bb8-mysql"].map(|pool| of(pool).into_iter().find(|(name, _)| *name == "mysql_async"));
        assert!(drivers[0].is_some_and(|driver| driver.1.starts_with("0.37.")), "{drivers:?}");
        assert!(drivers[1].is_some_and(|driver| driver.1.starts_with("0.36.")), "two versions are locked: {drivers:?}");
        assert_eq!(of("reference"), []);
        assert_eq!(of("sqlalchemy-queuepool-psycopg2"), []);
    }

    /// What is compiled ahead for the drivers for MySQL is theirs only in the release that they use themselves.
    #[test]
    fn the_patterns_that_are_compiled_ahead_are_the_drivers_own() {
        // Another release of `mysql_async` is there for diesel-async.
        let used_by = |(name, version): (&str, &str)| {
            let (_, package) = LOCK.split_once(&format!("\nname = \"{name}\"\nversion = \"{version}."))?;
            package.split("\n\n").next()?.lines().find(|line| line.contains("mysql_common"))
        };
        let drivers = [("mysql", "28"), ("mysql_async", "0.37")].map(used_by);
        assert_eq!(drivers, [used_by(("poolproof-targets", "0")); 2]);
        assert!(drivers[0].is_some());
    }
}
