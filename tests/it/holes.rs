//! The holes of the scripts that this replaces, one by one: each must stay shut.

use std::time::Duration;

use botwarden::simulator::{Fault, Misbehaviour};
use serde_json::{Value, json};

use crate::harness::event::{SECRET, mac};
use crate::harness::wire::{call, post};
use crate::harness::{Setup, World, eventually};
use crate::outages::large_room;

#[tokio::test]
async fn a01_nobody_is_asked_before_the_signature_holds() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    for headers in [vec![], vec![("x-spark-signature", "0176f950d180d551ae4dc69409619d10c779a36a")]]
    {
        assert_eq!(world.post("/hook", &headers, body.as_bytes()).await.status, 403);
    }
    assert_eq!((world.questions(), world.bot.count()), (0, 0));
    assert_eq!(world.send(&body).await.status, 200);
    world.bot.got(1).await;
    assert_eq!(world.questions(), 1);
}

/// That the comparison takes the same time is checked in the sources, by `architecture.rs`.
#[tokio::test]
async fn a02_every_digit_of_the_signature_counts() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let right = mac(SECRET.as_bytes(), body.as_bytes());
    for at in 0..40 {
        let mut wrong = right.clone().into_bytes();
        wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
        let wrong = String::from_utf8(wrong).unwrap();
        let answer = world.post("/hook", &[("x-spark-signature", &wrong)], body.as_bytes()).await;
        assert_eq!(answer.status, 403, "digit {at}");
    }
}

#[tokio::test]
async fn a03_upper_case_is_fine_and_nothing_is_not() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let upper = mac(SECRET.as_bytes(), body.as_bytes()).to_uppercase();
    let answer = world.post("/hook", &[("x-spark-signature", &upper)], body.as_bytes()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.post("/hook", &[], body.as_bytes()).await.status, 403);
}

#[tokio::test]
async fn a04_an_empty_secret_signs_nothing_and_is_no_configuration() {
    for secret in ["", "tiny!", "fifteen bytes.."] {
        let problems = Setup::new()
            .variable("SECRET", secret)
            .load("http://127.0.0.1:1/v1", "http://127.0.0.1:1");
        let told = format!("{:?}", problems.unwrap_err());
        assert!(
            told.contains("webhook_secret") && (secret.is_empty() || !told.contains(secret)),
            "{told}"
        );
    }
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let empty = mac(b"", body.as_bytes());
    let answer = world.post("/hook", &[("x-spark-signature", &empty)], body.as_bytes()).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a05_a_room_id_cannot_bring_parameters_of_its_own() {
    let world = World::start().await;
    let (room, ann) =
        (world.control.room("partners").unwrap().id, world.control.person("ann").unwrap().id);
    for end in
        [format!("&personId={ann}&max=1"), "#".into(), "/../x".into(), " ".into(), "\u{e9}".into()]
    {
        let id = format!("{room}{end}");
        let body = world.altered("ann", "partners", |event| event["data"]["roomId"] = json!(id));
        assert_eq!(world.verdict_on(&body).await["verdict"], "deny", "{end}");
    }
    let asked: Vec<_> =
        world.control.calls().into_iter().filter(|call| call.path == "/memberships").collect();
    assert!(asked.iter().all(|call| !call.query.contains("personId")), "{asked:?}");
    assert_eq!(world.bot.count(), 0);
}

#[tokio::test]
async fn a06_an_outsider_on_the_last_page_is_seen() {
    for more in [98, 248, 1048, 2100] {
        let world = large_room(more).await;
        world.control.join("hall", "tom").unwrap();
        assert_eq!(world.verdict("ann", "hall").await["reason"], "outside_org", "{more}");
    }
}

#[tokio::test]
async fn a07_an_error_is_not_a_no_and_nobody_gets_a_500() {
    let world = World::start().await;
    world.fault(Misbehaviour::HtmlPage { status: 500 });
    assert_eq!(world.say("ann", "staff").await.status, 200);
    eventually!(world.readings() > 0);
    assert_eq!(world.told.records().len(), 0, "neither yes nor no");
    world.control.clear_faults();
    world.bot.got(1).await;
}

#[tokio::test]
async fn a08_one_slow_answer_of_webex_keeps_no_other_room_waiting() {
    let patient =
        |config: &mut botwarden::config::Config| config.webex.timeout = Duration::from_secs(20);
    let world = Setup::new().adjust(patient).start().await;
    world.control.fault(Fault::new(Misbehaviour::Hangs).on("/memberships").times(1));
    world.say("ann", "staff").await;
    eventually!(world.readings() == 1);
    world.say("ann", "launch").await;
    world.bot.got(1).await;
    eventually!(world.house().waiting() == 1);
}

#[tokio::test]
async fn a09_a_room_that_is_known_is_not_asked_about_again() {
    let world = World::start().await;
    for _ in 0..10 {
        world.verdict("ann", "staff").await;
    }
    assert_eq!((world.readings(), world.bot.count()), (1, 10));
}

#[tokio::test]
async fn a10_each_resource_is_asked_about_its_own_room() {
    let cases: [fn(&mut Value, Value); 4] = [
        |event, room| event["data"]["roomId"] = room,
        |event, room| {
            event["resource"] = json!("attachmentActions");
            event["data"]["roomId"] = room;
        },
        |event, room| {
            event["resource"] = json!("memberships");
            event["data"]["roomId"] = room;
        },
        |event, room| {
            (event["resource"], event["event"]) = (json!("rooms"), json!("updated"));
            event["data"] = json!({"id": room, "created": "2020-01-01T00:00:00Z"});
        },
    ];
    for change in cases {
        let world = World::start().await;
        for (room, reason) in [("staff", "all_members_allowed"), ("partners", "outside_org")] {
            let id = json!(world.control.room(room).unwrap().id);
            let body = world.altered("ann", room, |event| change(event, id));
            assert_eq!(world.verdict_on(&body).await["reason"], reason, "{body}");
        }
        world.bot.got(1).await;
    }
}

#[tokio::test]
async fn a11_a_replay_reaches_the_bot_once() {
    let world = World::start().await;
    world.subscribe("messages", "created");
    world.control.post("ann", "staff", "/help").unwrap();
    world.bot.got(1).await;
    world.settled().await;
    for _ in 0..3 {
        world.control.redeliver(1).unwrap();
    }
    eventually!(world.told.count("skip", "duplicate") == 3);
    world.bot.got(1).await;
}

#[tokio::test]
async fn a12_odd_headers() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let right = mac(SECRET.as_bytes(), body.as_bytes());
    let wrong = mac(b"not the secret of this webhook", body.as_bytes());
    let pairs = [(&right, &right), (&right, &wrong), (&wrong, &right)];
    for (first, second) in pairs {
        let headers =
            [("X-Spark-Signature", first.as_str()), ("x-spark-signature", second.as_str())];
        assert_eq!(world.post("/hook", &headers, body.as_bytes()).await.status, 403);
    }
    let list = format!("{right}, {right}");
    assert_eq!(
        world.post("/hook", &[("x-spark-signature", &list)], body.as_bytes()).await.status,
        403
    );
    let spaced = format!("  {right}\t ");
    assert_eq!(
        world.post("/hook", &[("X-SPARK-SIGNATURE", &spaced)], body.as_bytes()).await.status,
        200
    );
}

