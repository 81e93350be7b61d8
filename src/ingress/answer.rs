//! What the caller is told, decided in one place.
//!
//! Webex switches a webhook off after a hundred answers other than 2xx in five minutes, so whatever is authentic gets
//! 200 unless it could not be kept. Whoever is not Webex learns that the call was not taken, and nothing else: which of
//! the three rules about signatures it broke is the same to the byte.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::Full;
use uuid::Uuid;

use crate::config::Unverified;
use crate::flow::{Admission, Doorway, Outcome};
use crate::gate::refusal::Refusal;
use crate::report::outage::{Outage, Source};

/// Headers of a call, as many as Webex and a proxy send: HTTP keeps the table of an answer for those of the next call, and
/// one that grows is made twice.
const HEADERS: usize = 12;

/// An answer to a caller.
pub type Response = http::Response<Full<Bytes>>;

/// The answer to a call. Without a doorway, the call was not for any route.
pub fn answer(admission: &Admission, doorway: Option<&Doorway>, id: Uuid) -> Response {
    match admission {
        Admission::Kept => plain(StatusCode::OK),
        Admission::Refused(refusal) => refused(*refusal, doorway, id),
        Admission::Outcome(outcome) => ended(outcome, doorway, id),
        Admission::Full => later(id),
    }
}

fn refused(refusal: Refusal, doorway: Option<&Doorway>, id: Uuid) -> Response {
    match refusal {
        Refusal::NoRoute => plain(StatusCode::NOT_FOUND),
        Refusal::Method => {
            with(StatusCode::METHOD_NOT_ALLOWED, ALLOW, HeaderValue::from_static("POST"))
        }
        Refusal::BodyTooLarge => closing(StatusCode::PAYLOAD_TOO_LARGE),
        Refusal::BodyTimeout => closing(StatusCode::REQUEST_TIMEOUT),
        Refusal::Overloaded => later(id),
        Refusal::SignatureMissing | Refusal::SignatureRepeated | Refusal::SignatureMismatch => {
            unverified(doorway, id)
        }
        Refusal::Malformed
        | Refusal::WrongWebhook
        | Refusal::Duplicate
        | Refusal::ResourceDenied
        | Refusal::EventTooOld
        | Refusal::EventFromFuture
        | Refusal::OwnMessage
        | Refusal::NoRoom
        | Refusal::RoomUnknown
        | Refusal::OutsideOrg
        | Refusal::AppUser
        | Refusal::OrgMissing
        | Refusal::RoomTooLarge
        | Refusal::RoomEmpty
        | Refusal::RoomIncomplete
        | Refusal::SenderNotInRoom => plain(StatusCode::OK),
    }
}

/// The answer of somebody who waited. The bot's own answer stays with us: Webex has no use for it.
fn ended(outcome: &Outcome, doorway: Option<&Doorway>, id: Uuid) -> Response {
    match outcome {
        Outcome::Delivered(200..=299) | Outcome::StillBusy => plain(StatusCode::OK),
        Outcome::Delivered(_) => plain(StatusCode::BAD_GATEWAY),
        Outcome::Refused(refusal) => refused(*refusal, doorway, id),
        Outcome::Failed(outage) => failed(outage, id),
    }
}

fn failed(outage: &Outage, id: Uuid) -> Response {
    match outage.kind.source() {
        Source::Bot => plain(StatusCode::BAD_GATEWAY),
        Source::Gateway | Source::Webex => later(id),
    }
}

/// A problem document (RFC 9457) without a word about which rule was broken.
fn unverified(doorway: Option<&Doorway>, id: Uuid) -> Response {
    if doorway.is_some_and(|doorway| doorway.unverified == Unverified::Ok) {
        return plain(StatusCode::OK);
    }
    let mut text = Uuid::encode_buffer();
    let id = &*id.hyphenated().encode_lower(&mut text);
    let problem = [
        r#"{"type":"about:blank","title":"Forbidden","status":403,"instance":"urn:uuid:"#,
        id,
        r#""}"#,
    ]
    .concat();
    let mut response = with(
        StatusCode::FORBIDDEN,
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    *response.body_mut() = Full::new(problem.into());
    response
}

/// 503. The id spreads those who come back over five seconds.
fn later(id: Uuid) -> Response {
    let seconds = id.as_u128() % 5 + 1;
    let seconds = u16::try_from(seconds).unwrap_or(1);
    with(StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER, HeaderValue::from(seconds))
}

/// The rest of the body is not read, so the connection is of no further use.
fn closing(status: StatusCode) -> Response {
    last(plain(status))
}

/// The last answer of its connection.
pub(super) fn last(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What a call gets that breaks off, or is not HTTP after its head.
pub(super) fn broken() -> Response {
    closing(StatusCode::BAD_REQUEST)
}

fn with(status: StatusCode, name: http::HeaderName, value: HeaderValue) -> Response {
    let mut response = plain(status);
    *response.headers_mut() = HeaderMap::with_capacity(HEADERS);
    response.headers_mut().insert(name, value);
    response
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}
