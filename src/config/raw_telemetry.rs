//! What may be typed about traces and OpenTelemetry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raw::{Span, seconds};
use super::words::Spelled;
use super::words_telemetry::Collector;

/// `telemetry`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Telemetry {
    /// Where traces and metrics are sent by OTLP over http, in JSON, such as <http://127.0.0.1:4318>; null for nowhere.
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` overrides it.
    pub(super) otlp_endpoint: Option<Spelled<Collector>>,
    /// Between two sendings of all metrics; null to send traces only.
    pub(super) interval: Option<Span>,
    /// Which trace the bot is told: pass goes on in the caller's, new begins one, drop tells none.
    pub(super) traceparent: Traceparent,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { otlp_endpoint: None, interval: Some(seconds(60)), traceparent: Traceparent::Pass }
    }
}

/// `telemetry.traceparent`
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", expecting = "pass, new or drop")]
pub(super) enum Traceparent {
    Drop,
    New,
    Pass,
}
