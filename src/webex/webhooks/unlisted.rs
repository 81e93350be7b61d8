//! Changes that Webex took, and that its list does not show. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use super::api::Webhook;
use super::plan::Change;
use crate::gate::moment::Moment;
use crate::report::outage::{Kind, Outage};

/// A framework that has just deleted all webhooks is the other reason why one is not listed; the bot is deaf until it
/// is made again.
const FIRST: Duration = Duration::from_secs(5);

/// Doubled each time until then: behind a list that is out of date for ever, one event costs 35 webhooks on the first
/// day. Webex has 30,000 for a user.
const MOST: Duration = Duration::from_hours(1);

/// Resource, event and target of a webhook that was made.
pub(super) type Key = (Box<str>, Box<str>, Box<str>);

/// What was made and is in no list. It holds no more than the configuration has events.
#[derive(Debug, Default)]
pub struct Unlisted(BTreeMap<Key, Again>);

#[derive(Debug)]
struct Again {
    since: Moment,
    wait: Duration,
}

impl Unlisted {
    /// What is listed after all may be made again when it is gone.
    pub fn seen(&mut self, actual: &[Webhook]) {
        self.0.retain(|key, _| !is_listed(key, actual));
    }

    /// What was made now, and is not in the list that was read after it.
    pub(super) fn heed(&mut self, made: Vec<Key>, actual: &[Webhook], now: Moment) {
        self.seen(actual);
        for key in made.into_iter().filter(|key| !is_listed(key, actual)) {
            let wait = self.0.get(&key).map_or(FIRST, |again| MOST.min(again.wait * 2));
            self.0.insert(key, Again { since: now, wait });
        }
    }

    pub(super) fn holds(&self, key: &Key, now: Moment) -> bool {
        self.0.get(key).is_some_and(|again| now.since(again.since) < again.wait)
    }
}

/// Of what is to be made.
pub(super) fn key(change: &Change) -> Option<Key> {
    match change {
        Change::Create { fresh } => {
            Some((fresh.resource.clone(), fresh.event.clone(), fresh.target.clone()))
        }
        Change::Update { .. } | Change::Delete { .. } => None,
    }
}

fn is_listed((resource, event, target): &Key, actual: &[Webhook]) -> bool {
    let mut alike = actual.iter().filter(|webhook| webhook.resource == *resource);
    alike.any(|webhook| {
        webhook.event == *event && webhook.filter.is_none() && leads_to(webhook, target)
    })
}

/// A change that was taken and is not shown has failed. What is gone was changed by somebody else since.
pub(super) fn unshown(change: &Change, result: &mut Result<(), Outage>, actual: &[Webhook]) {
    let find = |id: &str| actual.iter().find(|webhook| *webhook.id == *id);
    let is_shown = match change {
        Change::Create { .. } => key(change).is_some_and(|key| is_listed(&key, actual)),
        Change::Delete { id, .. } => find(id).is_none(),
        Change::Update { repair, .. } => find(&repair.id).is_none_or(|webhook| {
            leads_to(webhook, &repair.target)
                && (repair.secret.is_none() || repair.secret == webhook.secret)
                && (webhook.active || !repair.activate)
        }),
    };
    if result.is_ok() && !is_shown {
        let cause = "Webex took a change to a webhook, and does not show it in its list";
        *result = Err(Outage::new(Kind::WebexUnavailable, cause));
    }
}

fn leads_to(webhook: &Webhook, target: &str) -> bool {
    let parsed = |text: &str| Url::parse(text).ok();
    *webhook.target == *target
        || parsed(target).is_some_and(|target| parsed(&webhook.target) == Some(target))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::plan_tests::own;
    use super::*;

    fn at(minutes: u64) -> Moment {
        let tick = Duration::from_mins(minutes);
        Moment { wall: SystemTime::UNIX_EPOCH + tick, tick }
    }

    fn made() -> Key {
        ("messages".into(), "created".into(), "https://gw.example.com/hook".into())
    }

    #[test]
    fn what_is_not_listed_is_made_again_more_and_more_seldom() {
        let (mut unlisted, mut times) = (Unlisted::default(), 0);
        for minute in 0..24 * 60 {
            if !unlisted.holds(&made(), at(minute)) {
                unlisted.heed(vec![made()], &[], at(minute));
                times += 1;
            }
        }
        assert!((24..=35).contains(&times), "{times}");
    }

    #[test]
    fn what_was_listed_after_all_is_made_again_at_once_when_it_is_gone() {
        let mut unlisted = Unlisted::default();
        unlisted.heed(vec![made()], &[], at(0));
        unlisted.seen(&[own(1, "memberships", "created")]);
        assert!(unlisted.holds(&made(), at(0)));
        unlisted.seen(&[own(1, "messages", "created")]);
        assert!(!unlisted.holds(&made(), at(0)));
    }
}
