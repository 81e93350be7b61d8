//! From the inbox to the bot: in order, again when it failed, once when it did not, and to an end when the gateway stops.

use std::collections::BTreeSet;
use std::time::Duration;

use botwarden::config::Config;
use botwarden::gate::policy::Mode;
use botwarden::simulator::Misbehaviour;

use crate::harness::bot::{Bot, Manner};
use crate::harness::wire::Answer;
use crate::harness::{Setup, World, eventually};

#[tokio::test]
async fn events_of_one_room_come_in_order_and_one_after_the_other() {
    let world = World::start().await;
    let messages: Vec<_> = (0..20).map(|_| world.message("ann", "staff")).collect();
    for message in &messages {
        assert_eq!(world.send(&message.body).await.status, 200);
    }
    let subjects: Vec<_> =
        world.bot.got(20).await.iter().map(crate::harness::bot::Request::subject).collect();
    let sent: Vec<_> = messages.into_iter().map(|message| message.message).collect();
    assert_eq!((subjects, world.bot.busiest()), (sent, 1));
}

#[tokio::test]
async fn rooms_do_not_wait_for_each_other() {
    let world = World::start().await;
    world.bot.next([Manner::Waits]);
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    world.say("ann", "staff").await;
    world.say("ann", "launch").await;
    world.bot.got(2).await;
    // The second of the staff room stands behind the first.
    eventually!(world.house().waiting() == 2);
    world.bot.release();
    world.bot.got(3).await;
}

#[tokio::test]
async fn an_event_that_must_wait_keeps_its_place_in_the_order() {
    let world = World::start().await;
    world.bot.next([
        Manner::Answers(503),
        Manner::Answers(429),
        Manner::Answers(502),
        Manner::Answers(504),
    ]);
    let (first, second) = (world.message("ann", "staff"), world.message("bob", "staff"));
    world.send(&first.body).await;
    world.send(&second.body).await;
    let requests = world.bot.got(6).await;
    let subjects: Vec<_> = requests.iter().map(crate::harness::bot::Request::subject).collect();
    assert!(subjects[..5].iter().all(|subject| *subject == first.message));
    assert_eq!(subjects[5], second.message);
}

#[tokio::test]
async fn an_event_that_makes_the_bot_hang_up_comes_twice_and_no_more() {
    let world = World::start().await;
    let poison = world.message("ann", "staff");
    world.bot.next([Manner::Closes, Manner::Closes]);
    world.send(&poison.body).await;
    let after = world.message("bob", "staff");
    world.send(&after.body).await;
    let subjects: Vec<_> =
        world.bot.got(3).await.iter().map(crate::harness::bot::Request::subject).collect();
    assert_eq!(subjects, [poison.message.clone(), poison.message, after.message]);
    world.settled().await;
    assert_eq!(world.bot.count(), 3);
}

/// A bot that hangs up may have closed all connections that are kept; a second one of them would be the second time.
#[tokio::test]
async fn an_event_that_the_bot_hung_up_on_comes_again_over_a_new_connection() {
    let world = World::start().await;
    world.bot.next([Manner::Waits, Manner::Waits]);
    world.say("ann", "staff").await;
    world.say("ann", "launch").await;
    world.bot.got(2).await;
    world.bot.release();
    world.settled().await;
    assert_eq!(world.bot.connections(), 2);
    world.bot.next([Manner::Closes]);
    world.say("ann", "staff").await;
    world.bot.got(4).await;
    world.settled().await;
    assert_eq!(world.bot.connections(), 3);
}

#[tokio::test]
async fn a_bot_that_was_down_gets_everything_once_it_is_up() {
    let mut world = World::start().await;
    let address = world.bot.stop().await;
    let mut sent = BTreeSet::new();
    for room in ["staff", "launch", "ann-helpdesk"] {
        let message = world.message("ann", room);
        world.send(&message.body).await;
        sent.insert(message.message);
    }
    eventually!(world.house().waiting() == 3);
    world.bot = Bot::start_at(address);
    let got = world.bot.got(3).await;
    assert_eq!(
        got.iter().map(crate::harness::bot::Request::subject).collect::<BTreeSet<_>>(),
        sent
    );
}

