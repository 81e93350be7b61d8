//! Metrics, by real scrapes: what docs/metrics.md says is there, and nothing else, from the start on.
#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

mod page;

use std::collections::BTreeSet;
use std::time::SystemTime;

use botwarden::gate::policy::Mode;
use botwarden::report::{Exposition, Form, Reporter, RouteScope, Scope};

use crate::harness::bot::Manner;
use crate::harness::event::SECRET;
use crate::harness::wire::{call, post};
use crate::harness::{World, event, eventually};
use page::{Closed, Scrape, Series, closed, listed, reasons};

/// Labels whose values come from the configuration or from the build.
const FREE: [&str; 7] = ["route", "http_route", "bot", "version", "revision", "target", "hash"];

async fn scrape(world: &World) -> Scrape {
    Scrape::read(&world.ops("/metrics").await.text())
}

/// Bots that answer as no bot should, callers that are not Webex, rooms with outsiders, a Webex that fails.
async fn trouble(world: &World) {
    for status in (200..600).step_by(7) {
        world.bot.next([Manner::Answers(status)]);
        world.say("ann", "staff").await;
        world.settled().await;
    }
    world.say("tom", "partners").await;
    for (resource, verb) in
        [("messages", "updated"), ("ann@example.com", "0b7c5c1e6a554a539d0c3a2a3c9f1e11")]
    {
        let odd = world.altered("ann", "staff", |envelope| {
            envelope["resource"] = resource.into();
            envelope["event"] = verb.into();
        });
        world.send(odd).await;
    }
    let secret = event::mac(SECRET.as_bytes(), b"{}");
    for head in [&[("X-Spark-Signature", "forged")][..], &[], &[("X-Spark-Signature", &secret)]] {
        world.post("/hook", head, b"{}").await;
        world.post("/elsewhere-11111111-2222-4333-8444-555555555555", head, b"{}").await;
    }
    for method in ["GET", "PUT", "ANN@EXAMPLE.COM"] {
        let request = format!("{method} /hook HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        call(world.address, request.as_bytes()).await;
    }
    let no_host = String::from_utf8(post("/hook", &[], b"{}")).unwrap();
    call(world.address, no_host.replace("host: bots.example.com\r\n", "").as_bytes()).await;
    world.settled().await;
}

#[tokio::test]
async fn the_page_of_metrics_lists_what_there_is() {
    let world = World::start().await;
    let scrape = scrape(&world).await;
    let listed = listed();
    let names: BTreeSet<_> = listed.iter().map(|row| row.metric.as_str()).collect();
    let mut there: BTreeSet<_> = scrape.types.keys().map(String::as_str).collect();
    // Before somebody has looked at them, nothing is said about webhooks.
    assert!(there.insert("botwarden_webhooks"));
    assert_eq!(names, there);
    for row in listed.iter().filter(|row| row.metric != "botwarden_webhooks") {
        assert_eq!(row.kind, scrape.types[&row.metric], "{}", row.metric);
        let labels: BTreeSet<_> =
            scrape.values(&row.metric).keys().map(|label| (*label).to_owned()).collect();
        assert_eq!(row.labels, labels, "{}", row.metric);
    }
}

#[tokio::test]
async fn every_series_of_the_closed_lists_is_there_before_any_event() {
    let scrape = scrape(&World::start().await).await;
    for row in closed() {
        let values = scrape.values(&row.metric);
        let mut there: BTreeSet<String> = values
            .get(&*row.label)
            .into_iter()
            .flatten()
            .map(|value| (*value).to_owned())
            .collect();
        there.remove("");
        assert_eq!(row.at_once, there, "{} of {}", row.label, row.metric);
    }
    let known = reasons();
    let closed: BTreeSet<_> = closed().into_iter().map(|row| (row.metric, row.label)).collect();
    for row in listed().iter().filter(|row| row.metric != "botwarden_webhooks") {
        for (label, values) in scrape.values(&row.metric) {
            let is_reason = label == "reason" && values.iter().all(|value| known.contains(*value));
            let is_closed = closed.contains(&(row.metric.clone(), label.to_owned()));
            assert!(is_reason || is_closed || FREE.contains(&label), "{label} of {}", row.metric);
        }
    }
    let verdicts = scrape.values("botwarden_events_total");
    assert_eq!(verdicts["reason"], known.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn whatever_bots_and_strangers_do_no_series_is_added_and_no_text_of_theirs_is_a_label() {
    let world = World::start().await;
    let before = scrape(&world).await;
    trouble(&world).await;
    let after = scrape(&world).await;
    let added: Vec<_> = after.series.difference(&before.series).collect();
    assert!(added.iter().all(|series| is_rare(series)), "{added:#?}");
    assert_eq!(added.len(), 2, "{added:#?}");
    assert!(world.metric(&["botwarden_events_total", "\"allow\""]).await > 50.0);
    for series in &after.series {
        for (label, value) in &series.labels {
            assert!(value.len() <= 32 && is_plain(value), "{label}={value}");
        }
    }
}

/// An event that no bot needs: of a kind that the page announces for later.
fn is_rare(series: &Series) -> bool {
    let later = |label: &str| {
        let of_events = |row: &Closed| row.metric == "botwarden_events_total" && row.label == label;
        closed().into_iter().any(|row| of_events(&row) && row.later.contains(&series.labels[label]))
    };
    series.metric == "botwarden_events_total" && (later("resource") || later("event"))
}

/// No address, and nothing that looks like an id: not even half of a UUID without its hyphens.
fn is_plain(value: &str) -> bool {
    let mut run = 0;
    value.chars().all(|letter| {
        run = if letter.is_ascii_hexdigit() { run + 1 } else { 0 };
        (letter.is_ascii_alphanumeric() || "_.-".contains(letter)) && run <= 8
    })
}

#[tokio::test]
async fn what_happens_is_counted_where_the_page_says() {
    let world = World::start().await;
    world.say("ann", "staff").await;
    world.say("ann", "staff").await;
    world.post("/hook", &[], b"{}").await;
    eventually!(world.bot.requests().len() == 2);
    world.settled().await;
    let rows: [(&[&str], f64); 9] = [
        (&["botwarden_events_total", "messages", "all_members_allowed"], 2.0),
        (&["botwarden_decision_duration_seconds_count", "\"allow\""], 2.0),
        (&["botwarden_stage_duration_seconds_count", "\"verify\""], 3.0),
        (&["botwarden_stage_duration_seconds_count", "\"ask\""], 2.0),
        (&["botwarden_stage_duration_seconds_count", "\"fetch\""], 1.0),
        (&["botwarden_stage_duration_seconds_count", "\"forward\""], 2.0),
        (&["botwarden_upstream_request_duration_seconds_count", "\"2xx\""], 2.0),
        (&["http_server_request_duration_seconds_count", "helpdesk", "POST", "403"], 1.0),
        (&["botwarden_cache_entries", "\"members\""], 1.0),
    ];
    for (words, expected) in rows {
        assert_eq!(world.metric(words).await, expected, "{words:?}");
    }
    assert!(world.metric(&["process_resident_memory_bytes "]).await > 1e6);
}

#[tokio::test]
async fn events_that_wait_show_how_many_there_are_and_for_how_long() {
    let world = World::start().await;
    world.bot.usually(Manner::Waits);
    world.say("ann", "staff").await;
    eventually!(world.bot.requests().len() == 1);
    assert_eq!(world.metric(&["botwarden_inbox_events{route=\"helpdesk\"}"]).await, 1.0);
    assert!(world.metric(&["botwarden_inbox_oldest_seconds{"]).await > 0.0);
    world.bot.release();
    world.settled().await;
    assert_eq!(world.metric(&["botwarden_inbox_events{"]).await, 0.0);
    assert_eq!(world.metric(&["botwarden_inbox_oldest_seconds{"]).await, 0.0);
}

#[test]
fn a_hundred_routes_and_bots_are_scraped_within_twelve_megabytes() {
    let route = |number: usize| RouteScope {
        name: format!("a-route-of-some-length-{number}").into(),
        bot: format!("a-bot-of-some-length-{number}").into(),
        mode: Mode::Enforce,
    };
    let routes = (0..100).map(route).collect();
    let scope = Scope { routes, fingerprint: "5f0c21e9".into(), ..Scope::default() };
    let reporter = Reporter::new(&scope, Form::Json, Box::new(std::io::sink()));
    let text = reporter.scrape(Exposition::Text, SystemTime::UNIX_EPOCH);
    assert!((4_000_000..12_000_000).contains(&text.len()), "{}", text.len());
}
