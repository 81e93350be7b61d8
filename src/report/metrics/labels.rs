//! Labels: names from the configuration, and words from closed lists. Never an id, an address or foreign text.
#![expect(clippy::struct_field_names, reason = "the names are those of the labels")]

use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;

/// A name from the configuration.
pub(in crate::report) type Name = Arc<str>;

/// The bounds that OpenTelemetry recommends for the duration of HTTP requests, in seconds.
const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// A signature takes microseconds, a bot seconds.
const STAGES: [f64; 17] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.5, 1.0, 5.0, 10.0,
];

pub(super) fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

pub(super) fn stages() -> Histogram {
    Histogram::new(STAGES)
}

macro_rules! labels {
    ($($name:ident { $($label:ident: $kind:ty),* })*) => {$(
        #[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
        pub(in crate::report) struct $name { $(pub(in crate::report) $label: $kind),* }
    )*};
}

labels! {
    Bot { bot: Name }
    Cached { cache: &'static str }
    Call { bot: Name, operation: &'static str, code: &'static str }
    Check { bot: Name, result: &'static str }
    Code { route: Name, code: &'static str }
    Configuration { hash: Name }
    Event {
        route: Name,
        resource: &'static str,
        event: &'static str,
        verdict: &'static str,
        reason: &'static str
    }
    Evicted { cache: &'static str, cause: &'static str }
    Http {
        http_route: Name,
        http_request_method: &'static str,
        http_response_status_code: &'static str
    }
    ModeOf { route: Name, mode: &'static str }
    Operated { bot: Name, operation: &'static str }
    Outcome { bot: Name, kind: &'static str, result: &'static str }
    Reason { route: Name, reason: &'static str }
    Route { route: Name }
    Staged { stage: &'static str }
    State { bot: Name, state: &'static str }
    Verdicts { route: Name, verdict: &'static str }
    Version { version: &'static str, revision: &'static str, target: String }
}

/// The series exists from now on; what it has counted so far stays.
pub(in crate::report) fn exists<S, M, C>(family: &Family<S, M, C>, labels: &S)
where
    S: Clone + Hash + Eq,
    C: MetricConstructor<M>,
{
    drop(family.get_or_create(labels));
}

/// A count as the value of a gauge.
pub(in crate::report) fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Seconds since 1970.
pub(in crate::report) fn timestamp(at: SystemTime) -> i64 {
    whole(since_1970(at).as_secs())
}

fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Statuses by their class: a bot that answers six hundred different ones must not make as many series.
pub(super) const CLASSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", "other"];

pub(super) fn class(status: u16) -> &'static str {
    match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}
