//! One connection, from the handshake to its end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::call::Visit;
use super::linger::Linger;
use super::timely::{Kind, Timely};
use super::tls::Certificates;
use crate::flow::Door;
use crate::rt::Rationed;

/// The head of a call, and how much is read at once; less than that hyper does not take. Webex sends about 1 KB;
/// proxies in front add some. Strangers hold this much at will: `server.max_connections` has the arithmetic.
const HEAD: usize = 8 * 1024;

/// What a caller may say before its handshake is over: a hello has some 2 KiB, a chain of client certificates some 10. The
/// library would keep up to 64 KiB of a message that does not end.
const HANDSHAKE: usize = 24 * 1024;

/// How connections are treated, the same for all.
#[derive(Clone)]
pub(super) struct Manner {
    pub(super) http: http1::Builder,
    pub(super) tls: Option<Certificates>,
    /// For the handshake.
    pub(super) patience: Duration,
    /// Cancelled when connections should end after what they are doing.
    pub(super) closing: CancellationToken,
    /// Cancelled when they should end at once.
    pub(super) over: CancellationToken,
}

/// The HTTP of every connection. Not more than 100 headers, which is hyper's own limit.
pub(super) fn http(header_timeout: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_header_size(HEAD)
        .max_buf_size(HEAD)
        .half_close(true)
        .keep_alive(true);
    builder
}

/// Serves a connection until it ends, or its place is needed, or everything ends.
pub(super) async fn serve<D: Door>(stream: TcpStream, visit: Arc<Visit<D>>, manner: Manner) {
    let over = manner.over.clone();
    tokio::select! {
        () = welcome(stream, &visit, manner) => {}
        () = visit.guest.cut() => {}
        () = over.cancelled() => {}
    }
}

async fn welcome<D: Door>(stream: TcpStream, visit: &Arc<Visit<D>>, manner: Manner) {
    if stream.set_nodelay(true).is_err() {
        return; // the caller is gone
    }
    // Buffers come with the first byte: who says nothing holds a socket and little more.
    let spoken = tokio::time::timeout(manner.patience, stream.readable());
    tokio::select! {
        spoken = spoken => if !matches!(spoken, Ok(Ok(()))) { return },
        () = manner.closing.cancelled() => return,
    }
    let stream = Linger::new(Timely::new(stream, Kind::default()));
    // In boxes: a connection has memory for the one way that it goes, not for all of them.
    let Some(certificates) = &manner.tls else {
        return Box::pin(converse(TokioIo::new(stream), visit, &manner)).await;
    };
    let (stream, ration) = Rationed::new(stream);
    ration.is(HANDSHAKE);
    let handshake = tokio::time::timeout(manner.patience, certificates.acceptor().accept(stream));
    if let Ok(Ok(stream)) = Box::pin(handshake).await {
        ration.is(usize::MAX);
        Box::pin(converse(TokioIo::new(stream), visit, &manner)).await;
    }
}

pub(super) async fn converse<S, D>(io: S, visit: &Arc<Visit<D>>, manner: &Manner)
where
    S: Read + Write + Unpin,
    D: Door,
{
    let calls = service_fn(|request: Request<Incoming>| {
        let visit = Arc::clone(visit);
        async move { Ok::<_, Infallible>(visit.call(request).await) }
    });
    let mut connection = pin!(manner.http.serve_connection(io, calls));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = manner.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}
