//! Who is in the room: complete lists only, fresh for a yes, and events that change the answer at once.

use std::time::Duration;

use botwarden::config::Config;
use botwarden::simulator::{Fault, Misbehaviour};
use serde_json::Value;

use crate::harness::bot::Manner;
use crate::harness::{PEOPLE, Setup, World, eventually};
use crate::outages::large_room;

fn reason(record: &Value) -> (&str, &str) {
    (record["verdict"].as_str().unwrap(), record["reason"].as_str().unwrap())
}

const ALLOW: (&str, &str) = ("allow", "all_members_allowed");
const OUTSIDE: (&str, &str) = ("deny", "outside_org");

#[tokio::test]
async fn invariant_4_every_member_counts_on_whatever_page() {
    for more in [98, 247, 997, 998, 1500] {
        let world = large_room(more).await;
        assert_eq!(reason(&world.verdict("ann", "hall").await), ALLOW, "{more}");
        let world = large_room(more).await;
        world.control.join("hall", "tom").unwrap();
        let record = world.verdict("ann", "hall").await;
        assert_eq!(reason(&record), OUTSIDE, "the outsider is member {}", more + 3);
        assert_eq!(world.bot.count(), 0);
    }
}

#[tokio::test]
async fn invariant_4_an_outsider_ends_the_reading_early() {
    let people = format!(
        "{PEOPLE}\nrooms: {{hall: {{title: H, members: [tom, ann, helpdesk], fill: {{org: example, count: 1500}}}}}}"
    );
    let world = Setup::new().people(&people).start().await;
    assert_eq!(reason(&world.verdict("ann", "hall").await), OUTSIDE);
    assert_eq!(world.readings(), 1);
}

#[tokio::test]
async fn invariant_4_a_list_of_moderators_only_is_not_the_list() {
    let people = format!(
        "{PEOPLE}\nrooms: {{general: {{title: G, locked: true, team: [helpdesk], members: [ann, tom], moderators: [ann]}}}}"
    );
    let world = Setup::new().people(&people).start().await;
    let record = world.verdict("ann", "general").await;
    assert_eq!(reason(&record), ("deny", "room_incomplete"));
    assert_eq!(world.bot.count(), 0);
}

/// The list is on its way when an outsider joins: what it says is worth nothing.
#[tokio::test]
async fn invariant_5_an_outsider_who_joins_while_the_list_is_read() {
    let world = World::start().await;
    world.subscribe("memberships", "created");
    world.control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/memberships").times(1));
    world.say("ann", "staff").await;
    eventually!(world.readings() == 1);
    world.control.join("staff", "tom").unwrap();
    eventually!(world.control.deliveries().iter().any(|delivery| delivery.status == Some(200)));
    world.control.clear_faults();
    world.settled().await;
    assert_eq!(world.bot.count(), 0, "{}", world.told.text());
    assert_eq!(world.told.count("deny", "outside_org"), 2, "the message and the event itself");
    assert_eq!(
        reason(&world.verdict("ann", "staff").await),
        OUTSIDE,
        "it was not remembered either"
    );
}

#[tokio::test]
async fn invariant_5_a_colleague_who_joins_while_the_list_is_read_has_it_read_again() {
    let world = World::start().await;
    world.subscribe("memberships", "created");
    world.control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/memberships").times(1));
    world.say("ann", "launch").await;
    eventually!(world.readings() == 1);
    world.control.join("launch", "bob").unwrap();
    eventually!(world.control.deliveries().iter().any(|delivery| delivery.status == Some(200)));
    world.control.clear_faults();
    world.bot.got(2).await;
    assert_eq!((reason(&world.verdict("bob", "launch").await), world.readings()), (ALLOW, 2));
}

fn short_lives(config: &mut Config) {
    config.cache.allow_ttl = Duration::from_millis(150);
    config.cache.deny_ttl = Duration::from_millis(150);
}

/// What is tested is time itself, so it must pass.
async fn lives_end() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn invariant_6_an_old_clean_never_serves() {
    let world = Setup::new().adjust(short_lives).start().await;
    assert_eq!(reason(&world.verdict("ann", "staff").await), ALLOW);
    world.fault(Misbehaviour::ServerError { status: 500 });
    lives_end().await;
    world.say("ann", "staff").await;
    eventually!(world.readings() >= 2);
    assert_eq!((world.bot.count(), world.house().waiting()), (1, 1));
    world.control.join("staff", "tom").unwrap();
    world.control.clear_faults();
    world.settled().await;
    assert_eq!((world.bot.count(), world.told.count("deny", "outside_org")), (1, 1));
}

