//! Hands cleared events over to the bot, which sees the bytes that Webex sent.
//!
//! Redirects are not followed: an event goes where the operator said, or nowhere.

mod line;
mod pool;
mod reply;
mod way;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use self::line::{Call, Failure, Line};
use self::pool::Pool;
use self::way::Way;
use crate::config::{Address, Upstream};
use crate::gate::event::Notice;
use crate::gate::handoff::{self, Destination};
use crate::gate::policy::Cleared;
use crate::gate::trace::Context;
use crate::report::outage::{Kind, Outage};
use crate::rt::{self, Tasks};

/// The way to one bot.
pub struct Forward {
    destination: Destination,
    /// Whom the bot is called as.
    host: Option<HeaderValue>,
    way: Way,
    pool: Arc<Pool>,
    /// The lot of calls at once.
    calls: Arc<Semaphore>,
    connect_timeout: Duration,
    timeout: Duration,
}

/// A place among the calls to a bot at once; given back when dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, never looked at")] OwnedSemaphorePermit);

/// Which connection an event goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// One that is kept, if there is one.
    Any,
    /// A new one: the last broke, and those that are kept may be as old. A bot that hangs up twice counts as having the
    /// event, so the second time must not be for a connection that was over before.
    Fresh,
}

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
    /// Opens no connection yet. Those that it will have open are closed by one of these tasks when nobody uses them.
    pub fn new(
        destination: Destination,
        upstream: &Upstream,
        tasks: &Tasks,
    ) -> Result<Self, NoTrust> {
        Ok(Self::over(Way::to(upstream)?, destination, upstream, tasks))
    }

    fn over(way: Way, destination: Destination, upstream: &Upstream, tasks: &Tasks) -> Self {
        Self {
            host: host(&destination.uri),
            destination,
            way,
            pool: Pool::new(upstream.max_in_flight, tasks.clone()),
            calls: Arc::new(Semaphore::new(upstream.max_in_flight.min(Semaphore::MAX_PERMITS))),
            connect_timeout: upstream.connect_timeout,
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
        (place, over): (Place, Over),
        context: Option<&Context>,
        recalled: impl Future<Output = ()>,
    ) -> (Notice, Result<u16, Outage>) {
        let now = rt::now();
        let (request, notice) = handoff::request(cleared, &self.destination, context, now.wall);
        let answer = self.exchange(self.call(request), over, recalled).await;
        drop(place);
        (notice, answer)
    }

    /// Waiting for a connection and for an answer: all of it within `timeout`. What no byte of was sent, because the kept
    /// connection was closed meanwhile, is sent on another one.
    async fn exchange(
        &self,
        mut call: Box<Call>,
        over: Over,
        recalled: impl Future<Output = ()>,
    ) -> Result<u16, Outage> {
        let deadline = Instant::now() + self.timeout;
        let mut recalled = pin!(recalled);
        while let Some(mut kept) = self.kept(over) {
            match timeout_at(deadline, kept.answer(call)).await {
                Ok(Err(Failure::Unsent(unsent, _closed))) => call = unsent,
                answer => return self.end(kept, answer, deadline).await,
            }
        }
        // In a box: what is seldom needed must not make what is moved for each event larger.
        let mut line = Box::pin(self.connect(deadline, recalled.as_mut())).await?;
        let answer = timeout_at(deadline, line.answer(call)).await;
        self.end(line, answer, deadline).await
    }

    fn kept(&self, over: Over) -> Option<Box<Line>> {
        match over {
            Over::Any => self.pool.take(),
            Over::Fresh => None,
        }
    }

    /// As it is written: the host stands in a header of its own.
    fn call(&self, request: Request<Bytes>) -> Box<Call> {
        let mut call = Box::new(request.map(Full::new));
        if let Some(path) = call.uri().path_and_query() {
            *call.uri_mut() = Uri::from(path.clone());
        }
        if let Some(host) = &self.host {
            call.headers_mut().entry(HOST).or_insert_with(|| host.clone());
        }
        call
    }

    async fn connect(
        &self,
        deadline: Instant,
        recalled: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Box<Line>, Outage> {
        let until = deadline.min(Instant::now() + self.connect_timeout);
        let connecting = timeout_at(until, self.way.connect(&self.destination.uri));
        tokio::select! {
            biased;
            () = recalled => {
                Err(unsent("another configuration came into force before a connection"))
            }
            connected = connecting => match connected {
                Ok(Ok(line)) => Ok(line),
                Ok(Err(error)) => Err(unsent(reply::cause(&*error))),
                Err(_elapsed) => Err(unsent("no connection in time")),
            },
        }
    }

    /// What came of it. Its connection serves others if the answer was read to its end.
    async fn end(
        &self,
        mut line: Box<Line>,
        answer: Result<Result<Response<Incoming>, Failure>, Elapsed>,
        deadline: Instant,
    ) -> Result<u16, Outage> {
        let (head, body) = match answer {
            Ok(Ok(response)) => response.into_parts(),
            Ok(Err(Failure::Unsent(_, cause))) => return Err(unsent(cause)),
            Ok(Err(Failure::Broke(cause))) => return Err(Outage::new(Kind::UpstreamBroke, cause)),
            Err(_elapsed) => return Err(Outage::new(Kind::UpstreamTimeout, "no answer in time")),
        };
        if !body.is_end_stream() {
            Box::pin(reply::drain(&mut line, body, deadline)).await;
        }
        if !line.is_spare() {
            line.flushed().await;
        }
        self.pool.put_back(line);
        reply::status(&head)
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

/// Without the port that the scheme implies. Every address has a host.
fn host(uri: &Uri) -> Option<HeaderValue> {
    let implied = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let host = uri.host()?;
    let host = match uri.port_u16().filter(|port| *port != implied) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    HeaderValue::try_from(host).ok()
}

#[cfg(test)]
mod tests;
