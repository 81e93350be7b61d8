//! What a plan leads to, in any world: a small Webex of a few lines takes the changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::plan_tests::{EARLIER, FIRST, desired, own, secret, wanted};
use super::*;
use crate::report::WebhookState;

const EVENTS: [(&str, &str); 9] = [
    ("all", "all"),
    ("messages", "all"),
    ("messages", "created"),
    ("memberships", "all"),
    ("memberships", "created"),
    ("rooms", "all"),
    ("rooms", "migrated"),
    ("attachmentActions", "created"),
    ("meetings", "started"),
];

const TARGETS: [&str; 6] = [
    "https://gw.example.com/hook",
    "https://gw.example.com/cards",
    "https://gw.example.com/nowhere",
    "https://bot.example.com/in",
    "https://archive.example.com/take?key=hunter2",
    "rubbish",
];

fn webhook() -> impl Strategy<Value = Webhook> {
    let secrets = select(vec![None, Some(FIRST), Some(EARLIER), Some("other")]);
    let names = select(vec!["botwarden:helpdesk", "theirs"]);
    let filters = select(vec![None, None, None, Some("roomType=group")]);
    let which = (select(EVENTS.to_vec()), select(TARGETS.to_vec()), names, filters);
    let how = (secrets, any::<bool>(), prop::bool::weighted(0.9), prop::option::of(0..4_u64));
    (which, how).prop_map(|((event, target, name, filter), (key, active, by_creator, age))| {
        Webhook {
            name: name.into(),
            target: target.into(),
            filter: filter.map(Into::into),
            secret: key.map(secret),
            active,
            by_creator,
            created: age.map(|age| SystemTime::UNIX_EPOCH + Duration::from_secs(age)),
            ..own(0, event.0, event.1)
        }
    })
}

/// With an id each.
fn world() -> impl Strategy<Value = Vec<Webhook>> {
    prop::collection::vec(webhook(), 0..8).prop_map(|mut world| {
        for (n, webhook) in world.iter_mut().enumerate() {
            webhook.id = format!("id{n}").into();
        }
        world
    })
}

fn wishes() -> impl Strategy<Value = Desired> {
    let events = subsequence(EVENTS[..8].to_vec(), 0..6);
    let at_cards = any::<[bool; 6]>();
    let health = prop_oneof![
        Just(Health::NotYet),
        Just(Health::Steady),
        Just(Health::Rested(["id0".into(), "id3".into()].into())),
    ];
    (events, at_cards, health).prop_map(|(events, at_cards, health)| {
        let mut desired = Desired { health, ..desired() };
        desired.routes.push(TARGETS[1].parse().unwrap());
        let target = |cards: bool| TARGETS[usize::from(cards)];
        let events = events.iter().zip(at_cards);
        desired.wanted =
            events.map(|(event, cards)| wanted(event.0, event.1, target(cards))).collect();
        desired
    })
}

/// No id is given twice, whatever was deleted; later ones come later.
static MADE: AtomicU64 = AtomicU64::new(0);

/// What `POST`, `PUT` and `DELETE` do. What is gone cannot be changed, and deleting it is no mistake.
fn make(world: &mut Vec<Webhook>, changes: &[Change], replica: &str) {
    for change in changes {
        match change {
            Change::Create { fresh } => {
                let n = MADE.fetch_add(1, Ordering::Relaxed);
                world.push(Webhook {
                    id: format!("new{replica}{n:012}").into(),
                    name: fresh.name.clone(),
                    target: fresh.target.clone(),
                    secret: Some(fresh.secret.clone()),
                    created: Some(SystemTime::UNIX_EPOCH + Duration::from_hours(1)),
                    ..own(0, &fresh.resource, &fresh.event)
                });
            }
            Change::Update { repair, .. } => {
                for webhook in world.iter_mut().filter(|webhook| webhook.id == repair.id) {
                    webhook.name.clone_from(&repair.name);
                    webhook.target.clone_from(&repair.target);
                    webhook.secret = repair.secret.clone().or_else(|| webhook.secret.take());
                    webhook.active |= repair.activate;
                }
            }
            Change::Delete { id, .. } => world.retain(|webhook| webhook.id != *id),
        }
    }
}

/// Whether an event comes unfiltered to a route: written down once more, without the plan's own words.
fn comes(world: &[Webhook], wanted: &Wanted) -> bool {
    let (resource, event) = (&*wanted.resource, &*wanted.event);
    let in_firehose =
        matches!(resource, "messages" | "memberships") || (resource, event) == ("rooms", "created");
    world.iter().filter(|webhook| webhook.by_creator && webhook.filter.is_none()).any(|webhook| {
        let exact = *webhook.resource == *resource && *webhook.event == *event;
        let whole = *webhook.resource == *resource && &*webhook.event == "all";
        let firehose = &*webhook.resource == "all" && in_firehose;
        *webhook.target == *wanted.target.as_str() && (exact || whole || firehose)
    })
}