#[tokio::test]
async fn invariant_6_an_old_not_clean_may_serve_while_webex_is_out_of_reach() {
    let world = Setup::new().adjust(short_lives).start().await;
    assert_eq!(reason(&world.verdict("ann", "partners").await), OUTSIDE);
    world.fault(Misbehaviour::ServerError { status: 500 });
    lives_end().await;
    assert_eq!(reason(&world.verdict("ann", "partners").await), OUTSIDE);
    assert!(world.metric(&["checks_total", "stale_deny"]).await > 0.5);
    world.control.clear_faults();
    world.control.leave("partners", "tom").unwrap();
    lives_end().await;
    assert_eq!(reason(&world.verdict("ann", "partners").await), ALLOW, "it is asked again");
}

#[tokio::test]
async fn invariant_6_with_a_ttl_of_nothing_every_event_asks() {
    let world = Setup::new().with("cache", "{allow_ttl: 0s}").start().await;
    for readings in 1..4 {
        assert_eq!(reason(&world.verdict("ann", "staff").await), ALLOW);
        assert_eq!(world.readings(), readings);
    }
}

#[tokio::test]
async fn invariant_7_the_bot_itself_may_be_of_any_organisation() {
    let world = World::start().await;
    let bot = world.control.person("helpdesk").unwrap();
    assert_ne!(bot.org_id, world.control.person("ann").unwrap().org_id);
    assert_eq!(reason(&world.verdict("ann", "staff").await), ALLOW);
}

#[tokio::test]
async fn invariant_7_other_bots_are_outsiders_unless_they_are_named_by_id() {
    let world = World::start().await;
    world.control.join("staff", "other-bot").unwrap();
    assert_eq!(reason(&world.verdict("ann", "staff").await), OUTSIDE);
    let id = world.control.person("other-bot").unwrap().id;
    let policy = format!("{{allowed_orgs: [example], trusted_bots: ['{id}']}}");
    let world = Setup::new().with("policy", &policy).start().await;
    world.control.join("staff", "other-bot").unwrap();
    assert_eq!(reason(&world.verdict("ann", "staff").await), ALLOW);
    world.control.join("launch", "other-bot").unwrap();
    world.control.join("launch", "tom").unwrap();
    assert_eq!(reason(&world.verdict("ann", "launch").await), OUTSIDE, "that is not for everybody");
}

/// Addresses let nobody in, whatever they end with.
#[tokio::test]
async fn trap_09_nobody_is_exempt_by_an_address() {
    for address in
        ["x@webex.bot", "x@sparkbot.io", "x@example.com", "helpdesk@webex.bot.evil.example"]
    {
        let people = format!("{PEOPLE}  eve: {{name: E, email: {address}, org: contoso}}\n");
        let people =
            format!("{people}rooms: {{staff: {{title: S, members: [ann, helpdesk, eve]}}}}");
        let world = Setup::new().people(&people).start().await;
        assert_eq!(reason(&world.verdict("ann", "staff").await), OUTSIDE, "{address}");
    }
}

#[tokio::test]
async fn guests_of_ones_own_guest_issuer_are_outsiders_unless_allowed() {
    let guest = "eve: {name: E, email: 'g@0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11', org: example, type: appuser}";
    let people =
        format!("{PEOPLE}  {guest}\nrooms: {{staff: {{title: S, members: [ann, helpdesk, eve]}}}}");
    let world = Setup::new().people(&people).start().await;
    assert_eq!(reason(&world.verdict("ann", "staff").await), ("deny", "app_user"));
    let setup = Setup::new().with("policy", "{allowed_orgs: [example], app_users: allow}");
    let world = setup.people(&people).start().await;
    assert_eq!(reason(&world.verdict("ann", "staff").await), ALLOW);
}

#[tokio::test]
async fn a_membership_event_flips_the_verdict_at_once_and_without_a_call() {
    let world = World::start().await;
    world.subscribe("memberships", "created");
    world.subscribe("memberships", "deleted");
    assert_eq!(reason(&world.verdict("ann", "staff").await), ALLOW);
    world.control.join("staff", "tom").unwrap();
    let joined = Duration::from_secs(1);
    assert!(crate::harness::within(joined, || world.told.decisions().len() == 2).await);
    assert_eq!(reason(&world.verdict("ann", "staff").await), OUTSIDE);
    assert_eq!(world.readings(), 1, "nobody was asked");
    world.control.leave("staff", "tom").unwrap();
    eventually!(world.told.count("deny", "resource_denied") == 1);
    assert_eq!(reason(&world.verdict("ann", "staff").await), ALLOW);
    assert_eq!(world.readings(), 2);
}

