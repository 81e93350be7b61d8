//! Mistakes that gateways of this kind have made. Those that have a better place are tested there, under their number.

use std::time::Duration;

use botwarden::simulator::Misbehaviour;
use serde_json::{Value, json};

use crate::harness::bot::Manner;
use crate::harness::event::{SECRET, mac};
use crate::harness::{Setup, World, eventually};

#[tokio::test]
async fn trap_02_the_signature_is_of_the_bytes_not_of_what_they_mean() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let value: Value = serde_json::from_str(&body).unwrap();
    let same_meaning = serde_json::to_string_pretty(&value).unwrap();
    let signature = mac(SECRET.as_bytes(), body.as_bytes());
    for other in [same_meaning, format!("{body}\n"), body.replace("https", "http")] {
        if other != body {
            let header = [("x-spark-signature", signature.as_str())];
            assert_eq!(world.post("/hook", &header, other.as_bytes()).await.status, 403);
        }
    }
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(world.send(&pretty).await.status, 200);
    assert_eq!(world.bot.got(1).await[0].body, pretty.as_bytes());
}

#[tokio::test]
async fn trap_04_an_error_of_webex_opens_nothing_in_any_mode() {
    for answer in ["answer: accepted", "answer: delivered, answer_within: 100ms"] {
        let world = Setup::new().route(answer).start().await;
        world.fault(Misbehaviour::ServerError { status: 503 });
        assert_eq!(world.say("ann", "partners").await.status, 200);
        eventually!(world.readings() >= 2);
        assert_eq!((world.bot.count(), world.house().waiting()), (0, 1));
    }
}

#[tokio::test]
async fn trap_05_the_bot_leaves_no_room_whatever_goes_wrong() {
    let world = World::start().await;
    for fault in [Misbehaviour::ServerError { status: 500 }, Misbehaviour::HtmlPage { status: 403 }]
    {
        world.fault(fault);
        world.say("ann", "launch").await;
        eventually!(world.readings() >= 1);
        world.control.clear_faults();
        world.settled().await;
    }
    world.verdict("ann", "partners").await;
    world.fault(Misbehaviour::OmitsCaller);
    world.verdict("ann", "staff").await;
    let calls = world.control.calls();
    assert!(calls.len() > 4 && calls.iter().all(|call| call.method == "GET"), "{calls:?}");
    assert!(world.control.room("partners").unwrap().members.contains(&"helpdesk".to_owned()));
}

#[tokio::test]
async fn trap_08_a_clean_sender_does_not_make_a_room_clean() {
    let world = World::start().await;
    for person in ["ann", "tom"] {
        assert_eq!(world.verdict(person, "partners").await["reason"], "outside_org", "{person}");
    }
    assert_eq!(world.bot.count(), 0);
}

/// A forged copy of an event is forged, and does not stand in the way of the real one.
#[tokio::test]
async fn trap_10_duplicates_are_looked_up_after_the_signature() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let wrong = mac(b"not the secret of this webhook", body.as_bytes());
    let forged = [("x-spark-signature", wrong.as_str())];
    assert_eq!(world.post("/hook", &forged, body.as_bytes()).await.status, 403);
    assert_eq!(world.send(&body).await.status, 200);
    world.bot.got(1).await;
    world.settled().await;
    assert_eq!(
        world.post("/hook", &forged, body.as_bytes()).await.status,
        403,
        "no oracle for what was seen"
    );
    assert_eq!(world.told.count("skip", "duplicate"), 0);
}

fn created(minutes_ago: i64) -> Value {
    let ago = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes_ago);
    json!(ago.to_string())
}

/// As stated: in memory, a restart forgets which events were seen. Their age bounds what can be replayed then.
#[tokio::test]
async fn trap_12_after_a_restart_a_replay_passes_until_it_is_too_old() {
    let mut world = World::start().await;
    let young = world.altered("ann", "staff", |event| event["data"]["created"] = created(9));
    assert_eq!(world.verdict_on(&young).await["reason"], "all_members_allowed");
    world.reopen().await;
    assert_eq!(world.verdict_on(&young).await["reason"], "all_members_allowed", "forgotten");
    assert_eq!(world.verdict_on(&young).await["reason"], "duplicate");
    let old = world.altered("ann", "staff", |event| event["data"]["created"] = created(11));
    assert_eq!(world.verdict_on(&old).await["reason"], "event_too_old");
    world.bot.got(2).await;
}