/// Whether it comes, signed, through webhooks that are on.
fn works(world: &[Webhook], wanted: &Wanted) -> bool {
    let signed = [Some(secret(FIRST)), Some(secret(EARLIER))];
    let on = world.iter().filter(|webhook| webhook.active && signed.contains(&webhook.secret));
    comes(&on.cloned().collect::<Vec<_>>(), wanted)
}

fn ids(world: &[Webhook]) -> Vec<&str> {
    world.iter().map(|webhook| &*webhook.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn gw_c4_run_twice_no_changes(desired in wishes(), mut world in world()) {
        for _round in 0..3 {
            let changes = plan(&desired, &world).changes;
            make(&mut world, &changes, "");
        }
        let again = plan(&desired, &world);
        prop_assert!(again.changes.is_empty(), "{:?}", again);
        for wanted in &desired.wanted {
            prop_assert!(comes(&world, wanted), "{}", wanted);
        }
    }

    #[test]
    fn gw_c4_two_replicas_agree(desired in wishes(), mut world in world()) {
        let changes = plan(&desired, &world).changes;
        make(&mut world, &changes, "a");
        make(&mut world, &changes, "b");
        // One of them sees the list in another order.
        let first = plan(&desired, &world).changes;
        let mut turned = world.clone();
        turned.reverse();
        let second = plan(&desired, &turned).changes;
        make(&mut world, &first, "a");
        make(&mut world, &second, "b");
        let third = plan(&desired, &world).changes;
        make(&mut world, &third, "a");
        make(&mut world, &third, "b");
        let end = plan(&desired, &world);
        prop_assert!(end.changes.is_empty(), "{:?}", end);
        let mut alone: Vec<Webhook> = world.clone();
        make(&mut alone, &end.changes, "");
        prop_assert_eq!(ids(&alone), ids(&world));
    }

    /// However well each replica believes the gateway to be, and whatever of it Webex forgets.
    #[test]
    fn what_comes_goes_on_coming_with_each_change(
        mut desired in wishes(), other in wishes(), mut world in world(), forgets in any::<bool>(),
    ) {
        // What moves to another route with a new configuration is another matter.
        let hook: url::Url = TARGETS[0].parse().unwrap();
        desired.wanted.iter_mut().for_each(|wanted| wanted.target = hook.clone());
        let other = Desired { health: other.health, ..desired.clone() };
        let works: Vec<Wanted> = desired.wanted.iter().filter(|one| works(&world, one)).cloned().collect();
        for _round in 0..3 {
            let changes = [plan(&desired, &world).changes, plan(&other, &world).changes].concat();
            for change in changes {
                if !(forgets && matches!(change, Change::Update { .. })) {
                    make(&mut world, &[change], "");
                }
                for wanted in &works {
                    prop_assert!(self::works(&world, wanted), "{}", wanted);
                }
            }
        }
    }

    #[test]
    fn gw_c4_foreign_ones_and_names_and_what_others_made_stay(desired in wishes(), before in world()) {
        let plan = plan(&desired, &before);
        let mut after = before.clone();
        make(&mut after, &plan.changes, "");
        for (seen, was) in plan.seen.iter().zip(&before) {
            let is = after.iter().find(|webhook| webhook.id == was.id);
            if &*was.name == "theirs" || seen.state() == WebhookState::Foreign {
                prop_assert!(is.is_some());
            }
            let Some(is) = is else { continue };
            prop_assert_eq!(&is.name, &was.name);
            if seen.state() == WebhookState::Foreign {
                prop_assert_eq!((&is.target, &is.secret), (&was.target, &was.secret));
            }
        }
    }

    #[test]
    fn afterwards_all_that_comes_to_the_gateway_is_signed(desired in wishes(), mut world in world()) {
        let changes = plan(&desired, &world).changes;
        make(&mut world, &changes, "");
        let gateway = world.iter().filter(|w| w.by_creator && w.target.starts_with("https://gw.example.com/"));
        for webhook in gateway {
            let key = webhook.secret.clone();
            if !webhook.target.ends_with("nowhere") {
                prop_assert!(key == Some(secret(FIRST)) || key == Some(secret(EARLIER)));
            }
        }
    }

    #[test]
    fn nothing_is_switched_on_before_its_time(mut desired in wishes(), world in world()) {
        desired.health = Health::NotYet;
        let changes = plan(&desired, &world).changes;
        let on = |change: &Change| matches!(change, Change::Update { repair, .. } if repair.activate);
        prop_assert!(!changes.iter().any(on));
    }
}
