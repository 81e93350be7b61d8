//! What each caller is told, whether the bot is called, and what the record says: every row of the table, for both
//! ways in which a route can answer.

use std::time::Duration;

use botwarden::simulator::{Misbehaviour, RetryAfter};
use serde_json::json;

use crate::harness::bot::Manner;
use crate::harness::wire::Answer;
use crate::harness::{Setup, World, eventually};

const WAYS: [&str; 2] = ["answer: accepted", "answer: delivered, answer_within: 5s"];
const DELIVERED: &str = WAYS[1];

fn both() -> impl Iterator<Item = Setup> {
    WAYS.into_iter().map(|way| Setup::new().route(way))
}

/// 200 without a word, the bot not called, and one record of this.
async fn kept_from_the_bot(world: &World, answer: &Answer, verdict: &str, reason: &str) {
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{reason}: {answer:?}");
    world.settled().await;
    assert_eq!(world.bot.count(), 0, "{reason}");
    let told = world.told.records();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(world.told.count(verdict, reason), 1, "{told:?}");
}

#[tokio::test]
async fn a_clean_event_is_200_without_the_bots_words() {
    for setup in both() {
        let world = setup.start().await;
        let answer = world.say("ann", "staff").await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
        world.bot.got(1).await;
        world.settled().await;
        assert_eq!(world.told.count("allow", "all_members_allowed"), 1);
    }
}

#[tokio::test]
async fn accepted_does_not_wait_for_the_bot() {
    let world = World::start().await;
    world.bot.usually(Manner::Hangs);
    assert_eq!(world.say("ann", "staff").await.status, 200);
    world.bot.got(1).await;
    assert_eq!(world.house().waiting(), 1);
}

#[tokio::test]
async fn delivered_waits_for_the_bot_but_not_longer_than_answer_within() {
    let world = Setup::new().route("answer: delivered, answer_within: 300ms").start().await;
    world.bot.next([Manner::Waits]);
    assert_eq!(world.say("ann", "staff").await.status, 200);
    assert_eq!((world.bot.count(), world.house().waiting()), (1, 1), "the bot is still at it");
    world.bot.release();
    world.settled().await;
    assert_eq!(world.told.count("allow", "all_members_allowed"), 1);
}

#[tokio::test]
async fn a_bot_that_answers_with_an_error_has_the_event() {
    for (setup, status) in both().zip([200, 502]) {
        let world = setup.start().await;
        world.bot.usually(Manner::Answers(500));
        assert_eq!(world.say("ann", "staff").await.status, status);
        world.bot.got(1).await;
        world.settled().await;
        assert_eq!(world.told.count("allow", "all_members_allowed"), 1);
        let series = ["upstream_request_duration_seconds_count", "code=\"5xx\""];
        assert!((world.metric(&series).await - 1.0).abs() < 0.1, "its status is not ignored");
    }
}

#[tokio::test]
async fn a_bot_that_does_not_answer_in_time_has_the_event() {
    let upstream = "{url: 'BOT', timeout: 200ms, retry: {from: 20ms, up_to: 40ms}}";
    for (setup, status) in both().zip([200, 502]) {
        let world = setup.upstream(upstream).start().await;
        world.bot.usually(Manner::Hangs);
        assert_eq!(world.say("ann", "staff").await.status, status);
        world.settled().await;
        world.bot.got(1).await;
        let series = ["upstream_request_duration_seconds_count", "upstream_timeout"];
        assert!((world.metric(&series).await - 1.0).abs() < 0.1);
    }
}

#[tokio::test]
async fn a_bot_that_cannot_be_reached_is_tried_again_and_the_caller_is_told_200() {
    for way in ["answer: accepted", "answer: delivered, answer_within: 200ms"] {
        let mut world = Setup::new().route(way).start().await;
        let address = world.bot.stop().await;
        assert_eq!(world.say("ann", "staff").await.status, 200, "{way}");
        assert_eq!(world.house().waiting(), 1);
        world.bot = crate::harness::bot::Bot::start_at(address);
        world.bot.got(1).await;
        world.settled().await;
        assert_eq!(world.told.count("allow", "all_members_allowed"), 1, "one record, two tries");
    }
}

