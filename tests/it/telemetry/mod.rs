//! OpenTelemetry: what a collector gets, and that nobody waits for it.

mod collector;
mod outages;

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::harness::bot::Manner;
use crate::harness::event::{SECRET, mac};
use crate::harness::told::log;
use crate::harness::{Setup, World, eventually};
use collector::{Collector, about, attribute, hex, scraped, series};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Sends an authentic event with more headers.
async fn send_with(world: &World, headers: &[(&str, &str)]) {
    let body = world.message("ann", "staff").body;
    let signature = mac(SECRET.as_bytes(), body.as_bytes());
    let own = [("x-spark-signature", signature.as_str())];
    let headers: Vec<_> = own.iter().chain(headers).copied().collect();
    assert_eq!(world.post("/hook", &headers, body.as_bytes()).await.status, 200);
    world.settled().await;
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// Trace, parent and flags of what a bot was told.
fn parent_told(world: &World, request: usize) -> Option<[String; 3]> {
    let told = world.bot.requests()[request].header("traceparent")?;
    let fields: Vec<_> = told.split('-').map(str::to_owned).collect();
    assert_eq!((fields.len(), &*fields[0]), (4, "00"), "{told}");
    Some([fields[1].clone(), fields[2].clone(), fields[3].clone()])
}

#[tokio::test]
async fn a_trace_tells_the_way_of_an_event_from_the_caller_to_the_bot() {
    let collector = Collector::start().await;
    let world = collector.setup("interval: null").start().await;
    send_with(&world, &[("traceparent", CALLER), ("tracestate", "vendor=1")]).await;
    eventually!(collector.roots().len() == 1);
    let root = collector.roots().remove(0);
    assert_eq!(
        (hex(&root.trace_id), hex(&root.parent_span_id)),
        (TRACE.to_owned(), "00f067aa0ba902b7".to_owned())
    );
    let record = world.told.decisions().remove(0);
    let told = ["decision_id", "route", "bot", "resource", "event", "verdict", "reason"];
    for key in told {
        assert_eq!(record[key], attribute(&root, &format!("botwarden.{key}")), "{key}");
    }
    assert_eq!(record["trace_id"], TRACE);
    let parts = collector.parts(&root);
    assert_eq!(names(&parts), ["verify", "inbox wait", "ask", "fetch", "judge", "forward"]);
    for part in &parts {
        let parent = if part.name == "fetch" { &parts[2] } else { &root };
        assert_eq!(part.parent_span_id, parent.span_id, "{}", part.name);
        assert!(parent.start_time_unix_nano <= part.start_time_unix_nano, "{}", part.name);
        assert!(part.start_time_unix_nano <= part.end_time_unix_nano, "{}", part.name);
        assert!(part.end_time_unix_nano <= parent.end_time_unix_nano, "{}", part.name);
        assert!(part.status.is_none(), "{}", part.name);
    }
    assert_eq!(attribute(&parts[2], "botwarden.source"), "miss");
    assert_eq!(attribute(&parts[5], "http.response.status_code"), "200");
    assert_eq!((root.kind, parts[5].kind, parts[4].kind), (2, 3, 1), "server, client, internal");
    let expected = [TRACE.to_owned(), hex(&parts[5].span_id), "01".to_owned()];
    assert_eq!(parent_told(&world, 0), Some(expected));
    assert_eq!(world.bot.requests()[0].header("tracestate").as_deref(), Some("vendor=1"));
    let resource = about(collector.traces()[0].resource_spans[0].resource.as_ref());
    assert_eq!(resource["service.name"], "botwarden");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["service.instance.id"].len(), 36);
}

#[tokio::test]
async fn what_is_known_of_a_room_is_not_fetched_again_and_each_event_has_a_trace_of_its_own() {
    let collector = Collector::start().await;
    let world = collector.setup("interval: null").start().await;
    world.verdict("ann", "staff").await;
    let second = world.verdict("bob", "staff").await;
    eventually!(collector.roots().len() == 2);
    let roots = collector.roots();
    let parts = collector.parts(&roots[1]);
    assert_eq!(names(&parts), ["verify", "inbox wait", "ask", "judge", "forward"]);
    assert_eq!(attribute(&parts[2], "botwarden.source"), "hit");
    assert!(roots[0].trace_id != roots[1].trace_id && roots[1].parent_span_id.is_empty());
    let decision = second["decision_id"].as_str().unwrap().replace('-', "");
    assert_eq!(
        (&hex(&roots[1].trace_id), &second["trace_id"]),
        (&decision, &decision.as_str().into())
    );
}

