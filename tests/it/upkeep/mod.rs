//! What the gateway does by itself about rooms: it audits them, and leaves those that have outsiders for sure.

mod rail;
mod stays;

use std::time::Duration;

use botwarden::config::{Audit, Config, Leave, MaxLeave, Reports};
use botwarden::simulator::{CallRecord, Fault, Misbehaviour, RetryAfter};
use serde_json::Value;
use tokio::time::Instant;

use crate::harness::event::SECRET;
use crate::harness::told::{log, own_log};
use crate::harness::{PEOPLE, Setup, World, eventually, patience};

/// Changes what is configured about the rooms of every bot.
pub(crate) fn audits(change: impl Fn(&mut Audit) + Send + 'static) -> impl Fn(&mut Config) {
    move |config| {
        for bot in config.bots.values_mut() {
            bot.audit.requests_per_second = 10_000;
            change(&mut bot.audit);
        }
    }
}

pub(crate) fn leaves(most: usize) -> impl Fn(&mut Config) {
    audits(move |audit| {
        (audit.leave, audit.max_leave) = (Leave::Confirmed, MaxLeave::Rooms(most));
    })
}

fn often(audit: &mut Audit) {
    (audit.every, audit.at) = (Some(Duration::from_millis(200)), None);
}

pub(crate) async fn leaving() -> World {
    let world = Setup::new().adjust(leaves(10)).start().await;
    world.subscribe("memberships", "created");
    world
}

pub(crate) fn calls(world: &World, method: &str) -> Vec<CallRecord> {
    let mut calls = world.control.calls();
    calls.retain(|call| call.method == method);
    calls
}

/// Lists of one room, page by page; not where one member is looked up.
pub(crate) fn lists(world: &World) -> Vec<CallRecord> {
    let mut calls = calls(world, "GET");
    let whole =
        |call: &CallRecord| call.query.contains("roomId") && !call.query.contains("personId");
    calls.retain(|call| call.path == "/memberships" && whole(call));
    calls
}

pub(crate) fn inside(world: &World, room: &str) -> bool {
    world.control.room(room).unwrap().members.contains(&"helpdesk".to_owned())
}

pub(crate) fn departures(world: &World) -> Vec<Value> {
    let mut records = world.told.records();
    records.retain(|record| record["audit"] == "room_left");
    records
}

/// A message after which somebody is still refused: the first verdict on it.
async fn refused(world: &World, person: &str, room: &str) -> Instant {
    let about_messages = |record: &Value| record["resource"] == "messages";
    let verdicts = || world.told.decisions().into_iter().filter(about_messages).collect::<Vec<_>>();
    let before = verdicts().len();
    assert_eq!(world.say(person, room).await.status, 200);
    eventually!(verdicts().len() > before);
    let at = Instant::now();
    let last = verdicts().pop().unwrap();
    assert_eq!((&last["verdict"], &last["reason"]), (&"deny".into(), &"outside_org".into()));
    at
}

/// No address, no name, no title and no secret of anybody was written down.
pub(crate) fn discreet(world: &World) {
    let told = world.told.text() + &log();
    let words = ["@contoso.example", "Tom Contoso", "Fred Free", "sim-token-", SECRET, "Partners"];
    for word in words {
        assert!(!told.contains(word), "{word}");
    }
}