#[tokio::test]
async fn the_same_event_is_delivered_once_however_often_it_comes() {
    let world = World::start().await;
    world.bot.next([Manner::Waits]);
    let body = world.message("ann", "staff").body;
    world.send(&body).await;
    world.bot.got(1).await;
    for _ in 0..3 {
        assert_eq!(world.send(&body).await.status, 200, "while it is being delivered");
    }
    world.bot.release();
    world.settled().await;
    world.send(&body).await;
    world.settled().await;
    world.bot.got(1).await;
    assert_eq!(world.told.count("skip", "duplicate"), 4);
}

#[tokio::test]
async fn what_the_bot_never_got_is_no_duplicate() {
    let short = |config: &mut Config| config.inbox.max_age = Duration::from_millis(300);
    let mut world = Setup::new().adjust(short).start().await;
    let address = world.bot.stop().await;
    let body = world.message("ann", "staff").body;
    world.send(&body).await;
    eventually!(world.told.count("expired", "upstream_unreachable") == 1);
    world.bot = Bot::start_at(address);
    world.send(&body).await;
    world.bot.got(1).await;
    let refused = world.message("ann", "partners").body;
    world.verdict_on(&refused).await;
    world.subscribe("memberships", "deleted");
    world.control.leave("partners", "tom").unwrap();
    eventually!(world.told.count("deny", "resource_denied") == 1);
    world.send(&refused).await;
    world.bot.got(2).await;
}

#[tokio::test]
async fn edits_and_departures_are_not_too_old_and_repeat() {
    let policy = "{allowed_orgs: [example], resources: {memberships.deleted: room}}";
    let world = Setup::new().with("policy", policy).start().await;
    let old = |event: &mut serde_json::Value| {
        event["resource"] = "memberships".into();
        event["event"] = "deleted".into();
        event["data"]["created"] = "2020-01-01T00:00:00.000Z".into();
    };
    world.send(world.altered("ann", "staff", old)).await;
    world.bot.got(1).await;
}

fn tomorrow() -> String {
    let tomorrow = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    tomorrow.strftime("%Y-%m-%d").to_string()
}

fn observing() -> Setup {
    let policy =
        format!("{{allowed_orgs: [example], mode: observe, observe_until: {}}}", tomorrow());
    Setup::new().with("policy", &policy)
}

#[tokio::test]
async fn observing_lets_refused_events_pass_says_so_and_still_wants_signatures_and_lists() {
    let world = observing().start().await;
    let record = world.verdict("ann", "partners").await;
    assert_eq!((&record["verdict"], &record["reason"]), (&"allow".into(), &"observe".into()));
    assert_eq!((&record["would"], &record["outsiders"]), (&"outside_org".into(), &1.into()));
    let request = world.bot.got(1).await.remove(0);
    assert_eq!(request.header("botwarden-verdict").unwrap(), "observe-deny");
    assert_eq!(request.header("botwarden-room-members"), None, "the list was not read to its end");
    assert!(world.metric(&["shadow_denied_total", "outside_org"]).await > 0.5);
    assert_eq!(world.post("/hook", &[], b"{}").await.status, 403);
    assert_eq!(world.verdict("helpdesk", "staff").await["reason"], "self");
    world.fault(Misbehaviour::ServerError { status: 500 });
    world.say("ann", "launch").await;
    eventually!(world.readings() == 2);
    assert_eq!((world.bot.count(), world.house().waiting()), (1, 1), "undecided is not observed");
}

#[tokio::test]
async fn observing_ends_by_itself() {
    let soon = |config: &mut Config| {
        let until = std::time::SystemTime::now() + Duration::from_millis(400);
        config.routes.values_mut().for_each(|route| route.policy.mode = Mode::Observe { until });
    };
    let world = observing().adjust(soon).start().await;
    assert_eq!(world.verdict("ann", "partners").await["reason"], "observe");
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(world.verdict("ann", "partners").await["reason"], "outside_org");
    world.bot.got(1).await;
}

#[tokio::test]
async fn an_event_that_waited_for_a_place_at_the_bot_is_judged_again() {
    let upstream = "{url: 'BOT', max_in_flight: 1, timeout: 5s}";
    let world = Setup::new().with("cache", "{allow_ttl: 0s}").upstream(upstream).start().await;
    world.bot.next([Manner::Waits]);
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    world.say("ann", "launch").await;
    eventually!(world.readings() == 2);
    world.control.join("launch", "tom").unwrap();
    world.bot.release();
    world.settled().await;
    assert_eq!((world.bot.count(), world.told.count("deny", "outside_org")), (1, 1));
}

