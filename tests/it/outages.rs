//! "Could not find out" is neither yes nor no: not forwarded, not remembered, and decided once it can be.

use std::time::Duration;

use botwarden::config::Config;
use botwarden::simulator::{Fault, Misbehaviour, RetryAfter};
use serde_json::json;

use crate::harness::{Setup, World, eventually, within};

fn quick(config: &mut Config) {
    config.webex.timeout = Duration::from_millis(150);
}

/// One event while it lasts, another one afterwards: neither is lost, and neither passed too early.
async fn waits_out(fault: Misbehaviour, patience: Duration) {
    let world = Setup::new().adjust(quick).start().await;
    world.fault(fault.clone());
    assert_eq!(world.say("ann", "staff").await.status, 200, "{fault:?}");
    eventually!(world.readings() > 0);
    eventually!(world.told.records().is_empty() && world.house().waiting() == 1);
    assert!(deferred(&world).await, "{fault:?}");
    assert_eq!(world.bot.count(), 0, "{fault:?}: forwarded undecided");
    world.control.clear_faults();
    world.say("ann", "launch").await;
    assert!(within(patience, || world.bot.count() == 2).await, "{fault:?}: {}", world.told.text());
    world.settled().await;
    assert_eq!(world.told.count("allow", "all_members_allowed"), 2, "{fault:?}");
    assert_eq!(world.told.records().len(), 2, "{fault:?}: neither yes nor no is on record");
    never_left(&world);
}

