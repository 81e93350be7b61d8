//! Requests and answers as bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use serde_json::Value;

use super::failure::Failure;

/// The largest body that is read. A message holds some 7 KB of text, a card 80 KB; small files fit as well.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// A request, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Ask {
    pub(crate) async fn read(request: http::Request<Incoming>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        Ok(Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: read_capped(body).await?,
        })
    }

    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[expect(clippy::disallowed_methods, reason = "`Limited` is the cap")]
async fn read_capped(body: Incoming) -> Result<Bytes, Failure> {
    let read = Limited::new(body, LARGEST_BODY).collect().await;
    read.map(http_body_util::Collected::to_bytes)
        .map_err(|error| Failure::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Announce more than there is, then hang up.
    pub(crate) truncated: bool,
}

impl Reply {
    pub(crate) fn new(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body: body.into(), truncated: false }
    }

    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, "application/json;charset=UTF-8", body.to_string())
    }

    pub(crate) fn html(status: StatusCode) -> Self {
        Self::new(
            status,
            "text/html",
            "<!doctype html><title>Webex</title><h1>Something went wrong</h1>",
        )
    }

    pub(crate) fn nothing() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            truncated: false,
        }
    }

    /// With one more header; a value that no header can carry is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn into_response(self) -> Response<Payload> {
        let announced = self.truncated.then(|| self.body.len() + 1);
        let mut response = Response::new(Payload {
            left: Some(self.body),
            truncated: self.truncated,
            flushed: false,
        });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Some(length) = announced {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        let body = failure.body();
        let tracking = body.get("trackingId").and_then(Value::as_str).unwrap_or_default();
        Self::json(failure.status, &body).with(HeaderName::from_static("trackingid"), tracking)
    }
}

/// The body of an answer: one piece, which may end too early.
#[derive(Debug)]
pub(crate) struct Payload {
    left: Option<Bytes>,
    truncated: bool,
    flushed: bool,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.left.take() {
            Some(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            _ if !self.truncated => Poll::Ready(None),
            _ if self.flushed => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            _ => {
                // What was said so far leaves the machine before the connection breaks.
                self.flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.truncated && self.left.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.left {
            Some(bytes) if !self.truncated => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            _ => SizeHint::default(),
        }
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("hung up on purpose")]
pub(crate) struct HangUp;

/// What a call leads to.
pub(crate) type Outcome = Result<Reply, HangUp>;
