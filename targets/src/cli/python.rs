//! The interpreter that runs pools in Python: the one that somebody names, or one of poolproof's own, with the packages that the pools
//! need, which are fetched when they are first needed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use poolproof_targets::python::REQUIREMENTS;

use super::exit::Stop;
use super::progress::Teller;

/// The interpreter for pools that need packages with these words in their names.
pub(crate) fn interpreter(named: Option<&str>, packages: &[&str], teller: &mut Teller) -> Result<String, Stop> {
    match named {
        Some(named) => Ok(named.to_owned()),
        None => own(&cache()?, packages, teller),
    }
}

/// The interpreter's version and those of the packages that it has of these.
pub(crate) fn installed(python: &str, packages: &[&str]) -> Result<Vec<String>, Stop> {
    let script = "import importlib.metadata as metadata, platform, sys\nprint('Python', platform.python_version())\n\
                  for name in sys.argv[1:]:\n    for form in name, name + '-binary':\n        try:\n            \
                  print(form, metadata.version(form))\n        except metadata.PackageNotFoundError:\n            pass\n";
    let output = run(Command::new(python).args(["-c", script]).args(packages))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Where poolproof keeps what it fetched, by the interpreter's version, for packages fit one of them only.
fn cache() -> Result<PathBuf, Stop> {
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    let output = run(Command::new("python3").args(["-c", version]))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let base = base.ok_or_else(|| missing("neither XDG_CACHE_HOME nor HOME is set"))?;
    Ok(base.join("poolproof").join(format!("python-{version}")))
}

fn own(place: &Path, packages: &[&str], teller: &mut Teller) -> Result<String, Stop> {
    let refused = |error: std::io::Error| missing(format!("{}: {error}", place.display()));
    std::fs::create_dir_all(place).map_err(refused)?;
    // Another run may be at the same work.
    let lock = File::create(place.join("lock")).map_err(refused)?;
    lock.lock().map_err(refused)?;
    let python = place.join("bin").join("python3");
    if !python.exists() {
        teller.begins(&format!("making an environment for Python in {}", place.display()));
        run(Command::new("python3").args(["-m", "venv"]).arg(place))?;
    }
    for package in needed(packages) {
        let done = place.join(format!("has-{package}"));
        if !done.exists() {
            teller.begins(&format!("fetching {package}"));
            fetch(&python, package)?;
            File::create(&done).map_err(refused)?;
        }
    }
    teller.clear();
    Ok(python.to_string_lossy().into_owned())
}

/// The lines of the requirements that begin with one of these words.
fn needed<'a>(packages: &'a [&str]) -> impl Iterator<Item = &'static str> + 'a {
    REQUIREMENTS.lines().filter(|line| packages.iter().any(|package| is_of(line, package)))
}

/// Whether a requirement is of a package, whatever its version or form.
fn is_of(line: &str, package: &str) -> bool {
    let name = line.split(['=', '[']).next().unwrap_or(line).trim_end_matches("-binary");
    name.eq_ignore_ascii_case(package)
}

fn fetch(python: &Path, package: &str) -> Result<(), Stop> {
    let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
    run(Command::new(python).args(quiet)).map(drop).map_err(|stop| {
        stop.hint(format!(
            "the Python package {package} could not be installed; `--python PATH` takes an interpreter that has it"
        ))
    })
}

/// Runs a command to its end; one that fails is told with its last words.
fn run(command: &mut Command) -> Result<Output, Stop> {
    let shown = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| {
        missing(format!("cannot run {shown}: {error}")).hint("install python3, or name an interpreter with `--python PATH`")
    })?;
    match output.status.success() {
        true => Ok(output),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last: Vec<&str> = said.lines().rev().take(LINES).collect();
            let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
            Err(missing(format!("{shown} failed ({}):\n{last}", output.status)))
        }
    }
}

/// So many of its last words.
const LINES: usize = 12;

fn missing(message: impl std::fmt::Display) -> Stop {
    Stop::environment(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolproof_targets::python;

    /// What each pool needs is among the requirements: SQLAlchemy, and its driver.
    #[test]
    fn the_requirements_have_a_package_for_every_driver() {
        for known in python::known() {
            assert_eq!(needed(&known.packages).count(), known.packages.len(), "{}", known.name);
        }
        assert!(is_of("psycopg[binary]==3.3.9", "psycopg") && !is_of("psycopg2-binary==2.9.13", "psycopg"));
    }
}
