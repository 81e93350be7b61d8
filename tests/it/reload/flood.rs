//! Twenty reloads in a row, a thousand events on their way: none lost, none doubled.

use std::collections::{BTreeMap, BTreeSet};

use botwarden::admin::Control as _;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::World;
use crate::harness::bot::{Manner, Request};
use crate::harness::event::{SECRET, mac};
use crate::harness::wire::{call, post};

/// What is swapped; every event may pass under both.
const OTHER: [(&str, &str); 6] = [
    ("allowed_orgs: [example]", "allowed_orgs: [example, contoso]"),
    ("cache: {}", "cache: {allow_ttl: 1s}"),
    ("inbox: {}", "inbox: {order: none}"),
    ("webhook_secret: {env: SECRET}", "webhook_secret: [{env: OLD_SECRET}, {env: SECRET}]"),
    ("timeout: 3s", "timeout: 4s"),
    ("attempts: 1", "attempts: 2"),
];

const ROOMS: [&str; 4] = ["staff", "launch", "ann-helpdesk", "townhall"];

fn other(yaml: &str, changes: &BTreeSet<usize>) -> String {
    changes.iter().fold(yaml.to_owned(), |yaml, at| yaml.replace(OTHER[*at].0, OTHER[*at].1))
}

/// Sends them, some at a time, while the setup is swapped to and fro. How many were answered 200, by message.
async fn send(
    world: &World,
    bodies: &[(String, String)],
    reloads: usize,
    other: &str,
) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    let control = world.house().control();
    let original = world.text();
    let senders = bodies.chunks(bodies.len().div_ceil(8)).map(|some| {
        let (address, some) = (world.address, some.to_vec());
        tokio::spawn(async move {
            let mut kept = Vec::new();
            for (message, body) in some {
                let signature = mac(SECRET.as_bytes(), body.as_bytes());
                let bytes = post("/hook", &[("x-spark-signature", &signature)], body.as_bytes());
                assert_eq!(call(address, &bytes).await.status, 200);
                kept.push(message);
            }
            kept
        })
    });
    let senders: Vec<_> = senders.collect();
    for at in 0..reloads {
        let text = if at % 2 == 0 { other } else { &original };
        world.rewrite(|_| text.to_owned());
        control.reload().await.unwrap();
    }
    for sender in senders {
        kept.extend(sender.await.unwrap());
    }
    kept
}

async fn nothing_is_lost_or_doubled(events: usize, reloads: usize, changes: &BTreeSet<usize>) {
    let world = World::start().await;
    // The bot is away now and then, so that events wait while the setup is another.
    world.bot.next((0..events / 4).map(|at| Manner::Answers(if at % 5 == 0 { 503 } else { 200 })));
    let messages: Vec<_> = (0..events)
        .map(|at| world.message("ann", ROOMS[at % ROOMS.len()]))
        .map(|message| (message.message, message.body))
        .collect();
    let other = other(&world.text(), changes);
    let kept = send(&world, &messages, reloads, &other).await;
    world.settled().await;
    assert_eq!(kept.len(), events);
    let requests = world.bot.requests();
    let mut taken = BTreeMap::<String, usize>::new();
    for subject in requests.iter().map(Request::subject) {
        *taken.entry(subject).or_default() += 1;
    }
    let refused = (0..events / 4).filter(|at| at % 5 == 0).count();
    assert_eq!(
        requests.len(),
        events + refused,
        "each once, and again only where the bot said 503"
    );
    assert_eq!(taken.keys().cloned().collect::<BTreeSet<_>>(), kept, "none lost");
    let mut records = BTreeMap::<String, Vec<String>>::new();
    for record in world.told.decisions() {
        let id = record["decision_id"].as_str().unwrap().to_owned();
        records.entry(id).or_default().push(record["verdict"].as_str().unwrap().to_owned());
    }
    assert_eq!(records.len(), events);
    for (id, verdicts) in records {
        assert_eq!(verdicts, ["allow"], "{id}");
    }
}

#[tokio::test]
async fn twenty_reloads_among_a_thousand_events_lose_nothing_and_double_nothing() {
    nothing_is_lost_or_doubled(1000, 20, &(0..OTHER.len()).collect()).await;
}

#[test]
fn whatever_a_reload_changes_nothing_is_lost_or_doubled() {
    let mut runner =
        TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
    let changes = proptest::collection::btree_set(0..OTHER.len(), 1..OTHER.len());
    runner
        .run(&(40..120_usize, 1..12_usize, changes), |(events, reloads, changes)| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(nothing_is_lost_or_doubled(events, reloads, &changes));
            Ok(())
        })
        .unwrap();
}