#[tokio::test]
async fn trap_13_what_the_bot_answered_is_told() {
    let world = World::start().await;
    let answers = [(200, 1.0), (204, 2.0), (301, 1.0), (400, 1.0), (404, 2.0), (500, 1.0)];
    for (status, of_class) in answers {
        world.bot.next([Manner::Answers(status)]);
        world.say("ann", "staff").await;
        world.settled().await;
        let code = format!("code=\"{}xx\"", status / 100);
        let count = world.metric(&["upstream_request_duration_seconds_count", &code]).await;
        assert!((count - of_class).abs() < 0.1, "{status}");
    }
    world.bot.got(6).await;
}

#[tokio::test]
async fn trap_15_events_from_the_future_have_a_limit() {
    let world = World::start().await;
    for (minutes, reason) in
        [(-1, "all_members_allowed"), (-3, "event_from_future"), (-60, "event_from_future")]
    {
        let body =
            world.altered("ann", "staff", |event| event["data"]["created"] = created(minutes));
        assert_eq!(world.verdict_on(&body).await["reason"], reason, "{minutes}");
    }
    let without = world.altered("ann", "staff", |event| event["data"]["created"] = json!(null));
    assert_eq!(world.verdict_on(&without).await["reason"], "malformed", "no date is no way around");
}

fn refused(setup: &Setup) -> String {
    format!("{:?}", setup.load("http://127.0.0.1:1/v1", "http://127.0.0.1:1").unwrap_err())
}

#[test]
fn trap_16_a_route_can_be_tighter_than_the_top_and_never_wider() {
    for policy in [
        "{allowed_orgs: [example, contoso]}",
        "{allowed_orgs: [contoso]}",
        "{app_users: allow}",
        "{max_members: 5001}",
        "{max_event_age: 11m}",
        "{resources: {memberships.deleted: room}}",
        "{resources: {meetings: {signature_only: {because: x}}}}",
        "{resources: {messages: {signature_only: {because: x}}}}",
    ] {
        let told = refused(&Setup::new().route(&format!("policy: {policy}")));
        assert!(told.contains("Wider") || told.contains("lets through more"), "{policy}: {told}");
    }
    for policy in [
        "{allowed_orgs: ['*']}",
        "{allowed_orgs: []}",
        "{}",
        "{allowed_orgs: [example], on_error: allow}",
    ] {
        refused(&Setup::new().with("policy", policy));
    }
    assert!(refused(&Setup::new().route("policy: {mode: observe}")).contains("mode"));
}

#[test]
fn trap_16_everybody_with_a_free_account_is_not_an_organisation() {
    let spellings = [
        "consumer",
        "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi9jb25zdW1lcg",
        "'Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi9jb25zdW1lcg=='",
    ];
    for id in spellings {
        let setup = Setup::new()
            .with("orgs", &format!("{{public: {id}}}"))
            .with("policy", "{allowed_orgs: [public]}");
        refused(&setup);
    }
}

#[test]
fn trap_17_no_store_is_called_durable_that_is_not() {
    for mode in ["disk", "shared", "durable"] {
        let told = refused(&Setup::new().with("inbox", &format!("{{mode: {mode}}}")));
        assert!(told.contains("memory"), "{told}");
    }
    assert!(
        Setup::new()
            .with("inbox", "{mode: memory}")
            .load("http://127.0.0.1:1/v1", "http://127.0.0.1:1")
            .is_ok()
    );
}

#[test]
fn trap_14_what_is_wrong_with_a_configuration_is_told_without_its_secrets() {
    let literal = "{helpdesk: {token: a-token-that-somebody-typed, webhook_secret: {env: a-secret-in-the-wrong-place}}}";
    let told = refused(&Setup::new().with("bots", literal));
    assert!(!told.contains("somebody-typed") && !told.contains("wrong-place"), "{told}");
    let token = "a token with spaces and\na line";
    let told = refused(&Setup::new().variable("TOKEN", token));
    assert!(told.contains("token") && !told.contains("with spaces"), "{told}");
    let config = Setup::new().load("http://127.0.0.1:1/v1", "http://127.0.0.1:1").unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("sim-token-helpdesk"), "{shown}");
}

/// The deadline of an event counts from its arrival, through every kind of trouble.
#[tokio::test]
async fn trouble_of_several_kinds_does_not_add_up_to_for_ever() {
    let short = |config: &mut botwarden::config::Config| {
        config.inbox.max_age = Duration::from_millis(1500);
        config.webex.timeout = Duration::from_millis(100);
    };
    let world = Setup::new().adjust(short).start().await;
    world.fault(Misbehaviour::Hangs);
    world.say("ann", "staff").await;
    eventually!(world.readings() >= 1);
    world.control.clear_faults();
    world.bot.usually(Manner::Answers(503));
    world.settled().await;
    assert_eq!(world.told.count("expired", "upstream_status"), 1);
}