#[tokio::test]
async fn the_operator_says_which_trace_the_bot_hears_of() {
    let headers = [("traceparent", CALLER), ("tracestate", "vendor=1")];
    for how in ["new", "drop"] {
        let collector = Collector::start().await;
        let world = collector.setup(&format!("traceparent: {how}")).start().await;
        send_with(&world, &headers).await;
        eventually!(collector.roots().len() == 1);
        let root = collector.roots().remove(0);
        assert!(hex(&root.trace_id) != TRACE && root.parent_span_id.is_empty(), "{how}");
        let forward = collector.parts(&root).pop().unwrap();
        let expected = [hex(&root.trace_id), hex(&forward.span_id), "01".to_owned()];
        assert_eq!(parent_told(&world, 0), (how == "new").then_some(expected), "{how}");
        assert_eq!(world.bot.requests()[0].header("tracestate"), None, "{how}");
        assert_eq!(world.told.decisions()[0]["trace_id"], hex(&root.trace_id), "{how}");
    }
}

#[tokio::test]
async fn without_a_collector_traces_go_through_to_the_bot_as_they_came() {
    let world = World::start().await;
    send_with(&world, &[("traceparent", CALLER), ("tracestate", "vendor=1")]).await;
    assert_eq!(world.bot.requests()[0].header("traceparent").as_deref(), Some(CALLER));
    assert_eq!(world.bot.requests()[0].header("tracestate").as_deref(), Some("vendor=1"));
    assert_eq!(world.told.decisions()[0]["trace_id"], TRACE);
    send_with(&world, &[("traceparent", "00-nonsense")]).await;
    let own = world.told.decisions()[1]["decision_id"].as_str().unwrap().replace('-', "");
    assert_eq!(parent_told(&world, 1).unwrap()[0], own);
    let silent = Setup::new().with("telemetry", "{traceparent: drop}").start().await;
    send_with(&silent, &[("traceparent", CALLER)]).await;
    assert_eq!(parent_told(&silent, 0), None);
    assert_eq!(silent.told.decisions()[0].get("trace_id"), None, "nobody knows of a trace");
}

#[tokio::test]
async fn a_caller_who_records_nothing_is_not_recorded() {
    let collector = Collector::start().await;
    let world = collector.setup("interval: null").start().await;
    send_with(&world, &[("traceparent", &CALLER.replace("-01", "-00"))]).await;
    world.verdict("ann", "staff").await;
    eventually!(!collector.roots().is_empty());
    assert_ne!(hex(&collector.roots()[0].trace_id), TRACE);
    assert_eq!(collector.roots().len(), 1);
    let unrecorded = CALLER.replace("-01", "-00");
    assert_eq!(world.bot.requests()[0].header("traceparent"), Some(unrecorded));
}

#[tokio::test]
async fn invariant_1_a_forged_call_leaves_no_trace() {
    let collector = Collector::start().await;
    let mut world = collector.setup("interval: 1s").start().await;
    let forged = "00-deadbeefdeadbeefdeadbeefdeadbeef-deadbeefdeadbeef-01";
    let signature = mac(b"another secret than ours", b"{}");
    for headers in [vec![], vec![("x-spark-signature", signature.as_str())]] {
        let all = [("traceparent", forged), ("tracestate", "deadbeef=1")].into_iter();
        let headers: Vec<_> = all.chain(headers).collect();
        assert_eq!(world.post("/hook", &headers, b"{}").await.status, 403);
    }
    world.verdict("ann", "staff").await;
    world.close().await;
    assert_eq!(collector.roots().len(), 1, "the one that was not forged");
    let written = collector.text() + &world.told.text() + &world.bot.requests()[0].head;
    assert!(!written.contains("deadbeef"));
    // The log of the HTTP library at its most talkative tells what it reads.
    let own = log().lines().filter(|line| line.contains("botwarden::")).collect::<String>();
    assert!(!own.contains("deadbeef"));
}

#[tokio::test]
async fn every_end_of_an_event_is_told_and_only_failures_are_errors() {
    let collector = Collector::start().await;
    let world = collector.setup("interval: null").start().await;
    let body = world.message("tom", "partners").body;
    world.verdict_on(&body).await;
    world.send(&body).await;
    world.settled().await;
    world.bot.next([Manner::Answers(500)]);
    world.verdict("ann", "staff").await;
    let foreign = world.altered("ann", "staff", |envelope| {
        envelope["createdBy"] = envelope["actorId"].clone();
    });
    world.send(foreign).await;
    eventually!(collector.roots().len() == 4);
    let (roots, records) = (collector.roots(), world.told.decisions());
    for (root, record) in roots.iter().zip(&records) {
        assert_eq!(record["reason"], attribute(root, "botwarden.reason"));
        assert_eq!(record["verdict"], attribute(root, "botwarden.verdict"));
        assert_eq!(record["trace_id"], hex(&root.trace_id));
        assert!(root.status.is_none(), "{root:?}");
    }
    let reasons: Vec<_> = records.iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons[..2], ["outside_org", "outside_org"]);
    assert_eq!(reasons[2], "all_members_allowed");
    let forward = collector.parts(&roots[2]).pop().unwrap();
    assert_eq!(attribute(&forward, "http.response.status_code"), "500");
    assert_eq!(forward.status.unwrap().code, 2);
}

