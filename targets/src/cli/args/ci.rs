//! The words that tell machines for continuous integration what was found.

use std::path::PathBuf;

use clap::Args;

/// How such machines are told.
#[derive(Args, Debug, Default)]
pub(crate) struct Ci {
    /// Also write the results to this file as JUnit's XML, for machines that know tests
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Also add the results to this file as Markdown; "$GITHUB_STEP_SUMMARY" is shown on the page of a GitHub job
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
    /// Also print what failed as annotations, which GitHub shows at the files of a change
    #[arg(long)]
    pub(crate) annotations: bool,
}
