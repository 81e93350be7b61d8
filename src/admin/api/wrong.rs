//! Why a call is not answered: problem documents of RFC 9457. Nothing in them was written by the caller.

use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::body::Answer;
use super::page::whole;

/// The reason; its word stands behind `urn:botwarden:problem:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It names a host that this listener does not have.
    Host,
    /// No token, or none of ours.
    Token,
    /// There is no such path.
    Path,
    /// Not with this method.
    Method(&'static str),
    /// The token is for looking only.
    ViewerToken,
    /// There is no token that would do.
    NoOperator,
    /// A web page of another host sent it.
    Origin,
    /// The question cannot be understood.
    Query,
    /// As many look on as may.
    Crowded,
    /// It goes on, and nobody knows yet how it ends.
    Slow,
    /// It came to no end at all.
    Broken,
}

/// Status, word, title and what to do.
type Told = (StatusCode, &'static str, &'static str, &'static str);

impl Wrong {
    fn told(self) -> Told {
        use StatusCode as S;
        #[rustfmt::skip]
        let told = match self {
            Self::Host => (S::MISDIRECTED_REQUEST, "foreign_host", "This host is not served here", "add the name to admin.allowed_hosts, or call it by one that is there"),
            Self::Token => (S::UNAUTHORIZED, "token", "This needs a token", "send `Authorization: Bearer TOKEN`; see admin.viewer_token"),
            Self::Path => (S::NOT_FOUND, "not_found", "There is no such path", "see the table in docs/operating.md"),
            Self::Method(_) => (S::METHOD_NOT_ALLOWED, "method", "Not with this method", "the header `Allow` says which"),
            Self::ViewerToken => (S::FORBIDDEN, "viewer_token", "This token is for looking only", "use the token of admin.operator_token"),
            Self::NoOperator => (S::FORBIDDEN, "no_operator", "Nobody may change anything over HTTP", "set admin.operator_token; or send SIGHUP to reload, SIGTERM to stop"),
            Self::Origin => (S::FORBIDDEN, "foreign_origin", "A page of another host sent this", "only pages of admin.allowed_hosts may"),
            Self::Query => (S::BAD_REQUEST, "query", "The question cannot be understood", "route=, verdict= and bot=, each a name or several with commas"),
            Self::Crowded => (S::SERVICE_UNAVAILABLE, "streams", "As many look on as may", "end another stream first"),
            Self::Slow => (S::GATEWAY_TIMEOUT, "slow", "It is not done yet, and goes on", "ask for the status in a while"),
            Self::Broken => (S::INTERNAL_SERVER_ERROR, "bug", "It came to no end: this is a bug", "see the log; please report it"),
        };
        told
    }

    /// The answer.
    pub(super) fn answer(self) -> Response<Answer> {
        let (status, reason, title, detail) = self.told();
        let mut response = problem(status, reason, title, json!({ "detail": detail }));
        let headers = response.headers_mut();
        match self {
            Self::Method(allowed) => drop(headers.insert(ALLOW, HeaderValue::from_static(allowed))),
            Self::Token => {
                let challenge = HeaderValue::from_static("Bearer realm=\"botwarden\"");
                drop(headers.insert(WWW_AUTHENTICATE, challenge));
            }
            Self::Broken
            | Self::Crowded
            | Self::Host
            | Self::NoOperator
            | Self::Origin
            | Self::Path
            | Self::Query
            | Self::Slow
            | Self::ViewerToken => {}
        }
        response
    }
}

/// A problem document with more members.
pub(super) fn problem(
    status: StatusCode,
    reason: &str,
    title: &str,
    mut more: Value,
) -> Response<Answer> {
    if let Some(members) = more.as_object_mut() {
        members.insert("type".into(), format!("urn:botwarden:problem:{reason}").into());
        members.insert("title".into(), title.into());
        members.insert("status".into(), status.as_u16().into());
    }
    let mut response = whole(status, &more);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
