//! The messages of OTLP in JSON. Names and numbers are those of opentelemetry-proto 1.x: `common.proto`, `trace.proto`,
//! `metrics.proto`. Ids are hex, 64-bit numbers are text, enumerations are numbers: "JSON Protobuf Encoding".

use std::borrow::Cow;
use std::fmt::Display;
use std::time::SystemTime;

use serde::{Deserialize, Serialize, Serializer};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`
pub(super) const CUMULATIVE: u8 = 2;

/// `STATUS_CODE_ERROR`
pub(super) const ERROR: u8 = 2;

/// Of spans: `SPAN_KIND_INTERNAL`.
pub(super) const INTERNAL: u8 = 1;

/// `SPAN_KIND_SERVER`
pub(super) const SERVER: u8 = 2;

/// `SPAN_KIND_CLIENT`
pub(super) const CLIENT: u8 = 3;

/// Written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Nanoseconds since 1970.
pub(super) type Nanos = Text<u64>;

pub(super) fn nanos(at: SystemTime) -> Nanos {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Text(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[derive(Debug, Serialize)]
pub(super) struct KeyValue<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: AnyValue<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum AnyValue<'a> {
    IntValue(Text<i64>),
    StringValue(Cow<'a, str>),
}

pub(super) fn text<'a>(key: &'a str, value: impl Into<Cow<'a, str>>) -> KeyValue<'a> {
    KeyValue { key: key.into(), value: AnyValue::StringValue(value.into()) }
}

pub(super) fn number(key: &str, value: i64) -> KeyValue<'_> {
    KeyValue { key: key.into(), value: AnyValue::IntValue(Text(value)) }
}

#[derive(Debug, Serialize)]
pub(super) struct Resource<'a> {
    pub(super) attributes: Vec<KeyValue<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Scope {
    name: &'static str,
    version: &'static str,
}

/// Whose measurements these are.
pub(super) const SCOPE: Scope = Scope { name: "botwarden", version: env!("CARGO_PKG_VERSION") };

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Traces<'a> {
    pub(super) resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceSpans<'a> {
    pub(super) resource: &'a Resource<'a>,
    pub(super) scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Debug, Serialize)]
pub(super) struct ScopeSpans<'a> {
    pub(super) scope: Scope,
    pub(super) spans: Vec<Span<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are those of the message")]
pub(super) struct Span<'a> {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent_span_id: Option<String>,
    pub(super) name: &'static str,
    pub(super) kind: u8,
    pub(super) start_time_unix_nano: Nanos,
    pub(super) end_time_unix_nano: Nanos,
    pub(super) attributes: Vec<KeyValue<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Status>,
}

#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics<'a> {
    pub(super) resource_metrics: [ResourceMetrics<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceMetrics<'a> {
    pub(super) resource: &'a Resource<'a>,
    pub(super) scope_metrics: [ScopeMetrics<'a>; 1],
}

#[derive(Debug, Serialize)]
pub(super) struct ScopeMetrics<'a> {
    pub(super) scope: Scope,
    pub(super) metrics: Vec<Metric<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Metric<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) unit: &'static str,
    #[serde(flatten)]
    pub(super) data: Data<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Data<'a> {
    Gauge { data_points: Vec<Point<'a>> },
    Histogram { data_points: Vec<Buckets<'a>>, aggregation_temporality: u8 },
    Sum { data_points: Vec<Point<'a>>, aggregation_temporality: u8, is_monotonic: bool },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Point<'a> {
    pub(super) attributes: Vec<KeyValue<'a>>,
    pub(super) start_time_unix_nano: Nanos,
    pub(super) time_unix_nano: Nanos,
    #[serde(flatten)]
    pub(super) value: Figure,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Figure {
    AsDouble(f64),
    AsInt(Text<i64>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Buckets<'a> {
    pub(super) attributes: Vec<KeyValue<'a>>,
    pub(super) start_time_unix_nano: Nanos,
    pub(super) time_unix_nano: Nanos,
    pub(super) count: Text<u64>,
    pub(super) sum: f64,
    pub(super) bucket_counts: Vec<Text<u64>>,
    pub(super) explicit_bounds: Vec<f64>,
}

/// What a collector answers; all of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) partial_success: Partial,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Partial {
    rejected_spans: Count,
    rejected_data_points: Count,
}

impl Partial {
    /// Spans or points that were not taken.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected_spans.number().saturating_add(self.rejected_data_points.number())
    }
}

/// Text, says the encoding; a number must be read as well.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

impl Default for Count {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl Count {
    fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().unwrap_or_default(),
        }
    }
}
