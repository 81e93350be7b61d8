//! A collector that writes down what it is sent, and reads it by the types of the OpenTelemetry project.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, Metric, NumberDataPoint, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::harness::Setup;
use crate::harness::bot::Bot;

pub(super) struct Collector(pub(super) Bot);

impl Collector {
    pub(super) async fn start() -> Self {
        Self(Bot::start().await)
    }

    /// A gateway that sends here, with these keys besides.
    pub(super) fn setup(&self, keys: &str) -> Setup {
        let endpoint = &self.0.url;
        Setup::new().with("telemetry", &format!("{{otlp_endpoint: '{endpoint}', {keys}}}"))
    }

    /// All that was sent, as text.
    pub(super) fn text(&self) -> String {
        let requests = self.0.requests().into_iter();
        requests.map(|it| it.head + "\n" + &String::from_utf8(it.body).unwrap() + "\n").collect()
    }

    fn messages<T: DeserializeOwned + Serialize>(&self, path: &str) -> Vec<T> {
        let line = format!("POST /bot{path} HTTP/1.1\r\n");
        let all = self.0.requests().into_iter().filter(|it| it.head.starts_with(&line));
        all.map(|request| {
            assert_eq!(request.header("content-type").as_deref(), Some("application/json"));
            whole(&request.body)
        })
        .collect()
    }

    pub(super) fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        self.messages("/v1/traces")
    }

    /// In the order in which they were sent.
    pub(super) fn spans(&self) -> Vec<Span> {
        let resources = self.traces().into_iter().flat_map(|it| it.resource_spans);
        resources.flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect()
    }

    pub(super) fn roots(&self) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.name == "event").collect()
    }

    /// The parts of the event that this is the root of, and their own parts.
    pub(super) fn parts(&self, root: &Span) -> Vec<Span> {
        let spans = self.spans().into_iter();
        spans.filter(|it| it.trace_id == root.trace_id && it.name != "event").collect()
    }

    pub(super) fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        self.messages("/v1/metrics")
    }
}

/// Reads a message, and makes sure that nothing in it was passed over.
fn whole<T: DeserializeOwned + Serialize>(body: &[u8]) -> T {
    let sent: Value = serde_json::from_slice(body).unwrap();
    let read: T = serde_json::from_slice(body).unwrap();
    within(&sent, &serde_json::to_value(&read).unwrap(), "");
    read
}

fn within(sent: &Value, read: &Value, path: &str) {
    match (sent, read) {
        (Value::Object(sent), Value::Object(read)) => {
            for (key, value) in sent {
                let path = format!("{path}.{key}");
                assert!(read.get(key).is_some(), "{path} is unknown");
                within(value, &read[key], &path);
            }
        }
        (Value::Array(sent), Value::Array(read)) => {
            assert_eq!(sent.len(), read.len(), "{path}");
            sent.iter().zip(read).for_each(|(sent, read)| within(sent, read, path));
        }
        (sent, read) => assert_eq!(sent, read, "{path}"),
    }
}

pub(super) fn hex(id: &[u8]) -> String {
    base16ct::lower::encode_string(id)
}

fn value(pair: &KeyValue) -> String {
    let value = pair.value.as_ref().and_then(|value| value.value.as_ref()).unwrap();
    if let any_value::Value::StringValue(text) = value {
        return text.clone();
    }
    // Of another kind than a test expects, it is none that it expects.
    let any_value::Value::IntValue(number) = value else { return format!("{value:?}") };
    number.to_string()
}

pub(super) fn pairs(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().map(|pair| (pair.key.clone(), value(pair))).collect()
}

pub(super) fn attribute(span: &Span, key: &str) -> String {
    pairs(&span.attributes).get(key).cloned().unwrap_or_default()
}

pub(super) fn about(resource: Option<&Resource>) -> BTreeMap<String, String> {
    pairs(&resource.unwrap().attributes)
}

/// Series by name and labels, as `/metrics` has them.
pub(super) type Series = BTreeMap<String, String>;

pub(super) fn series(request: &ExportMetricsServiceRequest) -> Series {
    let scopes = request.resource_metrics.iter().flat_map(|it| &it.scope_metrics);
    let mut series = Series::new();
    for metric in scopes.flat_map(|it| &it.metrics) {
        add(metric, &mut series);
    }
    series
}

fn add(metric: &Metric, series: &mut Series) {
    match metric.data.as_ref().unwrap() {
        metric::Data::Sum(sum) => {
            assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
            add_numbers(&metric.name, &sum.data_points, series);
        }
        metric::Data::Gauge(gauge) => add_numbers(&metric.name, &gauge.data_points, series),
        metric::Data::Histogram(histogram) => {
            assert_eq!(histogram.aggregation_temporality, 2);
            for point in &histogram.data_points {
                add_histogram(&metric.name, point, series);
            }
        }
        metric::Data::ExponentialHistogram(_) | metric::Data::Summary(_) => {
            series.insert(metric.name.clone(), "of a kind that the page has not".to_owned());
        }
    }
}

fn add_numbers(name: &str, points: &[NumberDataPoint], series: &mut Series) {
    for point in points {
        let (start, now) = (point.start_time_unix_nano, point.time_unix_nano);
        assert!(0 < start && start < now);
        let figure = match point.value.unwrap() {
            number_data_point::Value::AsDouble(figure) => rounded(figure),
            number_data_point::Value::AsInt(figure) => figure.to_string(),
        };
        series.insert(key(name, pairs(&point.attributes)), figure);
    }
}

fn add_histogram(name: &str, point: &HistogramDataPoint, series: &mut Series) {
    let labels = pairs(&point.attributes);
    series.insert(key(&format!("{name}_count"), labels.clone()), point.count.to_string());
    series.insert(key(&format!("{name}_sum"), labels.clone()), rounded(point.sum.unwrap()));
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    let bounds = point.explicit_bounds.iter().map(ToString::to_string);
    let mut all = 0;
    for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&point.bucket_counts) {
        all += count;
        let mut labels = labels.clone();
        labels.insert("le".to_owned(), bound);
        series.insert(key(&format!("{name}_bucket"), labels), all.to_string());
    }
}

fn key(name: &str, labels: BTreeMap<String, String>) -> String {
    let labels: Vec<_> = labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{name} {}", labels.join(" "))
}

/// The same of a page of `/metrics`. No label there has a comma or a quotation mark in it.
pub(super) fn scraped(page: &str) -> Series {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, figure) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
            let labels = labels.map(|pair| {
                let (key, value) = pair.split_once('=').unwrap();
                (key.to_owned(), plain(value.trim_matches('"')))
            });
            (key(name, labels.collect()), plain(figure))
        })
        .collect()
}

/// To a millionth of a second or of a percent: JSON may lose the last bit on the way.
fn rounded(number: f64) -> String {
    format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Numbers as they are printed here: `1.0` is `1`.
fn plain(figure: &str) -> String {
    match figure.parse::<f64>() {
        Ok(number) if number.is_finite() && figure.contains('.') => rounded(number),
        Ok(_) | Err(_) => figure.to_owned(),
    }
}
