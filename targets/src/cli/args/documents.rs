//! The words of the commands about certificates.

use std::path::PathBuf;

use clap::Args;

use super::{Ci, Foreign, Servers};

/// What to verify, and how.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The certificate
    #[arg(value_name = "CERTIFICATE.JSON")]
    pub(crate) file: PathBuf,
    /// Interleavings for each promise that are executed again [default: all of them]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample: Option<u64>,
    #[command(flatten)]
    pub(crate) foreign: Foreign,
    #[command(flatten)]
    pub(crate) servers: Servers,
    /// Interleavings that run at once [default: the processors of this machine, at most 4]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: Option<u16>,
}

/// What to put together.
#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// The certificates of the parts
    #[arg(value_name = "CERTIFICATE.JSON", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where the whole is saved
    #[arg(long, value_name = "DIR", default_value = "poolproof-out")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) ci: Ci,
}

/// What to show side by side.
#[derive(Args, Debug)]
pub(crate) struct Matrix {
    /// Where certificates are: what `certify` had as --out
    #[arg(value_name = "DIR", default_value = "poolproof-out")]
    pub(crate) directories: Vec<PathBuf>,
    /// A page for a browser, in place of Markdown
    #[arg(long)]
    pub(crate) html: bool,
}

/// How to find out what a program promises.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// The answers, a letter for each: ynn
    #[arg(long, value_name = "ANSWERS")]
    pub(crate) answers: Option<String>,
    /// Where certificates are
    #[arg(long, value_name = "DIR", default_value = "poolproof-out")]
    pub(crate) out: PathBuf,
}