#[tokio::test]
async fn gw_b9_an_outsider_who_joins_is_refused_within_a_second() {
    let world = leaving().await;
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    // What is refused from now on is refused because of the event: nothing can be read.
    world.fault(Misbehaviour::ServerError { status: 500 });
    let joined = Instant::now();
    world.control.join("staff", "tom").unwrap();
    eventually!(world.control.deliveries().iter().any(|delivery| delivery.status == Some(200)));
    let took = refused(&world, "ann", "staff").await - joined;
    println!("from the event to the refusal of a following message: {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(inside(&world, "staff"), "nothing is left on an error");
}

#[tokio::test]
async fn gw_b9_and_the_bot_leaves_after_confirmation() {
    let world = leaving().await;
    world.control.join("staff", "tom").unwrap();
    refused(&world, "ann", "staff").await;
    eventually!(!inside(&world, "staff"));
    let read: Vec<jiff::Timestamp> = lists(&world).iter().map(|c| c.at.parse().unwrap()).collect();
    let apart = Duration::try_from(*read.last().unwrap() - read[0]).unwrap();
    assert!(read.len() >= 2 && apart >= Duration::from_millis(1990), "two lists: {apart:?}");
    eventually!(departures(&world).len() == 1);
    let record = departures(&world).pop().unwrap();
    assert_eq!((&record["state"], &record["reason"]), (&"done".into(), &"left".into()));
    assert_eq!(record["outsiders"], 1);
    assert_eq!(calls(&world, "DELETE").len(), 1);
    assert!(world.metric(&["botwarden_departures_total", "done"]).await > 0.5);
    assert!(inside(&world, "launch"), "no other room is left");
    discreet(&world);
}

/// Beside a bot that leaves, so that it is known how long it would have taken.
#[tokio::test]
async fn a_bot_that_is_not_told_to_leave_never_leaves() {
    let stays = Setup::new().adjust(audits(|audit| audit.leave = Leave::Never)).start().await;
    stays.subscribe("memberships", "created");
    stays.control.join("staff", "tom").unwrap();
    refused(&stays, "ann", "staff").await;
    let world = leaving().await;
    world.control.join("staff", "tom").unwrap();
    eventually!(!inside(&world, "staff"));
    assert!(inside(&stays, "staff") && calls(&stays, "DELETE").is_empty());
    refused(&stays, "ann", "staff").await;
}

#[tokio::test]
async fn a_bot_that_observes_leaves_nothing() {
    let until = std::time::SystemTime::now() + Duration::from_hours(1);
    let observing = move |config: &mut Config| {
        let routes = config.routes.values_mut();
        routes.for_each(|r| r.policy.mode = botwarden::gate::policy::Mode::Observe { until });
    };
    let stays = Setup::new().adjust(leaves(10)).adjust(observing).start().await;
    stays.subscribe("memberships", "created");
    stays.control.join("staff", "tom").unwrap();
    let world = leaving().await;
    world.control.join("staff", "tom").unwrap();
    eventually!(!inside(&world, "staff"));
    assert!(inside(&stays, "staff") && lists(&stays).len() <= 1);
}

#[tokio::test]
async fn a_storm_of_429_after_somebody_joined_makes_the_bot_leave_nothing() {
    let world = leaving().await;
    world.control.fault(
        Fault::new(Misbehaviour::TooManyRequests { retry_after: Some(RetryAfter::Seconds(1)) })
            .on("/memberships"),
    );
    for room in ["staff", "launch", "townhall"] {
        world.control.join(room, "tom").unwrap();
    }
    let turned_away = || calls(&world, "GET").iter().filter(|c| c.status == Some(429)).count();
    eventually!(turned_away() >= 5 && own_log().contains("the bot stays in a room"));
    refused(&world, "ann", "staff").await;
    assert!(["staff", "launch", "townhall"].iter().all(|room| inside(&world, room)));
    assert!(calls(&world, "DELETE").is_empty() && calls(&world, "PUT").is_empty());
    assert!(world.metric(&["botwarden_departures_total"]).await < 0.5);
}

#[tokio::test]
async fn a_second_list_that_cannot_be_read_confirms_nothing() {
    let world = leaving().await;
    world.control.join("staff", "tom").unwrap();
    eventually!(!lists(&world).is_empty());
    world.fault(Misbehaviour::OmitsOrg);
    eventually!(own_log().contains("the list is not complete"));
    assert!(inside(&world, "staff") && calls(&world, "DELETE").is_empty());
    refused(&world, "ann", "staff").await;
}

#[tokio::test]
async fn an_outsider_who_leaves_between_the_two_lists_is_no_reason_to_leave() {
    let world = leaving().await;
    world.control.join("staff", "tom").unwrap();
    eventually!(!lists(&world).is_empty());
    world.control.leave("staff", "tom").unwrap();
    eventually!(own_log().contains("there is no outsider in it (any more)"));
    assert!(inside(&world, "staff") && calls(&world, "DELETE").is_empty());
}

#[tokio::test]
async fn a_direct_room_is_hidden_once_and_not_at_every_message() {
    let world = leaving().await;
    refused(&world, "fred", "fred-helpdesk").await;
    eventually!(departures(&world).len() == 1);
    assert_eq!(departures(&world)[0]["reason"], "hidden");
    refused(&world, "fred", "fred-helpdesk").await;
    // Rooms wait in one line: what came before this one is over when it is left.
    refused(&world, "ann", "partners").await;
    eventually!(!inside(&world, "partners"));
    assert_eq!((calls(&world, "PUT").len(), calls(&world, "DELETE").len()), (1, 1));
    assert!(inside(&world, "fred-helpdesk"));
}

#[tokio::test]
async fn no_more_rooms_are_left_in_a_day_than_may_be() {
    let world = Setup::new().adjust(leaves(1)).start().await;
    world.subscribe("memberships", "created");
    refused(&world, "ann", "partners").await;
    eventually!(!inside(&world, "partners"));
    world.control.join("staff", "tom").unwrap();
    eventually!(own_log().contains("rooms were left within a day"));
    assert!(inside(&world, "staff") && calls(&world, "DELETE").len() == 1);
    refused(&world, "ann", "staff").await;
}

#[tokio::test]
async fn what_the_file_says_is_what_is_done() {
    let bots = "{helpdesk: {token: {env: TOKEN}, webhook_secret: {env: SECRET}, \
                 audit: {leave_rooms_with_outsiders: confirmed, max_leave: 10%}}}";
    let policy = "{allowed_orgs: [example], on_deny: {refused: I am silent here.}}";
    let world = Setup::new().with("bots", bots).with("policy", policy).start().await;
    refused(&world, "ann", "partners").await;
    eventually!(!inside(&world, "partners"));
    let said = world.control.messages("partners").unwrap();
    assert!(said.iter().any(|message| message.text == "I am silent here."));
    // Ten of a hundred of no room that was counted yet is one.
    refused(&world, "fred", "fred-helpdesk").await;
    eventually!(own_log().contains("rooms were left within a day"));
}

#[tokio::test]
async fn a_bot_that_is_added_to_a_room_with_outsiders_leaves_it() {
    let people = format!("{PEOPLE}\nrooms: {{fresh: {{title: F, members: [tom, ann]}}}}");
    let world = Setup::new().people(&people).adjust(leaves(10)).start().await;
    world.subscribe("memberships", "created");
    world.control.join("fresh", "helpdesk").unwrap();
    eventually!(!inside(&world, "fresh"));
    world.control.join("fresh", "helpdesk").unwrap();
    eventually!(calls(&world, "DELETE").len() == 2);
}

const TWO_BOTS: &str = "{helpdesk: {token: {env: TOKEN}, webhook_secret: {env: SECRET}}, \
                        broken: {token: {env: BROKEN}, webhook_secret: {env: SECRET}}}";
const TWO_ROUTES: &str =
    "{helpdesk: ROUTE, broken: {path: /broken, bot: broken, upstream: {url: 'BOT'}}}";

fn reports(dir: &std::path::Path) -> Reports {
    Reports { dir: dir.to_owned(), keep: Duration::from_hours(1) }
}

fn newest(dir: &std::path::Path) -> Option<Value> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    serde_json::from_slice(&std::fs::read(files.max()?).unwrap()).unwrap()
}

