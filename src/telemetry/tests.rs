use tokio::sync::mpsc::Receiver;

use super::*;
use crate::gate::arrival::tests::arrival;
use crate::gate::signature::tests::{SECRET, oracle, ring};
use crate::gate::signature::verify;
use crate::report::Verdict;
use crate::report::outage::Kind;

fn authentic() -> Authentic {
    let mac = oracle(SECRET.as_bytes(), b"{}");
    verify(arrival(&[("x-spark-signature", &mac)], b"{}"), &ring(&[SECRET])).unwrap()
}

fn follow(tracer: &Tracer) -> Trail {
    let (route, bot) = ("helpdesk".into(), "helpdesk".into());
    tracer.follow(&authentic(), Subject { route: &route, bot: &bot })
}

/// A tracer with place for so many trails, and nobody who sends them.
fn tracer(places: usize) -> (Tracer, Receiver<Box<Walk>>) {
    let (queue, waiting) = mpsc::channel(places);
    let (under_way, reporter) = (TaskTracker::new(), Arc::default());
    let recorder = Some(Recorder { queue, under_way, reporter });
    (Tracer { propagation: Propagation::Pass, recorder }, waiting)
}

fn dropped(tracer: &Tracer) -> String {
    let page = tracer
        .recorder
        .as_ref()
        .unwrap()
        .reporter
        .scrape(crate::report::Exposition::OpenMetrics, std::time::SystemTime::UNIX_EPOCH);
    let series = "telemetry_exported_total{signal=\"traces\",result=\"dropped\"} ";
    page.lines().find_map(|line| line.split_once(series)).unwrap().1.to_owned()
}

#[test]
fn without_an_endpoint_nothing_is_remembered_of_an_event() {
    let mut trail = follow(&Tracer::silent(Propagation::Pass));
    trail.taken();
    trail.judged(rt::now());
    let away = trail.leaves();
    trail.back(&away, Note::Status(200));
    trail.decided(Verdict::Allow { would_refuse: None });
    assert!(!trail.is_recorded());
    assert!(away.context.is_some(), "the bot is told of a trace all the same");
}

#[test]
fn what_has_no_place_is_dropped_and_counted_span_by_span() {
    let (tracer, mut waiting) = tracer(1);
    for _ in 0..3 {
        let mut trail = follow(&tracer);
        trail.taken();
        trail.judged(rt::now());
    }
    assert_eq!(dropped(&tracer), "6", "twice a root and two parts");
    assert_eq!(waiting.try_recv().unwrap().len(), 3);
    assert!(waiting.try_recv().is_err());
}

#[test]
fn an_event_that_is_tried_for_long_is_not_remembered_without_end() {
    let (tracer, mut waiting) = tracer(1);
    let mut trail = follow(&tracer);
    for _ in 0..100 {
        trail.taken();
    }
    drop(trail);
    assert_eq!(waiting.try_recv().unwrap().len(), 33);
    assert_eq!(dropped(&tracer), "68");
}

#[test]
fn a_try_that_is_cut_short_has_its_span() {
    let (tracer, mut waiting) = tracer(1);
    let mut trail = follow(&tracer);
    let _away = trail.leaves();
    trail.decided(Verdict::Expired(Kind::Bug));
    drop(trail);
    let walk = waiting.try_recv().unwrap();
    assert_eq!(walk.spans.len(), 1);
    assert_eq!((walk.spans[0].part, walk.spans[0].note), (Part::Forward, Note::Failed(Kind::Bug)));
}

#[test]
fn no_trail_waits_for_a_collector_that_is_gone() {
    let (tracer, waiting) = tracer(8);
    drop(waiting);
    drop(follow(&tracer));
    assert_eq!(dropped(&tracer), "1");
}
