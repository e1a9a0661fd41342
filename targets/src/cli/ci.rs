//! Results for machines for continuous integration, made of certificates alone.
//!
//! | file | what |
//! | --- | --- |
//! | `junit.rs` | JUnit's XML, for whoever knows tests |
//! | `summary.rs` | a page in Markdown, as GitHub shows it beside a job |
//! | `annotations.rs` | a line for each thing that failed, which GitHub shows at a file |

mod annotations;
mod junit;
#[cfg(test)]
mod snapshots;
mod summary;

use std::path::Path;

use poolproof::certificate::Certificate;

use super::args::Ci;
use super::exit::Stop;
use super::screen::Screen;

/// Whether the files can be written, before there is anything to write: what exists is not changed.
pub(super) fn check(wanted: &Ci) -> Result<(), Stop> {
    for file in wanted.junit.iter().chain(&wanted.summary) {
        let known = file.symlink_metadata().is_ok();
        let opened = std::fs::File::options().create(true).append(true).open(file);
        opened.map_err(|error| {
            Stop::unwritable(file, &error).hint("name a file in a directory that exists and that this user can write")
        })?;
        if !known {
            // Until there is something in it.
            let _ = std::fs::remove_file(file);
        }
    }
    Ok(())
}

/// Tells them what is wanted. `out` is where failures are saved.
pub(super) fn tell(wanted: &Ci, out: &Path, certificates: &[Certificate], screen: &mut Screen) -> Result<(), Stop> {
    if let Some(file) = &wanted.junit {
        junit::save(file, certificates)?;
    }
    if let Some(file) = &wanted.summary {
        summary::add(file, certificates)?;
    }
    if wanted.annotations {
        screen.say(&annotations::lines(certificates, out))?;
    }
    Ok(())
}
