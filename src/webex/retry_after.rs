//! `Retry-After`: seconds, a date, or something else.

use std::time::{Duration, SystemTime};

/// When Webex does not say, or says it in a way nobody reads; what its own Python SDK assumes.
const UNSAID: Duration = Duration::from_secs(15);
/// Less would be asking again at once.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest that Webex documents. A mistaken header must not silence a bot for a day.
const LONGEST: Duration = Duration::from_hours(1);

/// How long to wait, from the header's value.
pub(super) fn wait(value: Option<&str>, now: SystemTime) -> Duration {
    let said = value.and_then(|text| seconds(text.trim()).or_else(|| date(text.trim(), now)));
    said.unwrap_or(UNSAID).clamp(SHORTEST, LONGEST)
}

fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().map_or(LONGEST, Duration::from_secs))
}

fn date(text: &str, now: SystemTime) -> Option<Duration> {
    let then = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = SystemTime::from(then).duration_since(now);
    Some(wait.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_header_has_an_answer_within_bounds() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        for (value, expected) in [
            (Some("7"), 7),
            (Some(" 25 "), 25),
            (Some("0"), 1),
            (Some("3600"), 3600),
            (Some("86400"), 3600),
            (Some("99999999999999999999999999"), 3600),
            (Some("Sun, 06 Nov 1994 08:50:07 GMT"), 30),
            (Some("Sun, 06 Nov 1994 08:00:00 GMT"), 1),
            (Some("Mon, 07 Nov 1994 08:49:37 GMT"), 3600),
            (Some("-5"), 15),
            (Some("1.5"), 15),
            (Some("soon"), 15),
            (Some(""), 15),
            (None, 15),
        ] {
            assert_eq!(wait(value, now), Duration::from_secs(expected), "{value:?}");
        }
    }
}
