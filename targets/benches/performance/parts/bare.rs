//! The bare loop: the processes, forks and round trips of a script, and nothing else. No codec, no driver, no rule, no model.
//!
//! It is the least that a harness of this design can cost. Coordinator, zygote and actors talk in a few bytes.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustix::process::{PidfdFlags, pidfd_open};

use super::script::{Act, Beat, Name};

/// What an actor says when it is born: the zygote has a name of its own.
const ZYGOTE: Name = (255, 0);
/// An order: what, about whom, and what to do on the wire.
type Order = [u8; 9];
const WORK: u8 = 0;
const FORK: u8 = 1;
const SPAWN: u8 = 2;
const JOIN: u8 = 3;
const WAIT: u8 = 4;
const EXIT: u8 = 5;
const FINISH: u8 = 6;
/// The sizes of a small statement and of its answer.
const QUESTION: [u8; 48] = [7; 48];
const ANSWER: [u8; 96] = [8; 96];

/// The coordinator's side.
pub(super) struct Bare {
    epoll: OwnedFd,
    control: UnixListener,
    wire: UnixListener,
    peers: Vec<Option<Peer>>,
    pids: HashMap<u8, Pid>,
    ends: HashMap<u8, OwnedFd>,
    zygote: Pid,
}

struct Peer {
    socket: UnixStream,
    who: Who,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Unknown,
    Actor(Name),
    Wire,
}

#[derive(PartialEq, Eq)]
enum Seen {
    Hello(Name),
    Done(Name),
    Ended(u8),
}

const CONTROL: u64 = 1 << 32;
const LISTENER: u64 = 2 << 32;
const ENDED: u64 = 3 << 32;
const KIND: u64 = !0 << 32;

