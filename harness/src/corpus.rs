//! Results on disk: failures as `DIR/failures/POOL/PROMISE.RULE.interleaving`, in the text form, and documents on pools as
//! `DIR/POOL/certificate.json`.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::certificate::Certificate;
use crate::certify::{Failure, Unlike};
use crate::interleaving::{self, Interleaving, ParseError};
use crate::promise::Promise;
use crate::trouble::Trouble;

const EXTENSION: &str = "interleaving";
/// An interleaving has at most so many bytes.
const LONGEST: u64 = 1 << 20;

/// Where a failure is saved.
pub fn path(directory: &Path, pool: &str, promise: Promise, rule: &str) -> PathBuf {
    directory.join("failures").join(pool).join(format!("{promise}.{rule}.{EXTENSION}"))
}

/// Reads an interleaving from a file.
///
/// # Errors
/// A file that cannot be read, or that is no interleaving.
pub fn read(path: &Path) -> Result<Interleaving, Trouble> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    let read = read.map_err(|error| Trouble::file(path, error))?;
    // What is no text is a typo where it stands.
    let text = String::from_utf8_lossy(&bytes);
    let parsed = if read as u64 > LONGEST { Err(too_long(&text)) } else { interleaving::parse(&text) };
    parsed.map_err(|error| Trouble::Interleaving { path: path.to_owned(), error })
}

fn too_long(text: &str) -> ParseError {
    ParseError { line: text.lines().count(), column: 1, message: format!("no interleaving has more than {LONGEST} bytes") }
}

/// The saved failures of a pool under a promise, in the order of their names.
///
/// # Errors
/// As [`read`]; a directory that does not exist holds none.
pub fn known(directory: &Path, pool: &str, promise: Promise) -> Result<Vec<Interleaving>, Trouble> {
    let folder = directory.join("failures").join(pool);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Trouble::directory(&folder, error)),
    };
    let start = format!("{promise}.");
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Trouble::directory(&folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(&start) && path.extension().is_some_and(|extension| extension == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// Saves a failure: whole or not at all.
///
/// # Errors
/// A directory that cannot be written, a disk that is full.
pub fn save(directory: &Path, pool: &str, promise: Promise, failure: &Failure) -> Result<PathBuf, Trouble> {
    let path = path(directory, pool, promise, failure.rule.id);
    let evidence = failure.judgement.first_cause().map_or("", |(_, evidence)| evidence.sentence.as_str());
    let text = format!("# {}: {}\n# {evidence}\n{}", failure.rule.id, failure.rule.sentence, failure.interleaving);
    write(&path, &text)?;
    Ok(path)
}

/// Where an interleaving is saved that did not go the same way twice.
pub fn unlike_path(directory: &Path, pool: &str, promise: Promise, number: u64) -> PathBuf {
    directory.join("unlike").join(pool).join(format!("{promise}.{number}.{EXTENSION}"))
}

/// Saves an interleaving that did not go the same way twice: whole or not at all.
///
/// # Errors
/// As [`save`].
pub fn save_unlike(directory: &Path, pool: &str, promise: Promise, unlike: &Unlike) -> Result<PathBuf, Trouble> {
    let path = unlike_path(directory, pool, promise, unlike.number);
    write(&path, &format!("# not the same way twice\n# {}\n{}", unlike.what, unlike.interleaving))?;
    Ok(path)
}

/// Saves a document on a pool as `DIR/POOL/certificate.json`, and as pages beside it; gives the path of the first.
///
/// # Errors
/// As [`save`].
pub fn save_certificate(directory: &Path, certificate: &Certificate) -> Result<PathBuf, Trouble> {
    let folder = directory.join(&certificate.pool.name);
    let path = folder.join("certificate.json");
    write(&path, &certificate.to_json())?;
    write(&folder.join("certificate.md"), &certificate.to_markdown())?;
    write(&folder.join("certificate.html"), &certificate.to_html())?;
    Ok(path)
}

/// Reads a document.
///
/// # Errors
/// A file that cannot be read, or that is no such document.
pub fn certificate(path: &Path) -> Result<Certificate, Trouble> {
    let wrong = |error: String| Trouble::Certificate { path: path.to_owned(), error };
    if path.is_dir() {
        return Err(wrong("this is a directory; name the certificate.json in it".to_owned()));
    }
    let text = fs::read(path).map_err(|error| Trouble::file(path, error))?;
    // What is no text is no document either.
    Certificate::from_json(&String::from_utf8_lossy(&text)).map_err(wrong)
}

/// The documents in a directory, in the order of the pools' names.
///
/// # Errors
/// As [`certificate`]; a directory that does not exist holds none.
pub fn certificates(directory: &Path) -> Result<Vec<Certificate>, Trouble> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Trouble::directory(directory, error)),
    };
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path().join("certificate.json"))).collect();
    let mut paths = paths.map_err(|error| Trouble::directory(directory, error))?;
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.iter().map(|path| certificate(path)).collect()
}

fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| Trouble::directory(folder, error))?;
    let unfinished = path.with_extension("unfinished");
    let written = fs::File::create(&unfinished).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&unfinished, path)).map_err(|error| {
        // Half a file is worse than none.
        let _ = fs::remove_file(&unfinished);
        Trouble::file(path, error)
    })
}

/// Proves that failures could be saved, before anything long is started.
///
/// # Errors
/// A directory that cannot be made or written.
pub fn check(directory: &Path) -> Result<(), Trouble> {
    let folder = directory.join("failures");
    fs::create_dir_all(&folder).map_err(|error| Trouble::directory(&folder, error))?;
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    let written = fs::write(&probe, b"can this be written?");
    let _ = fs::remove_file(&probe);
    written.map_err(|error| Trouble::directory(&folder, error))
}
