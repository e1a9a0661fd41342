//! A server in a container: which image, and the process that keeps it.
//!
//! A container is no process below the supervisor, so one is put in its place: the *keeper*, this same binary in another role, starts
//! the container and removes it when it is told to end, whoever tells it and however the run ended. The coordinator never speaks to
//! the engine. A keeper that was killed leaves a labelled container, which the next keeper removes.

mod image;
mod keeper;
mod sweep;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::local::{Running, home, private_file};
use super::{Address, Origin, Server, probe};
use crate::pool::Database;
use crate::supervisor::{Launch, ROLE, Supervisor, random_name};
use crate::trouble::Trouble;
use image::Image;

pub(crate) use keeper::main as keep;

/// The role of a process that keeps a container.
pub(crate) const KEEPER: &str = "keeper";

/// How long image and server may take. An image is pulled once, and may have hundreds of megabytes.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long the server itself may take to get ready.
const READY: Duration = Duration::from_secs(120);
/// The file in which the keeper says how it went.
const ANSWER: &str = "answer";

/// What a keeper is told, on its standard input.
#[derive(serde::Serialize, serde::Deserialize)]
struct Order {
    database: Database,
    image: String,
    password: String,
    /// The directory of the run, which is the container's label.
    run: PathBuf,
    /// The keeper's own directory, for its answer.
    home: PathBuf,
    /// The file to which the server's output goes.
    log: PathBuf,
}

/// What a keeper says.
#[derive(serde::Serialize, serde::Deserialize)]
enum Answer {
    /// The server is ready at this host and port.
    Ready(String, u16),
    /// No engine answers.
    NoEngine(String),
    /// The image is not there and cannot be pulled.
    NoImage(String),
    /// The container or its server did not get ready.
    NotReady(String),
}

/// Starts one.
pub(super) fn start(supervisor: &Supervisor, database: Database) -> Result<Server, Trouble> {
    let image = Image::of(database);
    let name = image.name();
    let home = home(supervisor, &format!("{}-container", database.name()), None)?;
    let log = home.with_extension("log");
    let password = random_name(26);
    let order = Order {
        database,
        image: name.clone(),
        password: password.clone(),
        run: supervisor.run_dir().to_owned(),
        home: home.clone(),
        log: log.clone(),
    };
    let told = home.join("order");
    let words = serde_json::to_string(&order).map_err(|error| Trouble::Bug(format!("an order cannot be written: {error}")))?;
    private_file(&told, &words, None)?;
    let launch = Launch {
        argv: vec!["/proc/self/exe".to_owned()],
        env: vec![(ROLE.to_owned(), KEEPER.to_owned())],
        input: Some(told),
        output: Some(log.clone()),
        undoes: true,
        ..Launch::default()
    };
    let running = Running::start(supervisor, &launch)?.within(PATIENCE);
    let answer = home.join(ANSWER);
    let waited = running.wait_until(&home, || answer.exists());
    if !answer.exists() {
        waited?; // a keeper that has said why it ends has ended well
    }
    let said = fs::read_to_string(&answer).unwrap_or_default();
    let (host, port) = match serde_json::from_str(&said) {
        Ok(Answer::Ready(host, port)) => (host, port),
        Ok(Answer::NoEngine(cause)) => return Err(Trouble::Engine { cause }),
        Ok(Answer::NoImage(cause)) => return Err(Trouble::Image { image: name, variable: image.variable, cause }),
        Ok(Answer::NotReady(cause)) => return Err(running.trouble(&format!("as {name} {cause}"))),
        Err(error) => return Err(Trouble::Bug(format!("the keeper of a container says {said:?}: {error}"))),
    };
    let mut server = Server {
        database,
        product: String::new(),
        origin: Origin::Local,
        address: Address::Tcp(host.clone(), port),
        tcp: Some((host, port)),
        user: image.user.to_owned(),
        password,
        name: image::NAME.to_owned(),
        headroom: 0,
        certificate: None,
        log: Some(log),
        pooler: None,
    };
    probe::probe(&mut server, supervisor.stop_flag())?;
    Ok(server)
}
