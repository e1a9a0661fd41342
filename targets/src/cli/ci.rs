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