#[tokio::test]
async fn a_guest_in_the_room() {
    for setup in both() {
        let world = setup.start().await;
        let answer = world.say("ann", "partners").await;
        kept_from_the_bot(&world, &answer, "deny", "outside_org").await;
        let record = world.told.decisions().remove(0);
        assert_eq!(
            (&record["outsiders"], &record["outsider_orgs"]),
            (&json!(1), &json!(["contoso"]))
        );
    }
}

#[tokio::test]
async fn lists_that_prove_nothing() {
    let faults = [
        // The last item of the town hall is of a person, that of the staff room of the bot.
        ("townhall", Misbehaviour::OmitsOrg, "org_missing"),
        ("townhall", Misbehaviour::ItemErrors, "org_missing"),
        ("staff", Misbehaviour::ModeratorsOnly, "room_empty"),
        ("staff", Misbehaviour::OmitsCaller, "room_incomplete"),
        ("townhall", Misbehaviour::ForeignItem, "room_incomplete"),
        ("staff", Misbehaviour::EmptyPage, "room_incomplete"),
        ("staff", Misbehaviour::LoopingNextLink, "room_incomplete"),
    ];
    for (room, fault, reason) in faults {
        for setup in both() {
            let world = setup.start().await;
            world.fault(fault.clone());
            let answer = world.say("ann", room).await;
            kept_from_the_bot(&world, &answer, "deny", reason).await;
        }
    }
}

#[tokio::test]
async fn a_room_that_webex_does_not_know() {
    for setup in both() {
        let world = setup.start().await;
        let message = world.message("ann", "staff");
        world.control.leave("staff", "helpdesk").unwrap();
        let answer = world.send(&message.body).await;
        kept_from_the_bot(&world, &answer, "deny", "room_unknown").await;
    }
}

#[tokio::test]
async fn a_room_that_is_too_large() {
    for setup in both() {
        let policy = "{allowed_orgs: [example], max_members: 251}";
        let world = setup.with("policy", policy).start().await;
        let answer = world.say("ann", "townhall").await;
        kept_from_the_bot(&world, &answer, "deny", "room_too_large").await;
    }
}

type Change = fn(&mut serde_json::Value);

#[tokio::test]
async fn events_that_show_by_themselves_that_they_may_not_pass() {
    let other = "11111111-2222-4333-8444-555555555555";
    let cases: [(&str, &str, Change); 7] = [
        ("deny", "resource_denied", |event| event["resource"] = json!("meetings")),
        ("deny", "resource_denied", |event| {
            (event["resource"], event["event"]) = (json!("memberships"), json!("deleted"));
        }),
        ("deny", "no_room", |event| event["data"]["roomId"] = json!(null)),
        ("deny", "event_too_old", |event| {
            event["data"]["created"] = json!("2020-01-01T00:00:00.000Z");
        }),
        ("deny", "event_from_future", |event| {
            event["data"]["created"] = json!("2100-01-01T00:00:00Z");
        }),
        ("deny", "malformed", |event| event["data"]["personId"] = json!(7)),
        ("deny", "malformed", |event| event["data"] = json!([])),
    ];
    for (verdict, reason, change) in cases {
        for setup in both() {
            let world = setup.start().await;
            let answer = world.send(world.altered("ann", "staff", change)).await;
            kept_from_the_bot(&world, &answer, verdict, reason).await;
            assert_eq!(world.readings(), 0, "{reason}");
        }
    }
    for setup in both() {
        let world = setup.start().await;
        let foreign = |event: &mut serde_json::Value| event["createdBy"] = json!(other);
        let answer = world.send(world.altered("ann", "staff", foreign)).await;
        kept_from_the_bot(&world, &answer, "deny", "wrong_webhook").await;
    }
}

#[tokio::test]
async fn signed_rubbish_is_malformed() {
    for setup in both() {
        let world = setup.start().await;
        let answer = world.send(b"\xff not json").await;
        kept_from_the_bot(&world, &answer, "deny", "malformed").await;
    }
}

#[tokio::test]
async fn somebody_who_is_not_in_the_room() {
    for setup in both() {
        let world = setup.start().await;
        let bob = world.control.person("bob").unwrap().id;
        let body = world.altered("ann", "launch", |event| event["data"]["personId"] = json!(bob));
        kept_from_the_bot(&world, &world.send(body).await, "deny", "sender_not_in_room").await;
    }
}

