//! The process that keeps a container: it starts it, says where its server is, and removes it when it is told to end.
//!
//! The supervisor tells it by `SIGTERM`, and the kernel does if the supervisor is killed. What has been asked of the engine is always
//! waited for: a container whose making was broken off would be nobody's.

use std::fs::{self, File};
use std::future::Future;
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::exit;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use futures_util::StreamExt;
use nix::sys::signal::{SigSet, Signal};
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::models::PortBinding;
use testcontainers::bollard::query_parameters::LogsOptionsBuilder;
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt, TestcontainersError};
use tokio::runtime::Runtime;

use super::image::{Awaited, Image, name_and_tag};
use super::{ANSWER, Answer, Order, READY, sweep};

/// What happens while a container is started and kept.
enum News {
    /// The keeper is to end.
    End,
    /// The engine answers, and the image is there; or not.
    Image(Result<(), Answer>),
    /// The server says that it is ready.
    Ready,
    /// The container has ended by itself, or cannot be listened to.
    Silent,
}

/// The keeper's main function: its order is on its standard input.
pub(crate) fn main() -> ! {
    let told = match listen_to_signals() {
        Ok(told) => told,
        Err(error) => fail("cannot wait for its end", &error),
    };
    let order: Order = match serde_json::from_reader(std::io::stdin()) {
        Ok(order) => order,
        Err(error) => fail("has no order", &error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => fail("has no runtime", &error),
    };
    exit(Keeper { order, runtime, news: told }.run())
}

fn fail(what: &str, error: &dyn std::error::Error) -> ! {
    eprintln!("poolproof: the keeper of a container {what}: {error}");
    exit(3)
}

/// Must run before any other thread is there, so that all of them leave the signals alone.
fn listen_to_signals() -> std::io::Result<(Sender<News>, Receiver<News>)> {
    let ends: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect();
    ends.thread_block()?;
    let (news, told) = channel();
    let end = news.clone();
    std::thread::Builder::new().name("signals".into()).spawn(
        move || {
            while ends.wait().is_ok() && end.send(News::End).is_ok() {}
        },
    )?;
    Ok((news, told))
}

struct Keeper {
    order: Order,
    runtime: Runtime,
    news: (Sender<News>, Receiver<News>),
}

impl Keeper {
    /// Gives the exit code.
    fn run(&self) -> i32 {
        let request = self.request();
        let image = self.order.image.clone();
        self.tell_when_done(async move { News::Image(prepare(&image, request).await) });
        match self.next() {
            News::Image(Ok(())) => {}
            News::Image(Err(answer)) => return self.answer(&answer),
            _ => return 0, // nothing has been made yet
        }
        // Whatever comes meanwhile is heard afterwards.
        let started = self.runtime.block_on(self.request().start());
        let code = match &started {
            Ok(container) => self.keep(container),
            Err(error) => self.answer(&Answer::NotReady(format!("cannot be started: {}", with_sources(error)))),
        };
        code.max(self.undo(started.ok()))
    }

    fn keep(&self, container: &ContainerAsync<GenericImage>) -> i32 {
        self.follow(container.id().to_owned());
        match self.news.1.recv_timeout(READY) {
            Ok(News::Ready) => {}
            Ok(News::End) => return 0,
            Err(RecvTimeoutError::Timeout) => {
                return self.answer(&Answer::NotReady(format!("did not get ready within {} seconds", READY.as_secs())));
            }
            Ok(_) | Err(RecvTimeoutError::Disconnected) => {
                return self.answer(&Answer::NotReady("ended before it was ready".to_owned()));
            }
        }
        let code = match self.runtime.block_on(place(container, Image::of(self.order.database).port.as_u16())) {
            Ok((host, port)) => self.answer(&Answer::Ready(host, port)),
            Err(error) => self.answer(&Answer::NotReady(format!("has no address: {}", with_sources(&error)))),
        };
        while code == 0 && !matches!(self.next(), News::End) {}
        code
    }

    /// Removes the container, and whatever else a start that failed may have made.
    fn undo(&self, started: Option<ContainerAsync<GenericImage>>) -> i32 {
        let undone = self.runtime.block_on(async {
            if let Some(container) = started {
                container.rm().await?;
            }
            sweep::sweep_run(&docker_client_instance().await?, &self.order.run).await.map_err(TestcontainersError::other)
        });
        match undone {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("poolproof: a container of {} may be left: {}", self.order.run.display(), with_sources(&error));
                3
            }
        }
    }

    fn request(&self) -> ContainerRequest<GenericImage> {
        let image = Image::of(self.order.database);
        let (name, tag) = name_and_tag(&self.order.image);
        let port = image.port;
        let mut request = GenericImage::new(name, tag)
            .with_exposed_port(port)
            .with_env_var(image.password, self.order.password.clone())
            .with_cmd(image.arguments.iter().copied())
            .with_labels(sweep::labels(&self.order.run))
            .with_host_config_modifier(move |host| {
                if is_here() {
                    // Not every user of the network has to see it.
                    let loopback = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
                    host.port_bindings = Some([(port.to_string(), Some(vec![loopback]))].into());
                    host.publish_all_ports = Some(false);
                }
            });
        for (name, value) in image.environment {
            request = request.with_env_var(*name, *value);
        }
        request
    }

    /// Copies what the server says into its log, and tells when it is ready.
    fn follow(&self, container: String) {
        let mut awaited = Awaited::new(Image::of(self.order.database).ready);
        let log = File::options().append(true).create(true).open(&self.order.log);
        let news = self.news.0.clone();
        self.runtime.spawn(async move {
            let (Ok(engine), Ok(mut log)) = (docker_client_instance().await, log) else {
                return news.send(News::Silent);
            };
            let all = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).tail("all").build();
            let mut pieces = std::pin::pin!(engine.logs(&container, Some(all)));
            let mut told = false;
            while let Some(Ok(piece)) = pieces.next().await {
                let bytes = piece.into_bytes();
                // The log is for people; without it everything else goes on.
                let _ = log.write_all(&bytes);
                if !told && awaited.came(&bytes) {
                    told = true;
                    news.send(News::Ready)?;
                }
            }
            news.send(News::Silent)
        });
    }

    fn tell_when_done(&self, work: impl Future<Output = News> + Send + 'static) {
        let news = self.news.0.clone();
        self.runtime.spawn(async move { news.send(work.await) });
    }

    fn next(&self) -> News {
        self.news.1.recv().unwrap_or(News::End)
    }

    /// The answer appears at once and whole.
    fn answer(&self, answer: &Answer) -> i32 {
        let unnamed = self.order.home.join("answer.new");
        let written = serde_json::to_vec(answer).map_err(std::io::Error::other).and_then(|words| fs::write(&unnamed, words));
        match written.and_then(|()| fs::rename(&unnamed, self.order.home.join(ANSWER))) {
            Ok(()) => i32::from(!matches!(answer, Answer::Ready(..))),
            Err(error) => {
                eprintln!("poolproof: the keeper of a container cannot answer: {error}");
                3
            }
        }
    }
}