#[tokio::test]
async fn a13_the_bot_does_not_hear_itself() {
    let world = World::start().await;
    world.subscribe("messages", "created");
    world.control.post("helpdesk", "staff", "an answer").unwrap();
    eventually!(world.told.count("skip", "self") == 1);
    assert_eq!((world.bot.count(), world.questions()), (0, 0));
}

#[tokio::test]
async fn a14_allowed_organisations_need_not_all_be_there() {
    for (policy, staff, partners) in [
        ("{allowed_orgs: [example]}", "all_members_allowed", "outside_org"),
        ("{allowed_orgs: [example, contoso]}", "all_members_allowed", "all_members_allowed"),
        ("{allowed_orgs: [contoso]}", "outside_org", "outside_org"),
    ] {
        let world = Setup::new().with("policy", policy).start().await;
        assert_eq!(world.verdict("ann", "staff").await["reason"], staff, "{policy}");
        assert_eq!(world.verdict("ann", "partners").await["reason"], partners, "{policy}");
        assert_eq!(
            world.verdict("fred", "fred-helpdesk").await["reason"],
            "outside_org",
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a15_a_bad_signature_is_not_told_ok() {
    let world = World::start().await;
    world.subscribe("messages", "created");
    world.control.fault(Fault::new(Misbehaviour::WrongSignature).on("/messages"));
    world.control.post("ann", "staff", "/help").unwrap();
    eventually!(world.control.deliveries().len() == 1);
    assert_eq!(world.control.deliveries()[0].status, Some(403));
}

/// What can be done about it at this place: an event that tells of it acts at once, also on events that wait.
#[tokio::test]
async fn a16_a_change_between_check_and_delivery_is_seen_by_the_next_try() {
    let world = World::start().await;
    world.subscribe("memberships", "created");
    world.bot.usually(crate::harness::bot::Manner::Answers(503));
    world.say("ann", "staff").await;
    eventually!(world.bot.count() >= 1);
    world.control.join("staff", "tom").unwrap();
    world.settled().await;
    assert_eq!(world.told.count("deny", "outside_org"), 2, "the message and the event itself");
}

#[tokio::test]
async fn calls_side_by_side_on_one_connection_each_get_their_own_answer() {
    let world = World::start().await;
    let (good, bad) = (world.message("ann", "staff").body, b"{}");
    let signature = mac(SECRET.as_bytes(), good.as_bytes());
    let keep = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace("connection: close\r\n", "").into_bytes()
    };
    let first = keep(post("/hook", &[("x-spark-signature", &signature)], good.as_bytes()));
    let second = post("/hook", &[("x-spark-signature", &signature)], bad);
    let answer = call(world.address, &[first, second].concat()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().starts_with("HTTP/1.1 403"), "{}", answer.text());
}