#[tokio::test]
async fn the_bots_own_message() {
    for setup in both() {
        let world = setup.start().await;
        let answer = world.say("helpdesk", "staff").await;
        kept_from_the_bot(&world, &answer, "skip", "self").await;
        assert_eq!(world.readings(), 0);
    }
}

#[tokio::test]
async fn a_duplicate() {
    for setup in both() {
        let world = setup.start().await;
        let message = world.message("ann", "staff");
        assert_eq!(world.send(&message.body).await.status, 200);
        world.bot.got(1).await;
        world.settled().await;
        assert_eq!(world.send(&message.body).await.status, 200);
        world.settled().await;
        world.bot.got(1).await;
        assert_eq!(world.told.count("skip", "duplicate"), 1);
    }
}

#[tokio::test]
async fn what_cannot_be_checked_is_neither_yes_nor_no_and_expires_with_a_record() {
    let seconds = Some(RetryAfter::Seconds(30));
    let faults = [
        (Misbehaviour::ServerError { status: 502 }, "webex_unavailable"),
        (Misbehaviour::TooManyRequests { retry_after: seconds }, "webex_rate_limited"),
        (Misbehaviour::Hangs, "check_timeout"),
        (Misbehaviour::HtmlPage { status: 401 }, "token_refused"),
    ];
    for (fault, reason) in faults {
        for (setup, status) in both().zip([200, 503]) {
            let short = |config: &mut botwarden::config::Config| {
                config.inbox.max_age = Duration::from_millis(700);
                config.webex.timeout = Duration::from_millis(200);
            };
            let world = setup.adjust(short).start().await;
            world.fault(fault.clone());
            let answer = world.say("ann", "staff").await;
            assert_eq!(answer.status, status, "{reason}");
            assert_eq!(answer.header("retry-after").is_some(), status == 503);
            eventually!(world.told.count("expired", reason) == 1);
            world.settled().await;
            assert_eq!((world.bot.count(), world.told.records().len()), (0, 1), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_full_inbox_is_503_and_said_so() {
    for way in ["answer: accepted", "answer: delivered, answer_within: 100ms"] {
        let setup = Setup::new().route(way).with("inbox", "{max_events: 1}");
        let world = setup.start().await;
        world.bot.next([Manner::Waits]);
        assert_eq!(world.say("ann", "staff").await.status, 200);
        world.bot.got(1).await;
        let message = world.message("ann", "launch");
        let answer = world.send(&message.body).await;
        assert_eq!(
            (answer.status, answer.header("retry-after").is_some()),
            (503, true),
            "{answer:?}"
        );
        assert_eq!(world.told.count("deny", "overloaded"), 1);
        world.bot.release();
        world.settled().await;
        assert_eq!(world.send(&message.body).await.status, 200, "it was not marked as seen");
        world.bot.got(2).await;
    }
}

#[tokio::test]
async fn more_events_that_somebody_waits_for_than_may_be_at_once() {
    let server = "{listen: '127.0.0.1:0', max_in_flight: 1, drain_grace: 0s}";
    let world = Setup::new().route(DELIVERED).with("server", server).start().await;
    world.bot.next([Manner::Waits]);
    let first = world.message("ann", "staff");
    let others = [(); 3].map(|()| world.message("ann", "launch"));
    let waiting = world.send(&first.body);
    let busy = async {
        eventually!(world.bot.count() == 1);
        for other in &others {
            assert_eq!(world.send(&other.body).await.status, 503);
        }
        assert_eq!(world.send(b"{}").await.status, 200, "none that somebody should send again");
        world.bot.release();
    };
    let (first, ()) = tokio::join!(waiting, busy);
    assert_eq!(first.status, 200);
    let mut records = world.told.decisions();
    assert!(records.iter().any(|record| record["reason"] == "malformed"), "{records:?}");
    records.retain(|record| record["reason"] == "overloaded");
    let mut ids: Vec<_> = records.iter().map(|one| one["decision_id"].to_string()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each has a record of its own: {records:?}");
    assert!(records.iter().all(|record| record["resource"] == "messages"), "{records:?}");
}