#[tokio::test]
async fn trap_18_a_room_whose_id_changes_is_read_again() {
    let world = World::start().await;
    world.subscribe("rooms", "migrated");
    assert_eq!(reason(&world.verdict("ann", "staff").await), ALLOW);
    world.control.join("staff", "tom").unwrap();
    world.control.migrate_room("staff").unwrap();
    eventually!(world.control.deliveries().len() == 1);
    world.settled().await;
    assert_eq!(reason(&world.verdict("ann", "staff").await), OUTSIDE);
}

const TWO_ROUTES: &str = "{helpdesk: ROUTE, narrow: {path: /narrow, bot: helpdesk, upstream: {url: 'BOT'}, \
                          policy: {allowed_orgs: [example], max_members: 100}}}";

async fn two_routes() -> World {
    let setup = Setup::new().with("policy", "{allowed_orgs: [example, contoso]}");
    setup.with("routes", TWO_ROUTES).start().await
}

async fn on(world: &World, path: &str, room: &str) -> String {
    let before = world.told.decisions().len();
    assert_eq!(world.send_to(path, world.message("ann", room).body).await.status, 200);
    eventually!(world.told.decisions().len() > before && world.house().waiting() == 0);
    world.told.decisions().pop().unwrap()["reason"].as_str().unwrap().to_owned()
}

/// Both share one list; whoever asks first must not decide for the other.
#[tokio::test]
async fn two_routes_of_one_bot_each_read_the_list_by_their_own_rules() {
    let orders = [["/hook", "/narrow"], ["/narrow", "/hook"]];
    for order in orders {
        let world = two_routes().await;
        world.control.join("launch", "tom").unwrap();
        world.control.join("launch", "fred").unwrap();
        for (room, wide, narrow) in [
            ("partners", "all_members_allowed", "outside_org"),
            ("townhall", "all_members_allowed", "room_too_large"),
            ("launch", "outside_org", "outside_org"),
            ("staff", "all_members_allowed", "all_members_allowed"),
        ] {
            for path in order {
                let expected = if path == "/hook" { wide } else { narrow };
                assert_eq!(on(&world, path, room).await, expected, "{room} {path} {order:?}");
            }
        }
        assert_eq!((world.readings(), world.bot.count()), (4, 4), "{order:?}");
    }
}

/// An outsider of every route comes before one of the narrow route only: the reading ends at the first.
#[tokio::test]
async fn a_reading_that_ended_early_is_a_no_for_every_route() {
    let people =
        format!("{PEOPLE}\nrooms: {{r: {{title: R, members: [fred, tom, ann, helpdesk]}}}}");
    for order in [["/hook", "/narrow"], ["/narrow", "/hook"]] {
        let setup =
            Setup::new().with("policy", "{allowed_orgs: [example, contoso]}").people(&people);
        let world = setup.with("routes", TWO_ROUTES).start().await;
        for path in order {
            assert_eq!(on(&world, path, "r").await, "outside_org", "{path}");
        }
        assert_eq!(world.bot.count(), 0);
    }
}

/// Longer than it takes to send a thousand events.
const PATIENT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_thousand_events_of_one_cold_room_are_one_walk() {
    for order in ["per_room", "none"] {
        let patient = |config: &mut Config| {
            (config.webex.timeout, config.webex.give_up_after) = (PATIENT, PATIENT);
        };
        let setup = Setup::new().with("inbox", &format!("{{order: {order}}}"));
        let world = setup.adjust(patient).start().await;
        world.control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/memberships").times(1));
        for _ in 0..1000 {
            assert_eq!(world.say("ann", "staff").await.status, 200);
        }
        world.control.clear_faults();
        world.bot.got(1000).await;
        assert_eq!(world.readings(), 1, "{order}");
    }
}

#[tokio::test]
async fn a_new_colleague_is_heard_at_once_when_the_gateway_is_told() {
    let world = World::start().await;
    world.subscribe("memberships", "created");
    world.bot.usually(Manner::Answers(204));
    assert_eq!(reason(&world.verdict("ann", "launch").await), ALLOW);
    world.control.join("launch", "bob").unwrap();
    eventually!(world.told.decisions().len() == 2);
    assert_eq!(reason(&world.verdict("bob", "launch").await), ALLOW);
}