#[tokio::test]
async fn who_joined_after_the_list_was_read_is_no_outage_of_webex() {
    let world = Setup::new().start().await;
    world.say("ann", "launch").await;
    world.bot.got(1).await;
    world.control.join("launch", "tom").unwrap();
    world.say("tom", "launch").await;
    world.settled().await;
    assert_eq!(world.told.count("deny", "outside_org"), 1);
    assert!(world.metric(&["deferred_total", "list_outdated"]).await > 0.5);
    assert!(world.metric(&["deferred_total", "webex_unavailable"]).await < 0.5);
}

/// What was answered 200 while the gateway stopped: delivered once, or expired on record.
#[tokio::test]
async fn a_stop_loses_nothing_and_doubles_nothing() {
    let short = |config: &mut Config| config.server.drain_grace = Duration::from_millis(150);
    let mut world = Setup::new().adjust(short).start().await;
    let rooms = ["staff", "launch", "ann-helpdesk", "townhall"];
    let messages: Vec<_> = (0..400).map(|at| world.message("ann", rooms[at % 4])).collect();
    let address = world.address;
    let sending = tokio::spawn(async move {
        let mut kept = BTreeSet::new();
        for message in messages {
            let signature = crate::harness::event::mac(
                crate::harness::event::SECRET.as_bytes(),
                message.body.as_bytes(),
            );
            let call = crate::harness::wire::post(
                "/hook",
                &[("x-spark-signature", &signature)],
                message.body.as_bytes(),
            );
            let Some(Answer { status: 200, .. }) =
                crate::harness::wire::try_call(address, &call).await
            else {
                break;
            };
            kept.insert(message.message);
        }
        kept
    });
    eventually!(world.bot.count() > 20);
    let left = world.close().await;
    let kept = sending.await.unwrap();
    let got: Vec<_> =
        world.bot.requests().iter().map(crate::harness::bot::Request::subject).collect();
    let unique: BTreeSet<_> = got.iter().cloned().collect();
    assert!((20..400).contains(&kept.len()), "the stop came in the middle: {}", kept.len());
    assert_eq!((left, got.len()), (0, unique.len()), "none doubled");
    assert_eq!(kept.difference(&unique).count(), 0, "none lost");
}

#[tokio::test]
async fn a_stop_that_cannot_wait_buries_what_is_left_with_records() {
    let short = |config: &mut Config| config.server.drain_timeout = Duration::from_millis(300);
    let mut world = Setup::new().adjust(short).start().await;
    world.bot.next([Manner::Hangs]);
    world.say("ann", "staff").await;
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    world.fault(Misbehaviour::Hangs);
    world.say("ann", "launch").await;
    assert_eq!(world.close().await, 3);
    assert_eq!(world.told.count("expired", "gateway_stopped"), 3);
    assert_eq!(world.bot.count(), 1);
}

#[tokio::test]
async fn while_it_stops_it_says_so_and_finishes_what_it_has() {
    let mut world = World::start().await;
    world.bot.next([Manner::Waits]);
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    let readiness = world.house().readiness().clone();
    let ops = world.house().ops().unwrap();
    let house = world.take().close();
    let watching = async {
        eventually!(!readiness.ready());
        let probe = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        crate::harness::wire::call(ops, probe).await.status
    };
    tokio::pin!(house);
    let status = tokio::select! {
        _ = &mut house => panic!("it did not wait for the event"),
        status = watching => status,
    };
    assert_eq!(status, 503);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut house).await;
    assert!(early.is_err(), "the bot is still at it");
    world.bot.release();
    assert_eq!((house.await, world.bot.count()), (0, 1));
}

#[tokio::test]
async fn regression_a_stop_in_a_hurry_still_leaves_a_record_of_every_event() {
    let world = World::start().await;
    world.fault(Misbehaviour::ServerError { status: 500 });
    for room in ["staff", "launch", "partners"] {
        for _ in 0..10 {
            assert_eq!(world.say("ann", room).await.status, 200);
        }
    }
    world.house().gateway().cut_within(Duration::from_secs(10)).await;
    assert_eq!(world.told.count("expired", "gateway_stopped"), 30);
    assert_eq!(world.bot.count(), 0);
}
