//! The listener for probes and metrics. It tells nothing about events, and changes nothing.
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 while the process runs |
//! | `/readyz` | 200, or 503 while something is not in order or the gateway ends; with `?verbose`, every check |
//! | `/metrics` | all metrics, as the text format of Prometheus or, where that is asked for, `OpenMetrics` |

mod accept;
mod control;
mod page;
mod probe;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::ingress::{self, Guest, Guests};
use crate::report::Reporter;
use crate::rt::{Readiness, Tasks};

pub use control::{Control, NotReloaded, Reloaded};
pub use probe::healthy;

/// Probes and scrapers need a handful. When all are taken, the oldest makes room: silent ones cannot keep probes out.
const CONNECTIONS: usize = 64;

/// For the head of a request, and between two of them: scrapers come every few seconds and may stay.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the answers come from.
#[derive(Clone, Debug)]
struct Sources {
    readiness: Readiness,
    reporter: Arc<Reporter>,
}

/// A listener whose port is taken, but that answers nobody yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes the port.
pub async fn bind(listen: SocketAddr) -> io::Result<Bound> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address })
}

impl Bound {
    /// The address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `over`: that is, also while the gateway drains, so that probes see it.
    pub async fn serve(
        self,
        readiness: Readiness,
        reporter: Arc<Reporter>,
        tasks: &Tasks,
        over: CancellationToken,
    ) {
        let sources = Sources { readiness, reporter };
        let taking = async {
            let guests = Guests::new(CONNECTIONS);
            loop {
                let (stream, _peer) = ingress::accept(&self.listener, || guests.make_room()).await;
                if let Some(guest) = guests.enter() {
                    let connection = converse(stream, sources.clone(), over.clone(), guest);
                    tasks.spawn("ops connection", connection);
                }
            }
        };
        tokio::select! {
            () = taking => {}
            () = over.cancelled() => {}
        }
    }
}

async fn converse(stream: TcpStream, sources: Sources, over: CancellationToken, guest: Guest) {
    let calls = service_fn(|request| {
        let response = page::answer(&request, &sources);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), calls);
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::trace!(%error, "a connection ended early");
        },
        () = guest.cut() => {}
        () = over.cancelled() => {}
    }
}

#[cfg(test)]
mod tests;
