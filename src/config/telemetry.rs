//! Traces, and what is sent to collectors.

use std::time::Duration;

use url::Url;

use crate::gate::trace::Propagation;

/// `telemetry`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// Which trace the bot is told.
    pub traceparent: Propagation,
    /// Where traces and metrics are sent; `None` for nowhere.
    pub otlp: Option<Otlp>,
}

/// A key and its value.
pub type Attribute = (Box<str>, Box<str>);

/// Everything about sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// The base of the addresses for traces and for metrics.
    pub endpoint: Url,
    /// Between two sendings of metrics; `None` for traces only.
    pub interval: Option<Duration>,
    /// What the operator says about this gateway: `service.name` and more, by key.
    pub resource: Vec<Attribute>,
}
