use super::*;
use crate::gate::trace::Propagation;

fn telemetry(text: &str, source: &dyn Source) -> Telemetry {
    let loaded = load(text.as_bytes(), source, today());
    loaded.unwrap_or_else(|problems| panic!("{}", render(&problems, "f", text, false))).0.telemetry
}

fn about(keys: &str) -> Telemetry {
    telemetry(&with(&format!("telemetry: {{{keys}}}\n")), &desk())
}

#[test]
fn nothing_is_sent_unless_somebody_says_where() {
    let expected = Telemetry { traceparent: Propagation::Pass, otlp: None };
    assert_eq!(about(""), expected);
    assert_eq!(telemetry(EXAMPLE, &desk()), expected);
    assert_eq!(about("otlp_endpoint: null, interval: 5s, traceparent: drop").otlp, None);
    let empty = desk().with_var("OTEL_EXPORTER_OTLP_ENDPOINT", "");
    assert_eq!(telemetry(EXAMPLE, &empty), expected);
}

#[test]
fn every_key_of_telemetry_reaches_the_configuration() {
    let full = about("otlp_endpoint: 'https://c.example/otlp/', interval: 30s, traceparent: new");
    assert_eq!(full.traceparent, Propagation::New);
    let otlp = full.otlp.unwrap();
    assert_eq!(otlp.endpoint.as_str(), "https://c.example/otlp");
    assert_eq!(otlp.interval, Some(Duration::from_secs(30)));
    assert_eq!(otlp.resource, [("service.name".into(), "botwarden".into())]);
    let plain = about("otlp_endpoint: 'http://collector:4318'").otlp.unwrap();
    assert_eq!(plain.interval, Some(Duration::from_mins(1)));
    assert_eq!(about("otlp_endpoint: 'http://c', interval: null").otlp.unwrap().interval, None);
}

#[test]
fn the_variables_of_open_telemetry_stand_above_the_file() {
    let desk = desk()
        .with_var("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/")
        .with_var("OTEL_SERVICE_NAME", "front door")
        .with_var(
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=x, deployment.environment=a%2Cb+c%20d&e=f,,team=%C3%A4",
        );
    let text = with("telemetry: {otlp_endpoint: 'http://127.0.0.1:1'}\n");
    let otlp = telemetry(&text, &desk).otlp.unwrap();
    assert_eq!(otlp.endpoint.as_str(), "http://collector:4318/");
    let pairs: Vec<_> = otlp.resource.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(
        pairs,
        [("deployment.environment", "a,b+c d&e=f"), ("team", "ä"), ("service.name", "front door")]
    );
    let named = super::desk()
        .with_var("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")
        .with_var("OTEL_RESOURCE_ATTRIBUTES", "service.name=x");
    let otlp = telemetry(EXAMPLE, &named).otlp.unwrap();
    assert_eq!(otlp.resource, [("service.name".into(), "x".into())]);
}

#[test]
fn e080_and_w125_where_nothing_would_take_it() {
    let told =
        |endpoint: &str| told(&with(&format!("telemetry: {{otlp_endpoint: '{endpoint}'}}\n")));
    insta::assert_snapshot!(told("http://127.0.0.1:4318/v1/traces"), @r"
    error[E080]: `/v1/traces` and `/v1/metrics` are appended to this address
      ┌─ gateway.yaml:25:28
       = help: such as http://127.0.0.1:4318
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("http://127.0.0.1:4317"), @r"
    warning[W125]: at port 4317 collectors usually speak gRPC; what is sent here is http
      ┌─ gateway.yaml:25:28
       = help: usually port 4318
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(told("http://127.0.0.1:4318/v1"), NOTHING);
}

#[test]
fn e016_and_e050_endpoints_that_cannot_be_called() {
    let told =
        |endpoint: &str| told(&with(&format!("telemetry: {{otlp_endpoint: '{endpoint}'}}\n")));
    insta::assert_snapshot!(told("http://user:hunter2@127.0.0.1:4318"), @r"
    error[E016]: a URL must not hold a user name or password
      ┌─ gateway.yaml:25:28
       = help: http://HOST[:PORT], or https
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("grpc://127.0.0.1:4317"), @r"
    error[E016]: a URL here begins with https:// or http://
      ┌─ gateway.yaml:25:28
       = help: http://HOST[:PORT], or https
    1 error, 0 warnings in gateway.yaml
    ");
    let desk = desk()
        .with_var("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4317/v1/traces")
        .with_var("OTEL_RESOURCE_ATTRIBUTES", "team");
    insta::assert_snapshot!(told_with(EXAMPLE, &desk), @r"
    error[E050]: this is not a list of up to 64 KEY=VALUE with commas
      == OTEL_RESOURCE_ATTRIBUTES
    error[E050]: not a URL such as http://127.0.0.1:4318: relative URL without a base: http://HOST[:PORT], or https
      == OTEL_EXPORTER_OTLP_ENDPOINT
    2 errors, 0 warnings in gateway.yaml
    ");
    let odd = super::desk().with_var("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317/v1/metrics");
    insta::assert_snapshot!(told_with(EXAMPLE, &odd), @r"
    error[E080]: `/v1/traces` and `/v1/metrics` are appended to this address
      == OTEL_EXPORTER_OTLP_ENDPOINT
      = help: such as http://127.0.0.1:4318
    warning[W125]: at port 4317 collectors usually speak gRPC; what is sent here is http
      == OTEL_EXPORTER_OTLP_ENDPOINT
      = help: usually port 4318
    1 error, 1 warning in gateway.yaml
    ");
}
