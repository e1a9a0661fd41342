//! The proof that writers can be told apart on this machine, before anything rests on it.

use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use crate::tap::{TapShim, writer_of};
use crate::trouble::Trouble;

/// A child writes on a connection of ours, and the kernel must name the child.
pub(super) fn prove(shim: TapShim) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::system("try whether writers can be told apart", error);
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    rustix::net::sockopt::set_socket_passcred(&ours, true).map_err(|error| failed(error.into()))?;
    let mut writer = Command::new("echo");
    writer.stdin(Stdio::null()).stdout(Stdio::from(std::os::fd::OwnedFd::from(theirs))).stderr(Stdio::null());
    let mut child = writer.spawn().map_err(failed)?;
    child.wait().map_err(failed)?;
    // Without sight every byte seems to be the opener's.
    let writer = if shim.blind { Some(std::process::id().cast_signed()) } else { writer_of(ours) };
    match writer == Some(child.id().cast_signed()) {
        true => Ok(()),
        false => Err(Trouble::CannotAttribute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_writers_apart() {
        super::prove(TapShim::default()).expect("Linux");
        assert!(super::prove(TapShim { blind: true, ..TapShim::default() }).is_err());
    }
}
