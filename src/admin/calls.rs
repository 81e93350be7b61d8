//! What both listeners do alike: take connections, and read calls from them.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use bytes::Bytes;
use http::{Request, Response};

use crate::ingress::{Guest, Guests, Kind, Timely, accept};
use crate::rt::Tasks;

/// Probes, scrapers and operators need a handful. When all are taken, the oldest stranger makes room: silent ones
/// cannot keep anybody out.
pub(super) const CONNECTIONS: usize = 64;

/// For the head of a request, and between two of them: scrapers come every few seconds and may stay.
const PATIENCE: Duration = Duration::from_mins(1);

/// A head with every header that a browser sends has some 2 KiB.
const LONGEST_HEAD: usize = 16 * 1024;

/// Takes connections until `over`, each in a task of its own.
pub(super) async fn take<F>(
    listener: &TcpListener,
    name: &'static str,
    tasks: &Tasks,
    over: &CancellationToken,
    converse: impl Fn(TcpStream, SocketAddr, Guest) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let guests = Guests::new(CONNECTIONS);
    let taking = async {
        loop {
            let (stream, peer) = accept(listener, || guests.make_room()).await;
            if let Some(guest) = guests.enter() {
                tasks.spawn(name, converse(stream, peer, guest));
            }
            guests.settled().await;
        }
    };
    tokio::select! {
        () = taking => {}
        () = over.cancelled() => {}
    }
}

/// Answers the calls of one connection, one after the other. A body is never read: no call here needs one, and where
/// one comes, the connection ends with the answer. It also ends when an answer is not read in time.
pub(super) async fn answer<S, F, B>(stream: S, answer: impl Fn(Request<Incoming>) -> F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes, Error = Infallible> + 'static,
{
    let kind = Kind::default();
    let stream = Timely::new(stream, kind.clone());
    let calls = service_fn(|request| {
        let (response, kind) = (answer(request), &kind);
        async move {
            let response = response.await;
            kind.is(&response.body().size_hint());
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), calls);
    if let Err(error) = connection.await {
        tracing::trace!(%error, "a connection ended early");
    }
}

#[cfg(test)]
#[path = "timely_tests.rs"]
mod tests;