#[tokio::test]
async fn gw_b8_scheduled_audits_and_a_bot_whose_token_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().to_owned();
    let world = Setup::new()
        .with("bots", TWO_BOTS)
        .with("routes", TWO_ROUTES)
        .variable("BROKEN", "no-such-token-anywhere")
        .adjust(audits(move |audit| {
            often(audit);
            audit.reports = Some(reports(&dir));
        }))
        .start()
        .await;
    let of = |bot: &'static str, words: &'static str| {
        let bot = format!("bot=\"{bot}\"");
        let world = &world;
        async move { world.metric(&[&bot, words]).await }
    };
    let twice = async {
        while of("helpdesk", "botwarden_audits_total").await < 2.5
            || of("broken", "botwarden_audits_total").await < 1.5
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience(), twice).await.unwrap();
    let page = world.ops("/metrics").await.text();
    let value = |series: &str| -> f64 {
        let line = page.lines().find(|line| line.starts_with(series));
        line.unwrap_or_else(|| panic!("{series}\n{page}"))
            .rsplit_once(' ')
            .unwrap()
            .1
            .parse()
            .unwrap()
    };
    let rooms = |state| value(&format!("botwarden_rooms{{bot=\"helpdesk\",state=\"{state}\"}}"));
    assert_eq!(
        ["clean", "outsiders", "unknown"].map(|state| format!("{}", rooms(state))),
        ["4", "2", "0"]
    );
    assert!(value("botwarden_audit_last_success_timestamp_seconds{bot=\"helpdesk\"}") > 1.7e9);
    assert!(value("botwarden_audit_duration_seconds{bot=\"helpdesk\"}") > 0.0);
    assert!(value("botwarden_audit_last_success_timestamp_seconds{bot=\"broken\"}") < 1.0);
    assert!(value("botwarden_audits_total{bot=\"broken\",kind=\"rooms\",result=\"done\"}") < 0.5);
    assert!(value("botwarden_audits_total{bot=\"broken\",kind=\"rooms\",result=\"failed\"}") > 1.5);
    let found = |record: &Value| record["audit"] == "room_found" && record["bot"] == "helpdesk";
    assert!(
        world.told.records().into_iter().any(|r| found(&r) && r["outsider_orgs"][0] == "contoso")
    );
    eventually!(
        newest(place.path()).is_some_and(|report| report["rows"].as_array().unwrap().len() == 6)
    );
    assert!(
        calls(&world, "DELETE").is_empty() && calls(&world, "POST").is_empty(),
        "it only looks"
    );
    let told = world.told.text() + &log();
    assert!(!told.contains("no-such-token"));
    discreet(&world);
}

