//! What the bot's answer means.

use std::error::Error;
use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::line::Line;
use crate::report::outage::{Kind, Outage};
use crate::rt;

/// How much of an answer is read so that its connection can be used again. Nobody needs what is in it.
const DRAINED: usize = 64 * 1024;

/// For how long: a new connection costs less than a place that is held.
const DRAINING: Duration = Duration::from_secs(1);

/// The longest that a bot can put us off; then it is asked again, whatever it said.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// The status, unless it says "not now".
pub(super) fn status(head: &Parts) -> Result<u16, Outage> {
    match head.status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Err(not_now(head.status, &head.headers, rt::now().wall)),
        status => Ok(status.as_u16()),
    }
}

/// What cannot be read in time, or is too much, ends the connection and nothing else: the status is known.
pub(super) async fn drain(line: &mut Line, body: Incoming, deadline: Instant) {
    let until = deadline.min(Instant::now() + DRAINING);
    let reading = line.alongside(rt::read_capped(body, DRAINED));
    if !matches!(tokio::time::timeout_at(until, reading).await, Ok(Ok(_))) {
        tracing::debug!("the rest of an answer was not read");
    }
}

fn not_now(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Outage {
    let outage = Outage::new(Kind::UpstreamStatus, format!("the bot answered {}", status.as_u16()));
    match wait(headers, now) {
        Some(wait) => outage.after(wait.min(LONGEST_WAIT)),
        None => outage,
    }
}

/// `Retry-After` in seconds, or as a date.
fn wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let date = SystemTime::from(date.timestamp());
    Some(date.duration_since(now).unwrap_or_default())
}

/// The innermost cause: "connection refused" rather than "client error".
pub(super) fn cause(error: &(dyn Error + 'static)) -> Box<str> {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000); // Fri, 15 Jan 2027 08:00:00 GMT
        not_now(StatusCode::SERVICE_UNAVAILABLE, &headers, noon).retry_after
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_and_never_longer_than_the_longest() {
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(waits("7"), seconds(7));
        assert_eq!(waits("86400"), seconds(300));
        assert_eq!(waits("99999999999999999999"), None);
        assert_eq!(waits("-1"), None);
        assert_eq!(waits("Fri, 15 Jan 2027 08:00:30 GMT"), seconds(30));
        assert_eq!(waits("Fri, 15 Jan 2027 07:00:00 GMT"), seconds(0));
        assert_eq!(waits("soon"), None);
    }
}
