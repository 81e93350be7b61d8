//! A collector that is gone, or slow, or mad, costs nothing but a counter and a line.

use std::time::Duration;

use tokio::time::Instant;

use super::collector::{Collector, attribute};
use crate::harness::bot::Manner;
use crate::harness::told::own_log;
use crate::harness::{World, eventually, patience};

const COMPLAINT: &str = "the OTLP endpoint does not take what is sent";

async fn exported(world: &World, result: &str) -> f64 {
    world.metric(&["botwarden_telemetry_exported_total", "traces", result]).await
}

/// Waits until so many spans have come to this end.
async fn becomes(world: &World, result: &str, spans: f64) {
    let end = Instant::now() + patience();
    while exported(world, result).await < spans {
        assert!(Instant::now() < end, "{result}: {}", exported(world, result).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn complaints() -> Vec<String> {
    own_log().lines().filter(|line| line.contains(COMPLAINT)).map(str::to_owned).collect()
}

#[tokio::test]
async fn events_go_on_while_the_collector_refuses_and_it_is_told_once() {
    own_log();
    let mut collector = Collector::start().await;
    let world = collector.setup("interval: 1s").start().await;
    let address = collector.0.stop().await;
    for round in 1..=2 {
        world.verdict("ann", "staff").await;
        becomes(&world, "failed", 5.0 * f64::from(round)).await;
    }
    assert_eq!(world.bot.count(), 2);
    let complaints = complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains("it cannot be reached"), "{complaints:?}");
    assert!(!complaints[0].contains(&address.to_string()), "{complaints:?}");
    collector.0 = crate::harness::bot::Bot::start_at(address);
    world.verdict("bob", "staff").await;
    becomes(&world, "sent", 5.0).await;
    assert_eq!(collector.roots().len(), 1, "what was lost stays lost");
}

#[tokio::test]
async fn an_answer_that_is_no_success_is_told_by_its_number_alone() {
    own_log();
    let collector = Collector::start().await;
    collector.0.usually(Manner::Answers(500));
    let world = collector.setup("interval: null").start().await;
    world.verdict("ann", "staff").await;
    becomes(&world, "failed", 5.0).await;
    assert!(complaints()[0].contains("it answers 500"), "{:?}", complaints());
    collector.0.usually(Manner::Resets);
    world.verdict("ann", "staff").await;
    becomes(&world, "failed", 10.0).await;
    assert_eq!(world.bot.count(), 2);
    assert!(exported(&world, "sent").await < 0.5);
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_to_its_end() {
    let collector = Collector::start().await;
    collector.0.usually(Manner::Floods);
    let world = collector.setup("interval: null").start().await;
    world.verdict("ann", "staff").await;
    becomes(&world, "sent", 5.0).await;
    collector
        .0
        .usually(Manner::Says(r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}"#));
    world.verdict("ann", "staff").await;
    becomes(&world, "rejected", 2.0).await;
}

#[tokio::test]
async fn a_collector_that_stalls_holds_up_neither_events_nor_the_end() {
    own_log();
    let collector = Collector::start().await;
    collector.0.usually(Manner::Hangs);
    let mut world = collector.setup("interval: 1s").start().await;
    for _ in 0..20 {
        world.verdict("ann", "staff").await;
    }
    eventually!(collector.0.count() > 0);
    assert_eq!(world.bot.count(), 20);
    let began = Instant::now();
    world.close().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(complaints()[0].contains("it does not answer in time"), "{:?}", complaints());
    assert!(!own_log().contains("some tasks did not end in time"));
}

#[tokio::test]
async fn what_has_ended_by_the_end_is_sent_also_what_expires_by_it() {
    let collector = Collector::start().await;
    let drain = "{listen: '127.0.0.1:0', drain_grace: 0s, drain_timeout: 1s}";
    let mut world = collector.setup("interval: null").with("server", drain).start().await;
    world.verdict("ann", "staff").await;
    world.bot.usually(Manner::Hangs);
    world.say("ann", "launch").await;
    world.bot.got(2).await;
    assert_eq!(world.close().await, 1);
    let roots = collector.roots();
    let mut verdicts: Vec<_> = roots.iter().map(|it| attribute(it, "botwarden.verdict")).collect();
    verdicts.sort();
    assert_eq!(verdicts, ["allow", "expired"]);
    let expired = roots.iter().find(|it| attribute(it, "botwarden.verdict") == "expired").unwrap();
    let forward = collector.parts(expired).pop().unwrap();
    assert_eq!(
        (&*forward.name, attribute(&forward, "error.type")),
        ("forward", "gateway_stopped".to_owned())
    );
    let told = world.bot.requests()[1].header("traceparent").unwrap();
    assert!(told.contains(&super::hex(&forward.span_id)), "the bot knows a span that there is");
}