#[tokio::test]
async fn gw_b8_an_audit_leaves_after_confirmation_and_none_above_the_rail() {
    for (most, left) in [(1, 0), (2, 2)] {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().to_owned();
        let setup = Setup::new().adjust(leaves(most)).adjust(move |config| {
            let audit = &mut config.bots.values_mut().next().unwrap().audit;
            often(audit);
            audit.reports = Some(reports(&dir));
        });
        let world = setup.start().await;
        let done = if left == 0 { "none was left" } else { "the bot left a room with outsiders" };
        eventually!(own_log().matches(done).count() >= 2);
        let writes = (calls(&world, "DELETE").len(), calls(&world, "PUT").len());
        assert_eq!((writes.0 + writes.1, inside(&world, "partners")), (left, left == 0));
        assert!(["staff", "launch", "townhall"].iter().all(|room| inside(&world, room)));
    }
}

#[tokio::test]
async fn gw_b8_audits_do_not_overlap() {
    let hurried = audits(|audit| {
        (audit.every, audit.at) = (Some(Duration::from_millis(20)), None);
    });
    let world = Setup::new().at_once().adjust(hurried).start().await;
    world.control.fault(Fault::new(Misbehaviour::Slow { milliseconds: 100 }).on("/memberships"));
    let asked = || {
        let calls = calls(&world, "GET").into_iter().filter(|call| call.path == "/memberships");
        calls.map(|call| call.query.contains("roomId")).collect::<Vec<_>>()
    };
    eventually!(asked().iter().filter(|room| !**room).count() >= 5);
    let audit = [false, true, true, true, true, true, true];
    for (n, room) in asked().into_iter().enumerate() {
        assert_eq!(room, audit[n % audit.len()], "call {n}: {:?}", asked());
    }
}

#[tokio::test]
async fn gw_b7_who_added_the_bot_is_remembered_and_of_older_rooms_nothing_is_guessed() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().to_owned();
    let people = format!(
        "{PEOPLE}\nrooms: {{fresh: {{title: F, members: [tom, ann]}}, old: {{title: O, members: [tom, helpdesk]}}}}"
    );
    let setup = Setup::new().people(&people).adjust(audits(move |audit| {
        often(audit);
        audit.reports = Some(reports(&dir));
    }));
    let mut world = setup.start().await;
    world.subscribe("memberships", "created");
    world.control.join("fresh", "helpdesk").unwrap();
    let ledger = || std::fs::read_to_string(place.path().join("ledger.jsonl")).unwrap_or_default();
    let org = "5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22";
    eventually!(ledger().contains(org));
    world.control.leave("fresh", "tom").unwrap();
    world.reopen().await;
    let added = |room: &str| -> Option<Value> {
        let id = world.control.room(room).unwrap().id;
        let report = newest(place.path())?;
        let row =
            report["rows"].as_array().unwrap().iter().find(|row| row["room_id"] == *id)?.clone();
        Some(row["added_by"].clone())
    };
    eventually!(added("fresh").is_some_and(|added| added["org"] == "contoso"));
    assert_eq!(added("old").unwrap()["what"], "unknown");
    discreet(&world);
}