/// Finds the engine, removes what was left, and gets the image if it is not there.
async fn prepare(image: &str, request: ContainerRequest<GenericImage>) -> Result<(), Answer> {
    let engine = docker_client_instance().await.map_err(|error| Answer::NoEngine(with_sources(&error)))?;
    engine.ping().await.map_err(|error| Answer::NoEngine(format!("{}: {}", address(), with_sources(&error))))?;
    sweep::sweep(&engine).await.map_err(|error| Answer::NotReady(format!("cannot be started: {}", with_sources(&error))))?;
    match engine.inspect_image(image).await {
        Ok(_) => Ok(()),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            request.pull_image().await.map(drop).map_err(|error| Answer::NoImage(with_sources(&error)))
        }
        Err(error) => Err(Answer::NoImage(with_sources(&error))),
    }
}

async fn place(container: &ContainerAsync<GenericImage>, port: u16) -> Result<(String, u16), TestcontainersError> {
    let host = container.get_host().await?.to_string();
    // The port is that of IPv4, and the name may have an address of another kind first.
    let host = if host == "localhost" { Ipv4Addr::LOCALHOST.to_string() } else { host };
    Ok((host, container.get_host_port_ipv4(port).await?))
}

/// The engine's containers can be reached at the loopback of this very system: its socket is here, and this is no container itself.
fn is_here() -> bool {
    let elsewhere = std::env::var("DOCKER_HOST").is_ok_and(|host| !host.starts_with("unix://"));
    !elsewhere && !std::path::Path::new("/.dockerenv").exists()
}

fn address() -> String {
    std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned())
}

fn with_sources(error: &dyn std::error::Error) -> String {
    crate::pool::Error::from_error(crate::pool::ErrorKind::Other, error).message
}
