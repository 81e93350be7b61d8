//! A small HTTP client for plain http: the demo's sample bot calls Webex with it, and `send` the gateway.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
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
