//! `telemetry`: traces, and where they are sent. The variables are those of the OpenTelemetry specification.

use url::Url;
use url::form_urlencoded;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw_telemetry as raw;
use super::super::source::Source;
use super::super::words::{Spelled, Word as _};
use super::super::words_telemetry::Collector;
use super::super::{Attribute, Otlp, Telemetry};
use super::surroundings::refuse;
use crate::gate::trace::Propagation;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const NAME: &str = "OTEL_SERVICE_NAME";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// What collectors call this gateway when nobody says otherwise.
const OWN_NAME: &str = "botwarden";

/// They are sent with every batch.
const MOST_ATTRIBUTES: usize = 64;

pub(super) fn check(
    raw: &raw::Telemetry,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Telemetry {
    let resource = resource(findings, source);
    let endpoint = endpoint(raw, findings, source);
    let interval = raw.interval.as_ref().map(|span| span.0);
    Telemetry {
        traceparent: match raw.traceparent {
            raw::Traceparent::Drop => Propagation::Drop,
            raw::Traceparent::New => Propagation::New,
            raw::Traceparent::Pass => Propagation::Pass,
        },
        otlp: endpoint.map(|endpoint| Otlp { endpoint, interval, resource }),
    }
}

/// A variable that is empty is as if it were not set, says the specification.
fn variable(name: &str, source: &dyn Source) -> Option<String> {
    source.var(name).filter(|text| !text.is_empty())
}

fn endpoint(raw: &raw::Telemetry, findings: &mut Findings<'_>, source: &dyn Source) -> Option<Url> {
    if let Some(text) = variable(ENDPOINT, source) {
        let read = Collector::read(&text).map_err(|message| refuse(ENDPOINT, &message, findings));
        let url = read.ok()?.0;
        for problem in odd(&url) {
            findings.add_outside(ENDPOINT, problem);
        }
        return Some(url);
    }
    let Some(Spelled(Collector(url))) = &raw.otlp_endpoint else { return None };
    for problem in odd(url) {
        findings.add(&Path::of(["telemetry", "otlp_endpoint"]), problem);
    }
    Some(url.clone())
}

/// What people paste from other settings.
fn odd(url: &Url) -> Vec<Problem> {
    let mut odd = Vec::new();
    if ["/v1/traces", "/v1/metrics"].iter().any(|end| url.path().ends_with(end)) {
        let message = "`/v1/traces` and `/v1/metrics` are appended to this address";
        odd.push(Problem::new(Code::SignalPath, message).hint("such as http://127.0.0.1:4318"));
    }
    if url.port() == Some(4317) {
        let message = "at port 4317 collectors usually speak gRPC; what is sent here is http";
        odd.push(Problem::new(Code::GrpcPort, message).hint("usually port 4318"));
    }
    odd
}

fn resource(findings: &mut Findings<'_>, source: &dyn Source) -> Vec<Attribute> {
    let typed = variable(ATTRIBUTES, source).unwrap_or_default();
    let pairs = attributes(&typed);
    if pairs.is_none() {
        let message =
            format!("this is not a list of up to {MOST_ATTRIBUTES} KEY=VALUE with commas");
        refuse(ATTRIBUTES, &message, findings);
    }
    let mut pairs = pairs.unwrap_or_default();
    if let Some(name) = variable(NAME, source) {
        pairs.retain(|(key, _)| **key != *"service.name");
        pairs.push(("service.name".into(), name.into()));
    }
    if !pairs.iter().any(|(key, _)| **key == *"service.name") {
        pairs.push(("service.name".into(), OWN_NAME.into()));
    }
    pairs
}

/// `key=value,key=value`, with `%2C` and the like in values.
fn attributes(text: &str) -> Option<Vec<Attribute>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs: Option<Vec<_>> = pairs.map(attribute).collect();
    pairs.filter(|pairs| pairs.len() <= MOST_ATTRIBUTES)
}

fn attribute(pair: &str) -> Option<Attribute> {
    let (key, value) = pair.split_once('=')?;
    // Forms write a blank as `+`, and end a value with `&`; here both are what they are.
    let value = value.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let value = form_urlencoded::parse(format!("v={value}").as_bytes()).next()?.1.into_owned();
    (!key.trim().is_empty()).then(|| (key.trim().into(), value.into()))
}
