//! Plans, as text, for the worlds that are seen in the field.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::*;
use crate::gate::secret::Secret;
use crate::report::WebhookState;

pub(super) const FIRST: &str = "the-first-secret";
pub(super) const EARLIER: &str = "the-earlier-secret";
const HOOK: &str = "https://gw.example.com/hook";

pub(super) fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

pub(super) fn wanted(resource: &str, event: &str, target: &str) -> Wanted {
    Wanted { resource: resource.into(), event: event.into(), target: target.parse().unwrap() }
}

/// A bot with one route, which wants messages and memberships.
pub(super) fn desired() -> Desired {
    Desired {
        bot: "helpdesk".into(),
        gateway: "https://gw.example.com".parse().unwrap(),
        routes: vec![HOOK.parse().unwrap()],
        others: vec!["https://gw.example.com/other".parse().unwrap()],
        wanted: vec![wanted("messages", "created", HOOK), wanted("memberships", "created", HOOK)],
        secret: secret(FIRST),
        earlier: vec![secret(EARLIER)],
        foreign: vec!["https://archive.example.com/take?key=hunter2".into()],
        health: Health::Steady,
    }
}

/// One of the gateway's own, as it should be; the number is its id and its age.
pub(super) fn own(n: u64, resource: &str, event: &str) -> Webhook {
    Webhook {
        id: format!("id{n}").into(),
        name: "botwarden:helpdesk".into(),
        target: HOOK.into(),
        resource: resource.into(),
        event: event.into(),
        filter: None,
        secret: Some(secret(FIRST)),
        active: true,
        by_creator: true,
        created: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(n)),
    }
}

/// One that a framework made, unsigned, at the bot itself.
pub(super) fn framework(n: u64, resource: &str, event: &str) -> Webhook {
    Webhook {
        name: "their name".into(),
        target: "https://user:hunter2@bot.example.com:8443/in?key=hunter2".into(),
        secret: None,
        ..own(n, resource, event)
    }
}

fn both() -> Vec<Webhook> {
    vec![own(1, "messages", "created"), own(2, "memberships", "created")]
}

/// What people would be told, and what would be done.
fn page(desired: &Desired, actual: &[Webhook]) -> String {
    let plan = plan(desired, actual);
    let mut page = String::new();
    for seen in &plan.seen {
        let states: Vec<_> = seen.states.iter().map(|state| state.label()).collect();
        let Webhook { id, resource, event, .. } = &seen.webhook;
        let note = seen.note.map(|note| format!(": {note}")).unwrap_or_default();
        writeln!(page, "{id} {resource}.{event} is {}{note}", states.join(" and ")).unwrap();
    }
    plan.missing.iter().for_each(|wanted| writeln!(page, "missing {wanted}").unwrap());
    plan.changes.iter().for_each(|change| writeln!(page, "{change}").unwrap());
    let shown = format!("{page}{plan:?}{desired:?}");
    assert!([FIRST, EARLIER, "hunter2"].iter().all(|secret| !shown.contains(secret)));
    assert!(!page.contains("their name"), "foreign text");
    page
}

