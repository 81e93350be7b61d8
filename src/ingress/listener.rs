//! Listening, and stopping.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::accept::accept;
use super::body::{LARGE_AT_ONCE, Limits, SLOW_AT_ONCE};
use super::call::{Desk, Visit};
use super::connection::{self, Manner};
use super::drain::Drain;
use super::guests::Guests;
use super::linger::Linger;
use super::lot::Lot;
use super::passed::{Listener, Passed};
use super::timely::{Kind, Timely};
use super::tls::{Certificates, examine};
use super::word::Word;
use crate::config::{Listen, Server};
use crate::flow::Door;
use crate::gate::arrival::Origin;
use crate::rt::Tasks;

/// Connections that the kernel holds for us while we are busy: a second's worth of a busy day.
const BACKLOG: u32 = 1024;

/// Why the listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindProblem {
    /// The address is taken, not ours, or needs a privilege.
    #[error("cannot listen on {address}: {cause}")]
    Address {
        /// `server.listen`
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// `listen: systemd`, and nothing was passed.
    #[error(
        "`{}.listen: systemd`, but no socket was passed for it (LISTEN_FDS): start botwarden by its socket unit, \
         with FileDescriptorName={}, or write an address",
        listener.key(),
        listener.socket()
    )]
    NotPassed {
        /// Whose.
        listener: Listener,
    },
    /// What was passed is of no use.
    #[error("the socket that was passed cannot be used: {0}")]
    Passed(io::Error),
    /// Certificate and key do not fit together, or are of a kind that is not taken.
    #[error("certificate and key cannot be used: {0}")]
    Certificate(rustls::Error),
    /// A file of `server.tls` cannot be read.
    #[error("cannot read {}: {cause}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: Box<str>,
    },
}

/// A listener whose port is taken, but that answers nobody yet.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Certificates>,
    server: Server,
    drain: Drain,
}

/// Takes the port, or the socket that was passed, and reads the certificate. Must be called on a runtime.
pub fn bind(server: &Server, passed: &mut Passed) -> Result<Bound, BindProblem> {
    let tls = server.tls.as_ref().map(examine).transpose()?.map(Certificates::new);
    let listener = match server.listen {
        Listen::Passed => handed_over(Listener::Server, passed)?,
        Listen::Address(address) => {
            listen(address).map_err(|cause| BindProblem::Address { address, cause })?
        }
    };
    let address = listener.local_addr().map_err(BindProblem::Passed)?;
    Ok(Bound { listener, address, tls, server: server.clone(), drain: Drain::of(server) })
}

/// The socket that was passed for this listener. Must be called on a runtime.
pub fn handed_over(listener: Listener, passed: &mut Passed) -> Result<TcpListener, BindProblem> {
    let socket = passed.socket(listener).ok_or(BindProblem::NotPassed { listener })?;
    TcpListener::from_std(socket).map_err(BindProblem::Passed)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bound").field(&self.address).finish()
    }
}

impl Bound {
    /// The address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How long the end may take; it may be changed until then.
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// What it shows in handshakes, to be renewed while it serves; nothing without `server.tls`.
    pub fn certificates(&self) -> Option<Certificates> {
        self.tls.clone()
    }

    /// Serves until these tasks are told to end. Then: goes on for `drain_grace`, so that whoever routes calls to us
    /// has time to stop; takes no more connections, and ends those that are idle; lets the others finish within
    /// what is left of `drain_timeout`; cuts the rest off.
    pub async fn serve<D: Door>(self, door: Arc<D>, tasks: &Tasks) {
        let house = House::new(&self.server, self.tls.clone(), door);
        let drain = self.drain.clone();
        self.take_until_stopped(&house, tasks).await;
        let left = drain.all().saturating_sub(drain.grace());
        house.guests.tell(Word::Close);
        house.connections.close();
        let finished = tokio::time::timeout(left, house.connections.wait());
        if finished.await.is_err() {
            tracing::warn!("calls were cut off at the end of `drain_timeout`");
        }
        house.guests.tell(Word::Cut);
        house.connections.wait().await;
    }

    /// Consumes the listener, so that the port is free afterwards.
    async fn take_until_stopped<D: Door>(self, house: &House<D>, tasks: &Tasks) {
        let taking = async {
            loop {
                let accepted = accept(&self.listener, || house.guests.make_room()).await;
                house.open(accepted, tasks);
                house.guests.settled().await;
            }
        };
        let stopped = async {
            tasks.stop_token().cancelled().await;
            tokio::time::sleep(self.drain.grace()).await;
        };
        tokio::select! {
            () = taking => {}
            () = stopped => {}
        }
    }
}

/// What all connections share.
struct House<D> {
    desk: Arc<Desk<D>>,
    guests: Arc<Guests>,
    manner: Arc<Manner>,
    connections: TaskTracker,
}

impl<D: Door> House<D> {
    fn new(server: &Server, tls: Option<Certificates>, door: Arc<D>) -> Self {
        let limits = Limits {
            bytes: server.body_limit,
            time: server.body_timeout,
            large: Arc::new(Lot::new(LARGE_AT_ONCE)),
            slow: Arc::new(Lot::new(SLOW_AT_ONCE)),
        };
        Self {
            desk: Arc::new(Desk {
                door,
                limits,
                in_flight: Arc::new(Semaphore::new(
                    server.max_in_flight.min(Semaphore::MAX_PERMITS),
                )),
            }),
            guests: Guests::new(server.max_connections),
            manner: Arc::new(Manner {
                http: connection::http(server.header_timeout),
                tls,
                patience: server.header_timeout,
            }),
            connections: TaskTracker::new(),
        }
    }

    /// When everybody is at work, the newcomer is let go: the connection closes.
    fn open(&self, (stream, peer): (TcpStream, SocketAddr), tasks: &Tasks) {
        let Some(visit) = self.visit(peer.ip()) else {
            return;
        };
        let serving = connection::serve(stream, visit, Arc::clone(&self.manner));
        tasks.spawn("connection", self.connections.track_future(serving));
    }

    fn visit(&self, peer: IpAddr) -> Option<Visit<D>> {
        let guest = self.guests.enter()?;
        let origin = Origin { peer: Some(peer.to_canonical()), secure: self.manner.tls.is_some() };
        Some(Visit { desk: Arc::clone(&self.desk), origin, guest })
    }
}

/// One connection over anything that reads and writes, served as [`Bound::serve`] serves its own. For fuzzing only:
/// without a kernel in between, time can be paused, and bytes come in exactly the pieces that are tried.
#[doc(hidden)]
pub async fn converse<S, D>(stream: S, server: &Server, door: Arc<D>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Door,
{
    let house = House::new(server, None, door);
    if let Some(visit) = house.visit(Ipv4Addr::LOCALHOST.into()) {
        let stream = Linger::new(Timely::new(stream, Kind::default()));
        let readable = |_: &_, _: &mut Context<'_>| Poll::Ready(Ok(()));
        connection::converse(stream, readable, &visit, &house.manner).await;
    }
}