/// Waits until a try has failed.
async fn deferred(world: &World) -> bool {
    for _ in 0..500 {
        if world.metric(&["botwarden_deferred_total"]).await > 0.0 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

/// The gateway asks and does nothing else: it never leaves a room, whatever happened.
fn never_left(world: &World) {
    assert!(world.control.calls().iter().all(|call| call.method == "GET"));
}

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn invariant_3_errors_of_webex() {
    for status in [500, 502, 503, 504] {
        waits_out(Misbehaviour::ServerError { status }, SOON).await;
    }
}

#[tokio::test]
async fn invariant_3_pages_of_proxies_whatever_their_status() {
    for status in [200, 302, 403, 404] {
        waits_out(Misbehaviour::HtmlPage { status }, SOON).await;
    }
}

#[tokio::test]
async fn invariant_3_answers_that_do_not_come_or_not_whole() {
    waits_out(Misbehaviour::Hangs, SOON).await;
    waits_out(Misbehaviour::DropsConnection, SOON).await;
    waits_out(Misbehaviour::TruncatesBody, SOON).await;
    waits_out(Misbehaviour::Slow { milliseconds: 400 }, SOON).await;
}

#[tokio::test]
async fn invariant_3_too_many_calls() {
    for retry_after in [RetryAfter::Seconds(1), RetryAfter::Date(1), RetryAfter::Seconds(0)] {
        waits_out(Misbehaviour::TooManyRequests { retry_after: Some(retry_after) }, SOON).await;
    }
}

/// Fifteen seconds is what the gateway takes for granted then.
#[tokio::test]
async fn invariant_3_too_many_calls_without_a_word_when_to_come_back() {
    let long = Duration::from_secs(25);
    let unsaid = waits_out(Misbehaviour::TooManyRequests { retry_after: None }, long);
    let malformed = Some(RetryAfter::Malformed);
    let unreadable = waits_out(Misbehaviour::TooManyRequests { retry_after: malformed }, long);
    tokio::join!(unsaid, unreadable);
}

#[tokio::test]
async fn invariant_3_a_next_page_elsewhere_is_an_outage_and_the_token_stays() {
    let thief = crate::harness::bot::Bot::start().await;
    let origin = thief.url.trim_end_matches("/bot").to_owned();
    waits_out(Misbehaviour::ForeignNextLink { origin }, SOON).await;
    assert_eq!(thief.count(), 0, "nobody else was called");
}

#[tokio::test]
async fn invariant_3_next_pages_that_lost_something_are_put_right() {
    for fault in [Misbehaviour::LosesParameters, Misbehaviour::MaxNull] {
        for (last, passed) in [("bob", 1), ("tom", 0)] {
            let world = large_room(1100).await;
            world.control.join("hall", last).unwrap();
            world.fault(fault.clone());
            world.verdict("ann", "hall").await;
            assert_eq!((world.bot.count(), world.readings()), (passed, 2), "{fault:?} {last}");
        }
    }
}

/// Ann, the bot and so many more of the allowed organisation.
pub(crate) async fn large_room(more: usize) -> World {
    let people = format!(
        "{}\nrooms: {{hall: {{title: H, members: [ann, helpdesk], fill: {{org: example, count: {more}}}}}}}",
        crate::harness::PEOPLE
    );
    Setup::new().people(&people).start().await
}

/// Whatever is asked.
fn refuse_token(world: &World) {
    world.control.fault(Fault::new(Misbehaviour::ServerError { status: 401 }));
}

/// Events that wait ask too. Without any, the gateway asks by itself: one that is not ready may be sent none.
#[tokio::test]
async fn regression_a_refused_token_heals_without_any_event() {
    let brief = |config: &mut Config| config.inbox.max_age = Duration::from_millis(300);
    let world = Setup::new().adjust(brief).start().await;
    for round in 1..=2 {
        refuse_token(&world);
        world.say("ann", "staff").await;
        eventually!(!world.house().readiness().ready());
        world.settled().await;
        assert_eq!(world.ops("/readyz").await.status, 503);
        let asked = world.control.calls().len();
        eventually!(world.control.calls().len() > asked);
        assert!(!world.house().readiness().ready(), "it is refused still");
        world.control.clear_faults();
        eventually!(world.house().readiness().ready());
        assert_eq!(world.ops("/readyz").await.status, 200);
        assert_eq!((world.bot.count(), world.readings()), (0, round), "nobody else asked");
    }
    let quiet = world.control.calls().len();
    assert!(world.metric(&["botwarden_token_valid"]).await > 0.5);
    assert_eq!(world.control.calls().len(), quiet, "what is trusted is not asked about");
}

#[tokio::test]
async fn a_refused_token_makes_the_gateway_unready_until_webex_takes_it_again() {
    let world = World::start().await;
    assert_eq!(world.ops("/readyz").await.status, 200);
    refuse_token(&world);
    world.say("ann", "staff").await;
    eventually!(!world.house().readiness().ready());
    let page = world.ops("/readyz?verbose").await;
    assert_eq!(page.status, 503);
    assert!(page.text().contains("[-] token helpdesk"), "{}", page.text());
    assert_eq!(world.bot.count(), 0);
    world.control.clear_faults();
    eventually!(world.house().readiness().ready());
    world.bot.got(1).await;
}

/// A room that is known already says nothing about the token.
#[tokio::test]
async fn regression_a_known_room_does_not_make_a_refused_token_good() {
    let world = World::start().await;
    world.verdict("ann", "staff").await;
    world.verdict("ann", "partners").await;
    refuse_token(&world);
    world.say("ann", "launch").await;
    eventually!(!world.house().readiness().ready());
    world.say("ann", "staff").await;
    world.say("ann", "partners").await;
    eventually!(world.told.decisions().len() == 4);
    assert!(!world.house().readiness().ready(), "nobody has asked Webex since");
    let valid = world.metric(&["botwarden_token_valid"]).await;
    assert!(valid < 0.5, "{valid}");
}

#[tokio::test]
async fn webex_that_is_down_at_the_start_loses_no_event() {
    let running = botwarden::simulator::Simulator::start(
        botwarden::simulator::World::demo(),
        botwarden::simulator::Options::default(),
    );
    let running = running.await.unwrap();
    let down = Misbehaviour::ServerError { status: 503 };
    running.control().fault(Fault::new(down).on("/people/me"));
    let world = Setup::new().at_once().start_in(running).await;
    for room in ["staff", "partners"] {
        assert_eq!(world.say("ann", room).await.status, 200);
    }
    let foreign = world.altered("ann", "launch", |event| event["createdBy"] = json!(null));
    assert_eq!(world.send(foreign).await.status, 200);
    eventually!(world.control.calls().len() >= 2);
    assert_eq!((world.bot.count(), world.questions(), world.house().waiting()), (0, 0, 3));
    world.control.clear_faults();
    world.bot.got(1).await;
    world.settled().await;
    assert_eq!(world.told.count("allow", "all_members_allowed"), 1);
    assert_eq!(world.told.count("deny", "outside_org"), 1);
    assert_eq!(world.told.count("deny", "wrong_webhook"), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_at_the_start_is_told_and_mended() {
    let running = botwarden::simulator::Simulator::start(
        botwarden::simulator::World::demo(),
        botwarden::simulator::Options::default(),
    );
    let running = running.await.unwrap();
    let refused = Misbehaviour::ServerError { status: 401 };
    running.control().fault(Fault::new(refused).on("/people/me"));
    let brief = |config: &mut Config| config.inbox.max_age = Duration::from_millis(300);
    let world = Setup::new().at_once().adjust(brief).start_in(running).await;
    eventually!(!world.house().readiness().ready());
    world.say("ann", "staff").await;
    eventually!(world.told.count("expired", "token_refused") == 1);
    assert_eq!((world.ops("/readyz").await.status, world.ops("/livez").await.status), (503, 200));
    world.control.clear_faults();
    eventually!(world.house().readiness().ready());
}

#[tokio::test]
async fn webex_or_the_bot_being_down_is_no_reason_to_be_unready() {
    let mut world = World::start().await;
    world.fault(Misbehaviour::ServerError { status: 500 });
    world.bot.stop().await;
    world.say("ann", "staff").await;
    assert!(deferred(&world).await);
    assert_eq!(world.ops("/readyz").await.status, 200);
}
