//! One connection, from the handshake to its end.

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::call::Visit;
use super::linger::Linger;
use super::lull::{Lull, Observed};
use super::timely::{Kind, Timely};
use super::tls::Certificates;
use super::word::Word;
use crate::flow::Door;
use crate::rt::Rationed;

/// The head of a call, and how much is read at once; less than that hyper does not take. Webex sends about 1 KB;
/// proxies in front add some. Strangers hold this much at will: `server.max_connections` has the arithmetic.
const HEAD: usize = 8 * 1024;

/// What a caller may say before its handshake is over: a hello has some 2 KiB, a chain of client certificates some 10. The
/// library would keep up to 64 KiB of a message that does not end.
const HANDSHAKE: usize = 24 * 1024;

/// How connections are treated, the same for all.
pub(super) struct Manner {
    pub(super) http: http1::Builder,
    pub(super) tls: Option<Certificates>,
    /// For the handshake, and for the silence before it and between two calls.
    pub(super) patience: Duration,
}

/// What answers are written to, and calls read from.
type Plain = Linger<Timely<TcpStream>>;

/// The HTTP of every connection. Not more than 100 headers, which is hyper's own limit.
pub(super) fn http(header_timeout: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_header_size(HEAD)
        .max_buf_size(HEAD)
        // Answers have a hundred bytes: to copy them behind their head is cheaper than to write two pieces.
        .writev(false)
        .half_close(true)
        .keep_alive(true);
    builder
}

/// Serves a connection until it ends, or its place is needed, or everything ends.
pub(super) async fn serve<D: Door>(stream: TcpStream, visit: Visit<D>, manner: Arc<Manner>) {
    tokio::select! {
        biased;
        () = visit.guest.cut() => {}
        () = welcome(stream, &visit, &manner) => {}
    }
}

async fn welcome<D: Door>(stream: TcpStream, visit: &Visit<D>, manner: &Manner) {
    if stream.set_nodelay(true).is_err() {
        return; // the caller is gone
    }
    let stream = Linger::new(Timely::new(stream, Kind::default()));
    if speaks(&stream, Plain::poll_readable, visit, manner).await.is_none() {
        return;
    }
    let Some(certificates) = &manner.tls else {
        return converse(stream, Plain::poll_readable, visit, manner).await;
    };
    // In a box: a connection has memory for the one way that it goes, not for all of them.
    if let Some(stream) = Box::pin(handshake(stream, certificates, manner.patience)).await {
        Box::pin(converse(stream, readable_below, visit, manner)).await;
    }
}

async fn handshake(
    stream: Plain,
    certificates: &Certificates,
    patience: Duration,
) -> Option<TlsStream<Rationed<Plain>>> {
    let (stream, ration) = Rationed::new(stream);
    ration.is(HANDSHAKE);
    let accepted = tokio::time::timeout(patience, certificates.acceptor().accept(stream)).await;
    ration.is(usize::MAX);
    accepted.ok()?.ok()
}

/// Waits for the next byte with a socket and little more. `None`: there is nothing to wait for, or no time left.
async fn speaks<S, D>(
    stream: &S,
    readable: impl Fn(&S, &mut Context<'_>) -> Poll<io::Result<()>>,
    visit: &Visit<D>,
    manner: &Manner,
) -> Option<()> {
    let spoken = poll_fn(|cx| match visit.guest.poll_told(Word::Close, cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => readable(stream, cx).map(Result::ok),
    });
    tokio::time::timeout(manner.patience, spoken).await.ok()?
}

impl Plain {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().inner().poll_read_ready(cx)
    }
}

/// Nothing of it is left in the layer above when that found nothing to read.
fn readable_below(
    stream: &TlsStream<Rationed<Plain>>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    stream.get_ref().0.inner().poll_readable(cx)
}

/// Call after call, beginning with one of which something is there.
pub(super) async fn converse<S, D>(
    mut stream: S,
    readable: impl Fn(&S, &mut Context<'_>) -> Poll<io::Result<()>>,
    visit: &Visit<D>,
    manner: &Manner,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Door,
{
    let mut early = Bytes::new();
    // In a box, which holds all that HTTP needs and is given back at rest.
    while let Some((rested, rest)) = Box::pin(calls(stream, early, visit, manner)).await {
        (stream, early) = (rested, rest);
        if early.is_empty() && speaks(&stream, &readable, visit, manner).await.is_none() {
            // So that a caller with TLS knows that nothing is missing. Nobody is left to tell if it does not arrive.
            return drop(stream.shutdown().await);
        }
    }
}

/// Serves calls until the connection is over (`None`), or at rest; then the stream is given back, with what was read of
/// the next call.
async fn calls<S, D>(
    stream: S,
    early: Bytes,
    visit: &Visit<D>,
    manner: &Manner,
) -> Option<(S, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Door,
{
    let lull = Lull::new();
    let calls = service_fn(|request: Request<Incoming>| {
        lull.begins();
        let (lull, answered) = (&lull, visit.call(request));
        async move {
            let answer = answered.await;
            lull.ends();
            Ok::<_, Infallible>(answer)
        }
    });
    let io = TokioIo::new(Observed::new(stream, early, &lull));
    let mut connection = manner.http.serve_connection(io, calls);
    let serve = |cx: &mut Context<'_>| {
        let mut connection = Pin::new(&mut connection);
        if visit.guest.told(Word::Close) {
            connection.as_mut().graceful_shutdown();
        }
        connection.poll(cx)
    };
    match lull.between(serve).await {
        None => {
            let parts = connection.into_parts();
            Some((parts.io.into_inner().into_inner(), parts.read_buf))
        }
        Some(ended) => {
            if let Err(error) = ended {
                tracing::trace!(%error, "a connection ended early");
            }
            None
        }
    }
}
