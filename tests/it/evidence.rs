//! The decision log: before the bot is called, in a chain, and what happens while it cannot be written.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::harness::event::sha256;
use crate::harness::{Setup, World, eventually};

#[tokio::test]
async fn invariant_10_the_bot_is_not_called_before_the_system_has_the_record() {
    let world = World::start().await;
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    let stalled = world.told.stalls();
    world.say("ann", "staff").await;
    world.say("ann", "townhall").await;
    let deferred = ["botwarden_deferred_total", "log_unwritable"];
    while world.metric(&deferred).await < 1.5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.ops("/readyz").await.status, 503);
    assert_eq!(world.bot.count(), 1);
    drop(stalled);
    world.bot.got(3).await;
    world.settled().await;
    assert_eq!(world.ops("/readyz").await.status, 200);
    assert_eq!(
        world.told.count("allow", "all_members_allowed"),
        3,
        "one each, however often it was tried"
    );
}

#[tokio::test]
async fn who_joins_while_a_record_is_being_written_is_noticed() {
    let world = World::start().await;
    world.subscribe("memberships", "created");
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    world.settled().await;
    let judged = ["botwarden_stage_duration_seconds_count", "judge"];
    let before = world.metric(&judged).await;
    let stalled = world.told.stalls();
    world.say("ann", "staff").await;
    while world.metric(&judged).await < before + 0.5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.control.join("staff", "tom").unwrap();
    eventually!(world.control.deliveries().iter().any(|delivery| delivery.status == Some(200)));
    // Longer than any record that is written in time, and shorter than the wait for one.
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(stalled);
    world.settled().await;
    assert_eq!(world.bot.count(), 1, "{}", world.told.text());
    let last = world.told.decisions().pop().unwrap();
    assert_eq!(
        (last["verdict"].as_str(), last["reason"].as_str()),
        (Some("deny"), Some("outside_org"))
    );
}

#[tokio::test]
async fn every_record_of_every_kind_is_in_the_chain() {
    let world = World::start().await;
    world.say("ann", "staff").await;
    world.say("tom", "partners").await;
    world.post("/hook", &[("x-spark-signature", "forged")], b"{}").await;
    world.settled().await;
    let text = world.told.text();
    let mut prev = "0".repeat(64);
    for (number, line) in text.lines().enumerate() {
        let (body, end) = line.split_once(",\"hash\":\"").unwrap();
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&record["seq"], &record["prev"]),
            (&(number + 1).into(), &prev.as_str().into())
        );
        assert_eq!(end, format!("{}\"}}", sha256(body.as_bytes())));
        prev = record["hash"].as_str().unwrap().to_owned();
    }
    let records = world.told.all();
    let kinds: BTreeSet<_> =
        records.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["decision", "started", "turned_away"].into());
    let one: BTreeSet<_> =
        records.iter().map(|record| record["instance"].as_str().unwrap()).collect();
    assert_eq!(one.len(), 1);
    for record in &records {
        assert_eq!(record["config_hash"], *world.config().fingerprint);
    }
}

#[tokio::test]
async fn a_record_says_where_its_list_came_from_and_whether_refusals_were_enforced() {
    let mut world = World::start().await;
    assert_eq!(world.verdict("ann", "staff").await["cache"], "miss");
    let known = world.verdict("ann", "staff").await;
    assert_eq!((&known["cache"], &known["mode"]), (&"hit".into(), &"enforce".into()));
    assert_eq!(known["room_type"], "group");
    assert_eq!(known["webhook_id"].as_str().unwrap().len(), 36);
    world.close().await;
    let observing = "{mode: observe, observe_until: 2099-01-01, allowed_orgs: [example]}";
    let soon =
        jiff::Timestamp::now().checked_add(Duration::from_hours(48)).unwrap().strftime("%Y-%m-%d");
    let observing = observing.replace("2099-01-01", &soon.to_string());
    let world = Setup::new().with("policy", &observing).start().await;
    let passed = world.verdict("tom", "partners").await;
    assert_eq!((&passed["mode"], &passed["would"]), (&"observe".into(), &"outside_org".into()));
    eventually!(world.bot.count() == 1);
}
