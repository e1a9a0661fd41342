//! A key pair for one server and one run, made by the program `openssl`, which is where such servers are. It is never kept.
//!
//! The certificate is signed by its own key and is no authority's: whoever trusts it trusts this one server.

use std::path::{Path, PathBuf};

use super::{Running, directories, find, launch, private_file};
use crate::supervisor::Supervisor;
use crate::trouble::Trouble;

/// A key and its certificate, in files in PEM.
pub(super) struct KeyPair {
    pub(super) key: PathBuf,
    pub(super) certificate: PathBuf,
}

/// Names and addresses by which clients call a server on this machine.
const REQUEST: &str = "\
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
commonName = poolproof
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
";

/// Longer than any run.
const DAYS: &str = "30";

/// Makes one in the server's directory, as the server's user.
pub(super) fn make(supervisor: &Supervisor, home: &Path, user: Option<(u32, u32)>, log: &Path) -> Result<KeyPair, Trouble> {
    let program = find("openssl", &directories(&["/usr/bin", "/usr/local/bin"])).ok_or_else(|| Trouble::Program {
        program: "openssl".to_owned(),
        cause: "it is not installed, and makes the key for TLS".to_owned(),
    })?;
    let pair = KeyPair { key: home.join("key.pem"), certificate: home.join("certificate.pem") };
    let request = home.join("request.cnf");
    private_file(&request, REQUEST, user)?;
    let path = |path: &Path| path.display().to_string();
    let (program, request, key, certificate) = (path(&program), path(&request), path(&pair.key), path(&pair.certificate));
    let argv = [&program, "req", "-x509", "-new", "-nodes", "-days", DAYS, "-newkey", "ec", "-pkeyopt"];
    let argv =
        argv.into_iter().chain(["ec_paramgen_curve:prime256v1", "-config", &request, "-keyout", &key, "-out", &certificate]);
    Running::start(supervisor, &launch(argv.map(str::to_owned).collect(), home, user, log))?.completed()?;
    Ok(pair)
}