impl Bare {
    /// Starts a zygote that talks through sockets in this directory.
    pub(super) fn start(directory: &Path) -> std::io::Result<Self> {
        let paths = Paths { control: directory.join("control"), wire: directory.join("wire") };
        let (control, wire) = (UnixListener::bind(&paths.control)?, UnixListener::bind(&paths.wire)?);
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (listener, number) in [(&control, 0), (&wire, 1)] {
            listener.set_nonblocking(true)?;
            epoll::add(&set, listener, epoll::EventData::new_u64(LISTENER | number), epoll::EventFlags::IN)?;
        }
        // SAFETY: the bench has no other thread here.
        let zygote = match unsafe { fork() }? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                drop((control, wire, set));
                zygote(&paths)
            }
        };
        let peers = Vec::new();
        let mut bare = Self { epoll: set, control, wire, peers, pids: HashMap::new(), ends: HashMap::new(), zygote };
        bare.until(&[Seen::Hello(ZYGOTE)])?;
        Ok(bare)
    }

    /// Carries a script out.
    pub(super) fn play(&mut self, beats: &[Beat]) -> std::io::Result<()> {
        self.order(ZYGOTE, [FORK, 0, 0, 0, 0, 0, 0, 0, 0])?;
        self.until(&[Seen::Done(ZYGOTE), Seen::Hello((0, 0))])?;
        for beat in beats {
            let (kind, about) = match beat.act {
                Act::Work => (WORK, 0),
                Act::Fork(child) => (FORK, child),
                Act::Spawn(thread) => (SPAWN, thread),
                Act::Join(thread) => (JOIN, thread),
                Act::Wait(child) => (WAIT, child),
                Act::Exit => (EXIT, 0),
            };
            let (actor, wire) = (beat.actor, beat.wire);
            let pid = self.pids.get(&about).map_or(0, |pid| pid.as_raw()).to_le_bytes();
            if let Act::Join(thread) = beat.act {
                self.order((actor.0, thread), [FINISH, 0, 0, 0, 0, 0, 0, 0, 0])?;
            }
            self.order(actor, [kind, about, wire.connects, wire.trips, wire.closes, pid[0], pid[1], pid[2], pid[3]])?;
            match beat.act {
                Act::Fork(child) => self.until(&[Seen::Done(actor), Seen::Hello((child, 0))])?,
                Act::Spawn(thread) => self.until(&[Seen::Done(actor), Seen::Hello((actor.0, thread))])?,
                Act::Exit => self.until(&[Seen::Ended(actor.0)])?,
                Act::Work | Act::Join(_) | Act::Wait(_) => self.until(&[Seen::Done(actor)])?,
            }
        }
        while self.peers.iter().flatten().any(|peer| peer.who == Who::Wire) {
            self.turn(&mut Vec::new())?;
        }
        Ok(())
    }

    fn order(&mut self, to: Name, order: Order) -> std::io::Result<()> {
        let peer = self.peers.iter().flatten().find(|peer| peer.who == Who::Actor(to));
        let peer = peer.ok_or_else(|| std::io::Error::other("an order for nobody"))?;
        rustix::net::send(&peer.socket, &order, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Turns until everything of this was seen.
    fn until(&mut self, wanted: &[Seen]) -> std::io::Result<()> {
        let mut seen = Vec::new();
        while !wanted.iter().all(|wanted| seen.contains(wanted)) {
            self.turn(&mut seen)?;
        }
        Ok(())
    }

    fn turn(&mut self, seen: &mut Vec<Seen>) -> std::io::Result<()> {
        let mut space = [MaybeUninit::uninit(); 32];
        let (ready, _) = epoll::wait(&self.epoll, &mut space[..], None)?;
        for event in ready {
            let key = event.data.u64();
            match key & KIND {
                LISTENER => self.accept(key & !KIND == 1)?,
                ENDED => {
                    let process = key as u8;
                    self.ends.remove(&process);
                    seen.push(Seen::Ended(process));
                }
                _ => self.read((key & !KIND) as usize, seen)?,
            }
        }
        Ok(())
    }

    fn accept(&mut self, is_wire: bool) -> std::io::Result<()> {
        loop {
            let listener = if is_wire { &self.wire } else { &self.control };
            let socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let index = self.peers.iter().position(Option::is_none).unwrap_or(self.peers.len());
            if index == self.peers.len() {
                self.peers.push(None);
            }
            epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(CONTROL | index as u64), epoll::EventFlags::IN)?;
            self.peers[index] = Some(Peer { socket, who: if is_wire { Who::Wire } else { Who::Unknown } });
        }
    }

    fn read(&mut self, index: usize, seen: &mut Vec<Seen>) -> std::io::Result<()> {
        let mut chunk = [0_u8; 256];
        while let Some(Some(peer)) = self.peers.get_mut(index) {
            let bytes = match rustix::net::recv(&peer.socket, &mut chunk, RecvFlags::DONTWAIT) {
                Ok((_, 0)) | Err(Errno::CONNRESET) => {
                    self.peers[index] = None;
                    return Ok(());
                }
                Ok((_, read)) => &chunk[..read],
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            match peer.who {
                Who::Wire => {
                    rustix::net::send(&peer.socket, &ANSWER, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
                }
                Who::Actor(name) => bytes.iter().for_each(|_| seen.push(Seen::Done(name))),
                Who::Unknown => {
                    let name = (bytes[0], *bytes.get(1).unwrap_or(&0));
                    peer.who = Who::Actor(name);
                    if name.1 == 0 && name != ZYGOTE {
                        let pid = rustix::net::sockopt::socket_peercred(&peer.socket)?.pid;
                        let end = pidfd_open(pid, PidfdFlags::empty())?;
                        let key = epoll::EventData::new_u64(ENDED | u64::from(name.0));
                        epoll::add(&self.epoll, &end, key, epoll::EventFlags::IN)?;
                        self.pids.insert(name.0, Pid::from_raw(pid.as_raw_nonzero().get()));
                        self.ends.insert(name.0, end);
                    }
                    seen.push(Seen::Hello(name));
                }
            }
        }
        Ok(())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // Everybody ends with the coordinator's sockets; the zygote of the next worker may have inherited a copy of them.
        for peer in self.peers.drain(..).flatten() {
            let _ = peer.socket.shutdown(std::net::Shutdown::Both);
        }
        let _ = waitpid(self.zygote, None);
    }
}

/// Where the coordinator listens.
struct Paths {
    control: PathBuf,
    wire: PathBuf,
}

/// Forks the first process of each script, and buries what the script before left.
fn zygote(paths: &Paths) -> ! {
    let serve = || -> std::io::Result<()> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let mut control = connect(paths, ZYGOTE)?;
        let mut order: Order = [0; 9];
        while control.read_exact(&mut order).is_ok() {
            while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
            // SAFETY: the zygote has one thread.
            match unsafe { fork() }? {
                ForkResult::Child => {
                    drop(control);
                    live(paths, (0, 0), &CONNECTIONS);
                    leave()
                }
                ForkResult::Parent { .. } => control.write_all(&[0])?,
            }
        }
        Ok(())
    };
    let _ = serve();
    leave()
}

/// What is connected in this process.
static CONNECTIONS: Mutex<Vec<UnixStream>> = Mutex::new(Vec::new());

fn connect(paths: &Paths, name: Name) -> std::io::Result<UnixStream> {
    let mut control = UnixStream::connect(&paths.control)?;
    control.write_all(&[name.0, name.1])?;
    Ok(control)
}

fn leave() -> ! {
    // SAFETY: `_exit` takes no pointer and runs nothing of this process.
    unsafe { nix::libc::_exit(0) }
}

fn live(paths: &Paths, name: Name, connections: &'static Mutex<Vec<UnixStream>>) {
    // Whoever loses its coordinator ends.
    if work(paths, name, connections).is_err() {
        leave()
    }
}

fn work(paths: &Paths, name: Name, connections: &'static Mutex<Vec<UnixStream>>) -> std::io::Result<()> {
    let mut control = connect(paths, name)?;
    let mut threads: HashMap<u8, JoinHandle<()>> = HashMap::new();
    let (mut name, mut order): (Name, Order) = (name, [0; 9]);
    loop {
        control.read_exact(&mut order)?;
        let [kind, about, connects, trips, closes, pid @ ..] = order;
        match kind {
            WORK => talk(paths, connections, connects, trips, closes)?,
            // SAFETY: other threads wait for orders; no lock of theirs is held.
            FORK => match unsafe { fork() }? {
                ForkResult::Parent { .. } => {}
                ForkResult::Child => {
                    std::mem::forget(std::mem::take(&mut threads));
                    connections.lock().unwrap_or_else(PoisonError::into_inner).clear();
                    name = (about, 0);
                    control = connect(paths, name)?;
                    continue;
                }
            },
            SPAWN => {
                let paths = Paths { control: paths.control.clone(), wire: paths.wire.clone() };
                let process = name.0;
                threads.insert(about, std::thread::spawn(move || live(&paths, (process, about), connections)));
            }
            JOIN => drop(threads.remove(&about).map(JoinHandle::join)),
            WAIT => drop(waitpid(Pid::from_raw(i32::from_le_bytes(pid)), None)),
            FINISH => return Ok(()),
            _ => leave(),
        }
        control.write_all(&[0])?;
    }
}

fn talk(paths: &Paths, connections: &Mutex<Vec<UnixStream>>, connects: u8, trips: u8, closes: u8) -> std::io::Result<()> {
    let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..connects {
        connections.push(UnixStream::connect(&paths.wire)?);
    }
    let mut answer = ANSWER;
    if let Some(wire) = connections.last_mut() {
        for _ in 0..trips {
            wire.write_all(&QUESTION)?;
            wire.read_exact(&mut answer)?;
        }
    }
    for _ in 0..closes {
        connections.pop();
    }
    Ok(())
}