#[test]
fn an_empty_world_gets_what_is_wanted() {
    insta::assert_snapshot!(page(&desired(), &[]), @"
    missing messages.created
    missing memberships.created
    create messages.created → https://gw.example.com/hook
    create memberships.created → https://gw.example.com/hook
    ");
}

#[test]
fn a_world_in_order_is_left_alone() {
    insta::assert_snapshot!(page(&desired(), &both()), @"
    id1 messages.created is ok
    id2 memberships.created is ok
    ");
}

#[test]
fn an_unsigned_one_gets_the_secret() {
    let mut world = both();
    world[0].secret = None;
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is unsigned
    id2 memberships.created is ok
    update messages.created: with the secret, because unsigned
    ");
}

#[test]
fn an_unknown_secret_is_replaced() {
    let mut world = both();
    world[1].secret = Some(secret("of somebody else"));
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is ok
    id2 memberships.created is secret_differs
    update memberships.created: with the secret, because secret_differs
    ");
}

#[test]
fn while_a_secret_is_replaced_the_earlier_one_stays() {
    let mut world = both();
    world[0].secret = Some(secret(EARLIER));
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is ok: carries another secret than the first, which is accepted too
    id2 memberships.created is ok
    ");
}

#[test]
fn an_inactive_one_is_switched_on_when_all_is_well() {
    let mut world = both();
    world[0].active = false;
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is inactive
    id2 memberships.created is ok
    update messages.created: switched on, because inactive
    ");
}

#[test]
fn an_inactive_one_stays_off_until_then_whatever_else_is_repaired() {
    let mut world = both();
    (world[0].active, world[1].active, world[1].secret) = (false, false, None);
    let not_yet = Desired { health: Health::NotYet, ..desired() };
    insta::assert_snapshot!(page(&not_yet, &world), @"
    id1 messages.created is inactive: is switched on once it has been off, and the gateway well, for five minutes
    id2 memberships.created is unsigned and inactive: is switched on once it has been off, and the gateway well, for five minutes
    update memberships.created: with the secret, because unsigned
    ");
    let one = Desired { health: Health::Rested(["id2".into()].into()), ..desired() };
    insta::assert_snapshot!(page(&one, &world), @"
    id1 messages.created is inactive: is switched on once it has been off, and the gateway well, for five minutes
    id2 memberships.created is unsigned and inactive
    update memberships.created: with the secret, switched on, because unsigned
    ");
}

#[test]
fn the_gateways_own_with_a_wrong_target_are_repaired() {
    let mut world = both();
    world[0].target = "https://old.example.com/hook".into();
    world[1].target = "https://gw.example.com/other".into();
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is bypass
    id2 memberships.created is wrong_target
    update messages.created: https://old.example.com/hook → https://gw.example.com/hook, because bypass
    update memberships.created: https://gw.example.com/other → https://gw.example.com/hook, because wrong_target
    ");
}

/// webexteamsbot: its own name, its own URL, no secret, messages only.
#[test]
fn a_bypass_is_led_to_the_gateway_in_one_change() {
    insta::assert_snapshot!(page(&desired(), &[framework(1, "messages", "created")]), @"
    id1 messages.created is bypass and unsigned
    missing memberships.created
    update messages.created: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    create memberships.created → https://gw.example.com/hook
    ");
}

/// webex-node-bot-framework: everything else is deleted.
#[test]
fn a_firehose_and_cards_are_led_to_the_gateway_and_nothing_is_made_beside_them() {
    let world = [framework(1, "all", "all"), framework(2, "attachmentActions", "created")];
    let mut desired = desired();
    desired.wanted.push(wanted("attachmentActions", "created", HOOK));
    insta::assert_snapshot!(page(&desired, &world), @"
    id1 all.all is bypass and unsigned
    id2 attachmentActions.created is bypass and unsigned
    update all.all: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    update attachmentActions.created: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    ");
}

#[test]
fn of_two_of_its_own_the_older_stays() {
    let mut world = both();
    world.insert(0, own(9, "messages", "created"));
    world.push(Webhook { created: None, ..own(8, "messages", "created") });
    insta::assert_snapshot!(page(&desired(), &world), @"
    id9 messages.created is duplicate
    id1 messages.created is ok
    id2 memberships.created is ok
    id8 messages.created is duplicate
    delete messages.created, because duplicate
    delete messages.created, because duplicate
    ");
}

#[test]
fn a_frameworks_webhook_replaces_the_gateways_own_and_its_twin_is_only_told() {
    let mut world = both();
    world.extend([framework(5, "messages", "created"), framework(6, "messages", "created")]);
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is duplicate: is removed once what replaces it is in order
    id2 memberships.created is ok
    id5 messages.created is bypass and unsigned
    id6 messages.created is bypass and unsigned and duplicate: is not the gateway's own, so that it is not removed by itself
    update messages.created: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    update messages.created: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    ");
    let mut world = both();
    world.push(framework(5, "all", "all"));
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is duplicate: is removed once what replaces it is in order
    id2 memberships.created is duplicate: is removed once what replaces it is in order
    id5 all.all is bypass and unsigned
    update all.all: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    ");
}

#[test]
fn what_works_is_not_removed_for_what_is_off() {
    let mut world = both();
    world.push(Webhook { active: false, ..framework(5, "all", "all") });
    let not_yet = Desired { health: Health::NotYet, ..desired() };
    insta::assert_snapshot!(page(&not_yet, &world), @"
    id1 messages.created is ok
    id2 memberships.created is ok
    id5 all.all is bypass and unsigned and inactive: is switched on once it has been off, and the gateway well, for five minutes
    update all.all: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    ");
}

/// A promise brings no events: one more failure, and nothing would be left.
#[test]
fn what_works_is_not_removed_for_what_is_about_to_be_switched_on() {
    let framework = Webhook { active: false, ..own(5, "messages", "created") };
    let mut world = both();
    world.push(Webhook { name: "theirs".into(), ..framework });
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is ok
    id2 memberships.created is ok
    id5 messages.created is inactive and duplicate: is not the gateway's own, so that it is not removed by itself
    update messages.created: switched on, because inactive
    ");
}

#[test]
fn foreign_ones_are_never_touched() {
    let mut listed = framework(5, "messages", "created");
    listed.target = "https://archive.example.com/take?key=hunter2".into();
    let meetings = framework(4, "meetings", "started");
    let of_org = Webhook { by_creator: false, ..own(3, "messages", "created") };
    let mut world = both();
    world.extend([listed, meetings, of_org]);
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is ok
    id2 memberships.created is ok
    id5 messages.created is foreign
    id4 meetings.started is foreign
    id3 messages.created is foreign
    ");
}

#[test]
fn a_foreign_target_is_named_as_it_is_or_as_it_is_shown() {
    let target = "https://ann:hunter2@Archive.example.com?key=hunter2";
    let archive = [Webhook { target: target.into(), ..framework(1, "messages", "created") }];
    let listed = |foreign: &str| Desired { foreign: vec![foreign.into()], ..desired() };
    let shown = archive[0].shown_target();
    assert!(!shown.contains("hunter2"));
    let normal = "https://ann:hunter2@archive.example.com/?key=hunter2";
    for known in [target, &shown, normal] {
        let plan = plan(&listed(known), &archive);
        assert_eq!(plan.seen[0].state(), WebhookState::Foreign, "{known}");
    }
    for other in ["https://archive.example.com/", "https://archive.example.com/?key=other"] {
        assert_eq!(plan(&listed(other), &archive).seen[0].state(), WebhookState::Bypass, "{other}");
    }
}

#[test]
fn a_webhook_with_a_filter_brings_nothing_for_sure() {
    let filtered =
        |n| Webhook { filter: Some("roomType=group".into()), ..own(n, "messages", "created") };
    let world = [filtered(1), filtered(2), own(3, "memberships", "created")];
    insta::assert_snapshot!(page(&desired(), &world), @"
    id1 messages.created is ok
    id2 messages.created is duplicate
    id3 memberships.created is ok
    missing messages.created
    create messages.created → https://gw.example.com/hook
    delete messages.created, because duplicate
    ");
}

#[test]
fn with_two_routes_each_event_has_its_own() {
    let cards = "https://gw.example.com/cards";
    let mut desired = desired();
    desired.routes.push(cards.parse().unwrap());
    desired.wanted.push(wanted("attachmentActions", "created", cards));
    let mut moved = own(4, "messages", "created");
    moved.target = cards.into();
    let world = [
        framework(1, "attachmentActions", "created"),
        framework(2, "memberships", "all"),
        framework(3, "rooms", "created"),
        moved,
    ];
    insta::assert_snapshot!(page(&desired, &world), @"
    id1 attachmentActions.created is bypass and unsigned
    id2 memberships.all is bypass and unsigned
    id3 rooms.created is bypass and unsigned
    id4 messages.created is wrong_target
    update attachmentActions.created: https://bot.example.com:8443/in?… → https://gw.example.com/cards, with the secret, because bypass
    update memberships.all: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    update rooms.created: https://bot.example.com:8443/in?… → https://gw.example.com/hook, with the secret, because bypass
    update messages.created: https://gw.example.com/cards → https://gw.example.com/hook, because wrong_target
    ");
    desired.wanted.clear();
    insta::assert_snapshot!(page(&desired, &world), @"
    id1 attachmentActions.created is bypass: no route of this bot takes its events: name them in routes.*.events
    id2 memberships.all is bypass: no route of this bot takes its events: name them in routes.*.events
    id3 rooms.created is bypass: no route of this bot takes its events: name them in routes.*.events
    id4 messages.created is ok
    ");
}

#[test]
fn a_wanted_firehose_replaces_what_it_holds() {
    let mut desired = desired();
    desired.wanted.push(wanted("all", "all", HOOK));
    insta::assert_snapshot!(page(&desired, &[own(1, "messages", "created")]), @"
    id1 messages.created is ok
    missing all.all
    create all.all → https://gw.example.com/hook
    ");
    insta::assert_snapshot!(page(&desired, &[own(1, "messages", "created"), own(2, "all", "all")]), @"
    id1 messages.created is duplicate
    id2 all.all is ok
    delete messages.created, because duplicate
    ");
}

#[test]
fn words_that_nobody_chose_are_not_repeated() {
    let mut odd = own(1, "mess\nages", "created\u{1b}[31m");
    odd.secret = None;
    let changes = plan(&desired(), &[odd]).changes;
    assert_eq!(changes[0].event(), "other.other");
}

#[test]
fn spellings_of_the_same_address_are_the_same() {
    let mut world = both();
    world[0].target = "HTTPS://GW.Example.com:443/hook".into();
    world[1].target = "https://gw.example.com/hook?x=1".into();
    assert!(plan(&desired(), &world).changes.is_empty());
    for elsewhere in ["http://gw.example.com/hook", "https://gw.example.com:444/hook", "rubbish"] {
        world[0].target = elsewhere.into();
        assert_eq!(plan(&desired(), &world).changes.len(), 1, "{elsewhere}");
    }
}
