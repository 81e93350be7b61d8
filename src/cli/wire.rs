//! A small HTTP client for plain http: the demo's sample bot calls Webex with it, and `send` the gateway.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, timeout};

use crate::rt;

/// Everything that is called answers within milliseconds, or after `answer_within`.
const PATIENCE: Duration = Duration::from_secs(30);

/// No answer on this machine is larger.
const LARGEST: usize = 1 << 20;

/// Calls; no redirects, no proxy, no TLS.
#[derive(Clone, Debug)]
pub(super) struct Wire(Client<HttpConnector, Full<Bytes>>);

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
    pub(super) took: Duration,
}

/// What comes back piece by piece.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) status: u16,
    kind: Option<HeaderValue>,
    body: Incoming,
}

impl Stream {
    /// Whether it says that it consists of server-sent events.
    pub(super) fn is_of_events(&self) -> bool {
        self.kind.as_ref().is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
    }

    /// The next piece; none when there are no more, or none in this time.
    pub(super) async fn piece(&mut self, within: Duration) -> Option<Bytes> {
        loop {
            let frame = timeout(within, self.body.frame()).await.ok()??.ok()?;
            if let Ok(piece) = frame.into_data() {
                return Some(piece);
            }
        }
    }
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("it cannot be reached")]
    Unreachable,
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    Silent,
    #[error("its answer broke off, or is too large")]
    Broken,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Calls for an answer that goes on.
    pub(super) async fn open(&self, request: Request<Full<Bytes>>) -> Result<Stream, Unanswered> {
        let response = timeout(PATIENCE, self.0.request(request));
        let response = response.await.map_err(|_elapsed| Unanswered::Silent)?;
        let (head, body) = response.map_err(|_cause| Unanswered::Unreachable)?.into_parts();
        let kind = head.headers.get(CONTENT_TYPE).cloned();
        Ok(Stream { status: head.status.as_u16(), kind, body })
    }

    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Unanswered> {
        let began = Instant::now();
        let exchange = async {
            let response =
                self.0.request(request).await.map_err(|_cause| Unanswered::Unreachable)?;
            let (head, body) = response.into_parts();
            let body = rt::read_capped(body, LARGEST).await.map_err(|_cause| Unanswered::Broken)?;
            Ok(Answer { status: head.status.as_u16(), body, took: began.elapsed() })
        };
        timeout(PATIENCE, exchange).await.map_err(|_elapsed| Unanswered::Silent)?
    }
}
