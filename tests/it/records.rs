//! What is written down: one record for each verdict, before the bot is called, and never a secret.

use std::time::Duration;

use botwarden::config::Config;
use botwarden::gate::event::Resource;
use botwarden::gate::policy::Demand;
use botwarden::simulator::Misbehaviour;

use crate::harness::bot::Manner;
use crate::harness::event::{OLD_SECRET, SECRET, SIGNING, mac, sha256};
use crate::harness::told::log;
use crate::harness::{Setup, World, eventually};

async fn readyz_becomes(world: &World, status: u16) {
    let becomes = async {
        while world.ops("/readyz").await.status != status {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::harness::patience(), becomes).await.unwrap();
}

#[tokio::test]
async fn invariant_10_nothing_passes_while_records_cannot_be_written() {
    let world = World::start().await;
    world.told.breaks();
    world.verdict_less("tom", "partners").await; // the record that gets stuck
    readyz_becomes(&world, 503).await;
    world.say("ann", "staff").await;
    readyz_becomes(&world, 503).await;
    assert_eq!(world.bot.count(), 0);
    world.told.mends();
    world.bot.got(1).await;
    readyz_becomes(&world, 200).await;
    assert!(world.metric(&["botwarden_deferred_total", "log_unwritable"]).await > 0.5);
    assert_eq!(world.told.count("deny", "outside_org"), 1, "what was stuck is not lost");
    assert_eq!(world.told.count("allow", "all_members_allowed"), 1);
}

#[tokio::test]
async fn a_record_says_that_nobody_was_asked_and_why_that_is_enough() {
    let unasked = |config: &mut Config| {
        let demand = Demand::SignatureOnly { because: "ids only".into() };
        for route in config.routes.values_mut() {
            route.policy.demands.resources.insert(Resource::Messages, demand.clone());
        }
    };
    let world = Setup::new().adjust(unasked).start().await;
    let record = world.verdict_on(&world.message("ann", "partners").body).await;
    world.bot.got(1).await;
    let said = ["verdict", "reason", "because"].map(|field| record[field].as_str().unwrap());
    assert_eq!(said, ["allow", "signature_only", "ids only"]);
    assert!(record["members"].is_null() && world.readings() == 0, "{record}");
}

#[tokio::test]
async fn regression_the_inbox_gauge_comes_down_again() {
    let world = World::start().await;
    world.bot.next([Manner::Waits]);
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    assert!((world.metric(&["botwarden_inbox_events"]).await - 1.0).abs() < 0.1);
    world.bot.release();
    world.settled().await;
    assert!(world.metric(&["botwarden_inbox_events"]).await < 0.1);
}

#[tokio::test]
async fn invariant_10_a_record_tells_what_was_decided_and_on_what_it_rests() {
    let world = World::start().await;
    let message = world.message("ann", "townhall");
    let record = world.verdict_on(&message.body).await;
    let request = world.bot.got(1).await.remove(0);
    assert_eq!(
        Some(record["decision_id"].as_str().unwrap()),
        request.header("botwarden-decision-id").as_deref()
    );
    assert_eq!((&record["route"], &record["bot"]), (&"helpdesk".into(), &"helpdesk".into()));
    assert_eq!((&record["resource"], &record["event"]), (&"messages".into(), &"created".into()));
    assert_eq!((&record["verdict"], &record["members"]), (&"allow".into(), &252.into()));
    assert_eq!(record["body_sha256"], sha256(message.body.as_bytes()));
    assert!(record["cache_age_s"].is_number() && record["check_s"].is_number(), "{record}");
    let again = world.verdict("tom", "partners").await;
    assert_ne!(again["decision_id"], record["decision_id"]);
}

#[tokio::test]
async fn invariant_10_the_record_is_there_before_the_bot_is_called() {
    let world = World::start().await;
    world.bot.usually(Manner::Hangs);
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    assert_eq!(world.told.count("allow", "all_members_allowed"), 1, "the bot has not answered yet");
}

#[tokio::test]
async fn invariant_10_a_verdict_that_changes_between_tries_is_recorded_again() {
    let world = Setup::new().with("cache", "{allow_ttl: 0s}").start().await;
    world.bot.usually(Manner::Answers(503));
    world.say("ann", "staff").await;
    eventually!(world.bot.count() >= 2);
    world.control.join("staff", "tom").unwrap();
    world.settled().await;
    let told = world.told.decisions();
    let reasons: Vec<_> = told.iter().map(|record| record["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["all_members_allowed", "outside_org"]);
    assert_eq!(told[0]["decision_id"], told[1]["decision_id"]);
}

/// Everything that the gateway writes anywhere, at the most talkative level, after everything that can go wrong.
#[tokio::test]
async fn invariant_8_no_secret_no_signature_and_no_address_is_ever_written() {
    let bots =
        "{helpdesk: {token: {env: TOKEN}, webhook_secret: [{env: SECRET}, {env: OLD_SECRET}]}}";
    let upstream = "{url: 'BOT', timeout: 300ms, retry: {from: 20ms, up_to: 40ms}, \
                    sign: {secret: {env: SIGNING}}, headers: {x-api-key: a-key-for-the-bot}}";
    let short = |config: &mut Config| {
        config.inbox.max_age = Duration::from_millis(600);
        config.webex.timeout = Duration::from_millis(200);
    };
    let setup = Setup::new().with("bots", bots).upstream(upstream).adjust(short);
    let mut world = setup.start().await;
    let bodies = everything_that_can_go_wrong(&world).await;
    let pages = world.ops("/metrics").await.text() + &world.ops("/readyz?verbose").await.text();
    world.close().await;
    let written = world.told.text() + &log() + &pages;
    assert!(
        written.contains("expired") && written.contains("outside_org") && log().contains("TRACE")
    );
    let signatures = bodies.iter().map(|body| mac(SECRET.as_bytes(), body.as_bytes()));
    let fixed = [
        "sim-token-helpdesk",
        SECRET,
        OLD_SECRET,
        SIGNING,
        "a-key-for-the-bot",
        "whsec_",
        "ann@example.com",
        "tom@contoso.example",
        "helpdesk@webex.bot",
        "Ann Example",
        "Tom Contoso",
    ];
    for secret in fixed.into_iter().map(str::to_owned).chain(signatures) {
        let line = written.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret} was written");
    }
}

async fn everything_that_can_go_wrong(world: &World) -> Vec<String> {
    let mut bodies = Vec::new();
    let manners =
        [Manner::Answers(200), Manner::Answers(500), Manner::Hangs, Manner::Resets, Manner::Closes];
    for manner in manners {
        world.bot.next([manner]);
        bodies.push(world.message("ann", "staff").body);
        world.send(bodies.last().unwrap()).await;
        world.settled().await;
    }
    bodies.push(world.message("tom", "partners").body);
    world.send(bodies.last().unwrap()).await;
    world.send(bodies.last().unwrap()).await;
    world.post("/hook", &[("x-spark-signature", &mac(b"x", b"y"))], bodies[0].as_bytes()).await;
    let thief = "http://127.0.0.1:1".to_owned();
    for fault in [
        Misbehaviour::ServerError { status: 401 },
        Misbehaviour::HtmlPage { status: 500 },
        Misbehaviour::ForeignNextLink { origin: thief },
        Misbehaviour::DropsConnection,
        Misbehaviour::TruncatesBody,
        Misbehaviour::Hangs,
    ] {
        world.fault(fault);
        bodies.push(world.message("ann", "launch").body);
        world.send(bodies.last().unwrap()).await;
        world.settled().await;
        world.control.clear_faults();
    }
    bodies
}

#[tokio::test]
async fn invariant_11_what_was_answered_200_has_an_end_on_record() {
    let short = |config: &mut Config| config.inbox.max_age = Duration::from_millis(500);
    let mut world = Setup::new().adjust(short).start().await;
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    world.settled().await;
    world.bot.stop().await;
    world.say("ann", "staff").await;
    world.say("tom", "partners").await;
    world.settled().await;
    assert_eq!(world.told.count("expired", "upstream_unreachable"), 1);
    assert_eq!(world.told.count("deny", "outside_org"), 1);
    assert_eq!(
        world.told.count("allow", "all_members_allowed"),
        2,
        "the one that expired was allowed before"
    );
}
