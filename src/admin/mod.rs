//! The listeners beside the path of events. One for probes and metrics, which tells nothing about events:
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 while the process runs |
//! | `/readyz` | 200, or 503 while something is not in order or the gateway ends; with `?verbose`, every check |
//! | `/metrics` | all metrics, as the text format of Prometheus or, where that is asked for, `OpenMetrics` |
//! | `POST /drain` | readiness off; from this machine only, and through no proxy |
//!
//! And one for operators, behind tokens: [`api`].

mod accept;
pub mod api;
mod calls;
mod control;
mod drain;
mod page;
mod probe;
mod scrape;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::ingress::Guest;
use crate::report::Reporter;
use crate::rt::{Checks, Readiness, Tasks};

pub use control::{Control, NotReloaded, Reloaded};
pub use probe::{drained, failing, healthy};
use scrape::Scrapes;

/// Where the answers come from.
#[derive(Clone)]
pub struct Sources {
    /// What `/readyz` says.
    pub readiness: Readiness,
    /// Metrics, records, how things stand.
    pub reporter: Arc<Reporter>,
    /// What may be changed.
    pub control: Arc<dyn Control>,
}

impl Sources {
    /// Every check of readiness.
    fn checks(&self) -> Checks {
        let mut checks = self.readiness.checks();
        let unwritten = || Err("records cannot be written".into());
        let records = if self.reporter.writable() { Ok(()) } else { unwritten() };
        checks.insert("decision log".into(), records);
        checks
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}

/// A listener whose port is taken, but that answers nobody yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes the port.
pub async fn bind(listen: SocketAddr) -> io::Result<Bound> {
    Bound::over(TcpListener::bind(listen).await?)
}

impl Bound {
    /// Over a socket that was passed.
    pub fn over(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves probes until `over`: that is, also while the gateway drains, so that they see it.
    pub async fn serve(self, sources: Sources, tasks: &Tasks, over: CancellationToken) {
        let shown = Arc::new(Shown { sources, scrapes: Scrapes::default() });
        let converse =
            |stream, peer, guest| converse(stream, peer, guest, Arc::clone(&shown), over.clone());
        calls::take(&self.listener, "ops connection", tasks, &over, converse).await;
    }
}

/// What the pages are made of.
struct Shown {
    sources: Sources,
    scrapes: Scrapes,
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    guest: Guest,
    shown: Arc<Shown>,
    over: CancellationToken,
) {
    let answer = calls::answer(stream, |request| {
        let response = page::answer(&request, peer, &shown);
        async move { response }
    });
    tokio::select! {
        () = answer => {}
        () = guest.cut() => {}
        () = over.cancelled() => {}
    }
}

#[cfg(test)]
mod tests;