#[tokio::test]
async fn every_try_is_told_and_what_expires_is_an_error() {
    let collector = Collector::start().await;
    let short = |config: &mut botwarden::config::Config| {
        config.inbox.max_age = Duration::from_millis(300);
    };
    let mut world = collector.setup("interval: null").adjust(short).start().await;
    world.bot.stop().await;
    world.say("ann", "staff").await;
    world.settled().await;
    eventually!(collector.roots().len() == 1);
    let root = collector.roots().remove(0);
    assert_eq!(attribute(&root, "botwarden.verdict"), "expired");
    assert_eq!(root.status.clone().unwrap().message, "upstream_unreachable");
    let parts = collector.parts(&root);
    let forwards: Vec<_> = parts.iter().filter(|part| part.name == "forward").collect();
    assert!(forwards.len() > 1, "{:?}", names(&parts));
    for forward in forwards {
        assert_eq!(attribute(forward, "error.type"), "upstream_unreachable");
        assert_eq!(forward.status.clone().unwrap().code, 2);
    }
    let waits = parts.iter().filter(|part| part.name == "inbox wait").count();
    assert!(waits > 1, "{:?}", names(&parts));
}

#[tokio::test]
async fn the_series_of_the_page_and_those_that_are_sent_are_the_same() {
    let collector = Collector::start().await;
    let world = collector.setup("interval: 1s").start().await;
    world.bot.next([Manner::Answers(500)]);
    world.verdict("ann", "staff").await;
    world.verdict("tom", "partners").await;
    world.post("/hook", &[], b"{}").await;
    eventually!(collector.roots().len() == 2);
    let before = collector.metrics().len();
    eventually!(collector.metrics().len() > before + 1);
    let mut sent = series(collector.metrics().last().unwrap());
    let mut page = scraped(&world.ops("/metrics").await.text());
    // What was sent cannot tell that it was; and the process goes on between the two.
    let moves = ["botwarden_telemetry_exported_total", "process_"];
    for all in [&mut sent, &mut page] {
        all.retain(|key, _| !moves.iter().any(|name| key.starts_with(name)));
    }
    assert!(sent.iter().any(|(key, count)| key.contains("_bucket") && count == "1"), "{sent:?}");
    assert_eq!(sent, page);
    let resource = collector.metrics()[0].resource_metrics[0].resource.clone();
    let traces = collector.traces()[0].resource_spans[0].resource.clone();
    assert_eq!(about(resource.as_ref()), about(traces.as_ref()));
}

#[tokio::test]
async fn invariant_8_nothing_that_is_sent_tells_of_rooms_people_or_secrets() {
    let collector = Collector::start().await;
    let mut world = collector.setup("interval: 1s").start().await;
    let bodies = [world.message("ann", "staff").body, world.message("tom", "partners").body];
    for body in &bodies {
        let signature = mac(SECRET.as_bytes(), body.as_bytes());
        let state = ("tracestate", "vendor=somebodys-text");
        let headers = [("x-spark-signature", &*signature), ("traceparent", CALLER), state];
        world.post("/hook", &headers, body.as_bytes()).await;
    }
    world.settled().await;
    world.close().await;
    let sent = collector.text();
    assert!(sent.contains("outside_org") && sent.contains("botwarden_events_total"));
    let fixed =
        ["sim-token-helpdesk", SECRET, "ann@", "tom@", "Ann Example", "Tom Contoso", "somebodys"];
    let mut secret: Vec<String> = fixed.map(str::to_owned).into();
    for body in &bodies {
        secret.push(mac(SECRET.as_bytes(), body.as_bytes()));
        let envelope: serde_json::Value = serde_json::from_str(body).unwrap();
        let all = envelope.as_object().unwrap().iter().chain(envelope["data"].as_object().unwrap());
        let ids = all.filter(|(key, _)| key.to_lowercase().ends_with("id"));
        secret.extend(ids.filter_map(|(_, id)| id.as_str().map(str::to_owned)));
    }
    for record in world.told.decisions() {
        secret.extend(["room_id", "actor_id"].map(|key| record[key].as_str().unwrap().to_owned()));
        secret.push(record["body_sha256"].as_str().unwrap().to_owned());
    }
    assert!(secret.len() > 20, "{secret:?}");
    for secret in secret {
        assert!(!sent.contains(&secret), "{secret} was sent");
    }
}
