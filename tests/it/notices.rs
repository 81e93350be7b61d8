//! What the gateway says by itself: to whom, how often, and when not.

use std::time::{Duration, SystemTime};

use botwarden::config::{Config, Notices, Notify};
use botwarden::gate::id::RoomId;
use botwarden::gate::policy::Mode;
use botwarden::simulator::{
    CallRecord, Fault, Misbehaviour, Options, RetryAfter, Simulator, World as People,
};
use tokio::time::Instant;

use crate::harness::told::own_log;
use crate::harness::{Setup, World, eventually, patience};
use crate::upkeep::{audits, discreet};

const TEXT: &str = "There are guests in that space.";

/// Three texts in the room, and nobody is told beside it.
fn texts(config: &mut Config) {
    audits(|_| {})(config);
    config.notices = Notices {
        notify: Notify::None,
        text: TEXT.into(),
        at_most_every: Duration::from_hours(1),
        refused: Some("I am silent here.".into()),
        still_refused: Some("I am still silent here.".into()),
        allowed_again: Some("I listen again.".into()),
    };
}

/// No text in the room, and somebody is told beside it.
fn tells(notify: Notify) -> impl Fn(&mut Config) {
    move |config| {
        texts(config);
        let notices = &mut config.notices;
        (notices.refused, notices.still_refused, notices.allowed_again) = (None, None, None);
        notices.notify = notify.clone();
    }
}

/// A gateway that tells the operators in this room.
async fn telling(ops: &str) -> World {
    let running = Simulator::start(People::demo(), Options::default()).await.unwrap();
    let room = RoomId::parse(&running.control().room(ops).unwrap().id).unwrap();
    Setup::new().adjust(tells(Notify::OpsRoom(room))).start_in(running).await
}

/// What the bot said in a room.
fn said(world: &World, room: &str) -> Vec<String> {
    let messages = world.control.messages(room).unwrap().into_iter();
    messages.filter(|message| message.person == "helpdesk").map(|message| message.text).collect()
}

/// How often the bot said anything anywhere.
fn posts(world: &World) -> usize {
    let post = |call: &&CallRecord| call.method == "POST" && call.path == "/messages";
    world.control.calls().iter().filter(post).count()
}

async fn refused(world: &World, person: &str, room: &str) {
    assert_eq!(world.verdict(person, room).await["reason"], "outside_org");
}

#[tokio::test]
async fn gw_b10_the_operators_are_told_once_of_each_room() {
    let world = telling("launch").await;
    for _ in 0..3 {
        refused(&world, "ann", "partners").await;
    }
    // One after the other: when this room is told of, nothing more comes of the one before.
    refused(&world, "fred", "fred-helpdesk").await;
    eventually!(said(&world, "launch").len() >= 2);
    let messages = said(&world, "launch");
    assert_eq!(messages.len(), 2, "{messages:?}");
    let id = RoomId::parse(&world.control.room("partners").unwrap().id).unwrap().key();
    let expected = format!("{TEXT}\nBot: helpdesk\nRoom: {id}\nOrganisations: contoso");
    assert_eq!(messages[0], expected, "no title and no name");
    assert!(messages[1].ends_with("Organisations: consumer"), "{}", messages[1]);
    assert_eq!(posts(&world), 2, "and nobody else is told anything");
    assert!(world.metric(&["botwarden_notices_total", "ops_room", "done"]).await > 1.5);
    discreet(&world);
}

#[tokio::test]
async fn the_operators_are_told_the_moment_an_outsider_joins() {
    let world = telling("launch").await;
    world.subscribe("memberships", "created");
    world.control.join("staff", "tom").unwrap();
    eventually!(said(&world, "launch").len() == 1);
}

#[tokio::test]
async fn a_room_of_operators_with_a_guest_in_it_is_not_told() {
    let world = telling("partners").await;
    refused(&world, "fred", "fred-helpdesk").await;
    eventually!(own_log().contains("the operators' room is not clean"));
    assert_eq!(posts(&world), 0);
}

#[tokio::test]
async fn who_caused_it_is_told_only_if_they_belong_to_an_allowed_organisation() {
    let world = Setup::new().adjust(tells(Notify::Actor)).start().await;
    let rooms = world.control.world().rooms.len();
    for person in ["tom", "ann", "ann"] {
        refused(&world, person, "partners").await;
    }
    refused(&world, "fred", "fred-helpdesk").await;
    eventually!(!said(&world, "ann-helpdesk").is_empty());
    world.control.join("staff", "tom").unwrap();
    refused(&world, "bob", "staff").await;
    eventually!(posts(&world) == 2);
    assert_eq!(said(&world, "ann-helpdesk"), [TEXT]);
    assert!(said(&world, "fred-helpdesk").is_empty() && said(&world, "partners").is_empty());
    assert_eq!(
        world.control.world().rooms.len(),
        rooms + 1,
        "a direct room with bob, none with tom"
    );
    assert!(world.metric(&["botwarden_notices_total", "actor", "done"]).await > 1.5);
    discreet(&world);
}

#[tokio::test]
async fn the_three_texts_come_in_their_order() {
    let world = Setup::new().adjust(texts).start().await;
    for event in ["created", "deleted"] {
        world.subscribe("memberships", event);
    }
    world.control.join("staff", "tom").unwrap();
    eventually!(said(&world, "staff") == ["I am silent here."]);
    let end = Instant::now() + patience();
    while said(&world, "staff").len() < 2 {
        refused(&world, "ann", "staff").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(Instant::now() < end, "it is never said that it is still refused");
    }
    world.control.leave("staff", "tom").unwrap();
    let all = ["I am silent here.", "I am still silent here.", "I listen again."];
    eventually!(said(&world, "staff") == all);
    assert_eq!(posts(&world), 3);
    discreet(&world);
}

