//! The words of `poolproof corpus`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Foreign, Servers};

/// What to do with a fuzzer's inputs.
#[derive(Args, Debug)]
pub(crate) struct Corpus {
    /// What to do.
    #[command(subcommand)]
    pub(crate) task: CorpusTask,
}

/// The tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum CorpusTask {
    /// Write each input of a directory as a text: a file that `replay` reads
    Text {
        /// The directory with the inputs
        from: PathBuf,
        /// The directory for the texts
        to: PathBuf,
    },
    /// Write each text of a directory, such as a scenario or a finding, as an input
    Bytes {
        /// The directory with the texts
        from: PathBuf,
        /// The directory for the inputs
        to: PathBuf,
    },
    /// Run each input of a directory, and show what they exercise
    Cover(Covered),
    /// Run each input of a directory, and keep the shortest that exercise together what all do
    Minimise {
        #[command(flatten)]
        covered: Covered,
        /// The directory for those that are kept
        to: PathBuf,
    },
}

/// What is run, and in which pool.
#[derive(Args, Debug)]
pub(crate) struct Covered {
    /// The directory with the inputs, texts among them by their names
    pub(crate) from: PathBuf,
    /// The pool, by name
    #[arg(long, value_name = "POOL")]
    pub(crate) pool: String,
    #[command(flatten)]
    pub(crate) foreign: Foreign,
    #[command(flatten)]
    pub(crate) servers: Servers,
}
