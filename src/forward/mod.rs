//! Hands cleared events over to the bot, which sees the bytes that Webex sent.
//!
//! Redirects are not followed: an event goes where the operator said, or nowhere.

mod reply;
mod unix;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use self::unix::UnixConnector;
use crate::config::{Address, Upstream};
use crate::gate::event::Notice;
use crate::gate::handoff::{self, Destination};
use crate::gate::policy::Cleared;
use crate::gate::trace::Context;
use crate::report::outage::{Kind, Outage};
use crate::rt;
use crate::webex::system_trust;

/// Shorter than gunicorn keeps connections (2 s; others 5 s), so that we, not the bot, end an idle one: an event that
/// meets a connection that is just being closed fails for nothing.
const IDLE: Duration = Duration::from_millis(1500);

/// The way to one bot.
pub struct Forward {
    destination: Destination,
    client: Pooled,
    /// The lot of calls at once.
    calls: Arc<Semaphore>,
    timeout: Duration,
}

/// A place among the calls to a bot at once; given back when dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, never looked at")] OwnedSemaphorePermit);

/// The system's trusted certificates cannot be read, and the upstream is https.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the trusted certificates of this system: {0}")]
pub struct NoTrust(rustls::Error);

/// Where the events of this bot go. A unix socket has no host; the bot reads `localhost`.
pub fn destination(bot: &str, upstream: &Upstream) -> Destination {
    let uri = match &upstream.address {
        Address::Tcp(uri) => uri.clone(),
        Address::Unix { path, .. } => {
            let mut parts = http::uri::Parts::default();
            parts.scheme = Some(http::uri::Scheme::HTTP);
            parts.authority = Some(http::uri::Authority::from_static("localhost"));
            parts.path_and_query = Some(path.clone());
            Uri::from_parts(parts).unwrap_or_default()
        }
    };
    Destination {
        uri,
        bot: bot.into(),
        pass_signature: upstream.pass_signature,
        sign: upstream.sign.clone(),
        headers: upstream.headers.clone(),
    }
}

impl Forward {
    /// Opens no connection yet.
    pub fn new(destination: Destination, upstream: &Upstream) -> Result<Self, NoTrust> {
        let client = match &upstream.address {
            Address::Unix { socket, .. } => {
                let connector = UnixConnector::new(socket.clone(), upstream.connect_timeout);
                Pooled::Unix(pool(upstream).build(connector))
            }
            Address::Tcp(uri) if uri.scheme_str() == Some("https") => {
                Pooled::Tls(pool(upstream).build(trusting(tcp(upstream))?))
            }
            Address::Tcp(_) => Pooled::Tcp(pool(upstream).build(tcp(upstream))),
        };
        Ok(Self::over(client, destination, upstream))
    }

    fn over(client: Pooled, destination: Destination, upstream: &Upstream) -> Self {
        Self {
            destination,
            client,
            calls: Arc::new(Semaphore::new(upstream.max_in_flight.min(Semaphore::MAX_PERMITS))),
            timeout: upstream.timeout,
        }
    }

    /// A place among the calls at once, if there is one right now.
    pub fn place_now(&self) -> Option<Place> {
        Arc::clone(&self.calls).try_acquire_owned().ok().map(Place)
    }

    /// Waits for a place, up to `timeout`. What was cleared before the wait must be judged again after it.
    pub async fn place(&self) -> Result<Place, Outage> {
        match tokio::time::timeout(self.timeout, Arc::clone(&self.calls).acquire_owned()).await {
            Ok(Ok(place)) => Ok(Place(place)),
            Ok(Err(_)) | Err(_) => Err(unsent("all calls to the bot are taken by others")),
        }
    }

    /// Hands it over, and says which status the bot answered with. The notice comes back, to be tried or judged again. A
    /// call that is recalled before it has a connection is not made.
    pub async fn send(
        &self,
        cleared: Cleared,
        place: Place,
        context: Option<&Context>,
        recalled: impl Future<Output = ()>,
    ) -> (Notice, Result<u16, Outage>) {
        let now = rt::now();
        let (request, notice) = handoff::request(cleared, &self.destination, context, now.wall);
        let answer = self.exchange(request, recalled).await;
        drop(place);
        (notice, answer)
    }

    /// Waiting for a connection and for an answer: all of it within `timeout`.
    async fn exchange(
        &self,
        request: Request<Bytes>,
        recalled: impl Future<Output = ()>,
    ) -> Result<u16, Outage> {
        let deadline = Instant::now() + self.timeout;
        let mut request = request.map(Full::new);
        let connection = capture_connection(&mut request);
        let mut call = pin!(tokio::time::timeout_at(deadline, self.client.request(request)));
        let answer = tokio::select! {
            biased;
            () = recalled => None,
            answer = &mut call => Some(answer),
        };
        let answer = match answer {
            None if connection.connection_metadata().is_none() => {
                return Err(unsent("another configuration came into force before a connection"));
            }
            None => call.await,
            Some(answer) => answer,
        };
        match answer {
            Ok(Ok(response)) => reply::read(response, deadline, rt::now().wall).await,
            // A pooled connection that was closed before the first byte is replaced by the client itself.
            Ok(Err(error)) if error.is_connect() => Err(unsent(reply::cause(&error))),
            Ok(Err(error)) => Err(Outage::new(Kind::UpstreamBroke, reply::cause(&error))),
            Err(_elapsed) => Err(silent(&connection)),
        }
    }
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Forward").field(&self.destination.bot).finish()
    }
}

fn unsent(cause: impl Into<Box<str>>) -> Outage {
    Outage::new(Kind::UpstreamUnreachable, cause)
}

/// Whether the bot may have the event is what counts: without a connection it cannot.
fn silent(connection: &CaptureConnection) -> Outage {
    if connection.connection_metadata().is_some() {
        Outage::new(Kind::UpstreamTimeout, "no answer in time")
    } else {
        unsent("no connection in time")
    }
}

/// One client a kind of connection; each brings its own connector.
enum Pooled {
    Tcp(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
    Unix(Client<UnixConnector, Full<Bytes>>),
}

impl Pooled {
    fn request(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        match self {
            Self::Tcp(client) => client.request(request),
            Self::Tls(client) => client.request(request),
            Self::Unix(client) => client.request(request),
        }
    }
}

/// A request that no byte of was sent, because the pooled connection was closed meanwhile, is sent on another one.
fn pool(upstream: &Upstream) -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(upstream.max_in_flight)
        .http1_max_buf_size(64 * 1024)
        .retry_canceled_requests(true);
    builder
}

fn tcp(upstream: &Upstream) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(upstream.connect_timeout));
    connector.enforce_http(false);
    connector
}

fn trusting(tcp: HttpConnector) -> Result<HttpsConnector<HttpConnector>, NoTrust> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(system_trust().map_err(NoTrust)?);
    Ok(builder.https_only().enable_http1().wrap_connector(tcp))
}

#[cfg(test)]
mod tests;