#[tokio::test]
async fn nothing_is_said_while_it_cannot_be_found_out() {
    let world = Setup::new().adjust(texts).start().await;
    for event in ["created", "deleted"] {
        world.subscribe("memberships", event);
    }
    world.fault(Misbehaviour::ServerError { status: 500 });
    assert_eq!(world.say("ann", "partners").await.status, 200);
    eventually!(world.readings() >= 3);
    assert_eq!(posts(&world), 0, "nobody knows who is in it");
    world.control.join("staff", "tom").unwrap();
    eventually!(said(&world, "staff").len() == 1);
    world.control.leave("staff", "tom").unwrap();
    let id = world.control.room("staff").unwrap().id;
    eventually!(world.control.calls().iter().any(|call| call.query.contains(&id)));
    // What was said in vain comes after what was said here.
    world.control.join("launch", "tom").unwrap();
    eventually!(said(&world, "launch").len() == 1);
    assert_eq!(said(&world, "staff").len(), 1, "nobody knows that it is clean");
    world.control.clear_faults();
    eventually!(said(&world, "partners").len() == 1);
    // The next change of the room is the next chance to say so.
    world.control.leave("staff", "bob").unwrap();
    eventually!(said(&world, "staff").len() == 2);
}

#[tokio::test]
async fn a_room_that_another_route_still_refuses_is_not_allowed_again() {
    let routes = "{helpdesk: ROUTE, narrow: {path: /narrow, bot: helpdesk, upstream: {url: 'BOT'}, \
                   policy: {allowed_orgs: [example]}}}";
    let setup = Setup::new().with("policy", "{allowed_orgs: [example, contoso]}");
    let world = setup.with("routes", routes).adjust(texts).start().await;
    world.subscribe("memberships", "deleted");
    narrowly(&world, "ann", "partners").await;
    eventually!(said(&world, "partners").len() == 1);
    world.control.join("partners", "bob").unwrap();
    let readings = world.readings();
    world.control.leave("partners", "bob").unwrap();
    eventually!(world.readings() > readings);
    // One after the other: when something is said here, nothing more comes of the change before.
    narrowly(&world, "fred", "fred-helpdesk").await;
    eventually!(said(&world, "fred-helpdesk").len() == 1);
    assert_eq!(said(&world, "partners").len(), 1, "the narrow route is silent there");
    world.control.leave("partners", "tom").unwrap();
    eventually!(said(&world, "partners").len() == 2);
}

async fn narrowly(world: &World, person: &str, room: &str) {
    let message = world.message(person, room).body;
    assert_eq!(world.send_to("/narrow", message).await.status, 200);
}

/// Each beside a gateway that says something, so that it is known how long it would have taken.
#[tokio::test]
async fn who_observes_says_nothing_nor_does_who_was_not_told_to() {
    let until = SystemTime::now() + Duration::from_hours(1);
    let observing = move |config: &mut Config| {
        config.routes.values_mut().for_each(|route| route.policy.mode = Mode::Observe { until });
    };
    let observes = Setup::new().adjust(texts).adjust(observing).start().await;
    let is_silent = Setup::new().start().await;
    for (world, reason) in [(&observes, "observe"), (&is_silent, "outside_org")] {
        world.subscribe("memberships", "created");
        world.control.join("staff", "tom").unwrap();
        eventually!(world.control.deliveries().iter().any(|delivery| delivery.status == Some(200)));
        assert_eq!(world.verdict("ann", "staff").await["reason"], reason);
    }
    let speaks = Setup::new().adjust(texts).start().await;
    refused(&speaks, "ann", "partners").await;
    eventually!(posts(&speaks) == 1);
    assert_eq!((posts(&observes), posts(&is_silent)), (0, 0));
}

#[tokio::test]
async fn what_could_not_be_said_is_told_and_not_said_again() {
    let world = telling("launch").await;
    let fault = Fault::new(Misbehaviour::ServerError { status: 500 });
    world.control.fault(fault.on("/messages").method("POST").times(1));
    refused(&world, "ann", "partners").await;
    eventually!(own_log().contains("could not tell"));
    refused(&world, "ann", "partners").await;
    refused(&world, "fred", "fred-helpdesk").await;
    eventually!(said(&world, "launch").len() == 1);
    assert!(said(&world, "launch")[0].contains("consumer"));
    assert!(world.metric(&["botwarden_notices_total", "ops_room", "failed"]).await > 0.5);
}

#[tokio::test]
async fn nothing_is_said_in_a_room_that_is_clean_by_then() {
    let webex = "{api: API, proxy: direct, timeout: 1s, retry: {attempts: 3, give_up_after: 8s}}";
    let world = Setup::new().with("webex", webex).adjust(texts).start().await;
    for event in ["created", "deleted"] {
        world.subscribe("memberships", event);
    }
    let storm = Misbehaviour::TooManyRequests { retry_after: Some(RetryAfter::Seconds(1)) };
    world.control.fault(Fault::new(storm).on("/messages").method("POST").times(1));
    world.control.join("staff", "tom").unwrap();
    eventually!(posts(&world) == 1);
    world.control.leave("staff", "tom").unwrap();
    // One after the other: when something is said here, nothing more comes of the room before.
    world.control.join("launch", "tom").unwrap();
    eventually!(said(&world, "launch").len() == 1);
    assert!(!said(&world, "staff").contains(&"I am silent here.".to_owned()));
}
