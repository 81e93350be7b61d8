//! When a webhook that Webex has switched off may be switched on again. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::gate::moment::Moment;
use crate::rt::Checks;
use crate::webex::webhooks::{Health, Webhook};

/// More webhooks of one bot than this are a mistake of somebody; the rest of them waits until there are fewer.
const MOST: usize = 1000;

/// Since when webhooks have been seen switched off: later than they were, so that it errs on the safe side.
#[derive(Debug, Default)]
pub(super) struct Rest(BTreeMap<Box<str>, Moment>);

/// How the gateway is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gateway {
    /// Some of its checks fail.
    NotReady,
    /// It is ready, and for so long nothing has gone wrong on the bot's routes.
    WellFor(Duration),
}

impl Gateway {
    /// What the gateway's checks mean for one bot: a refused token is no other bot's business.
    pub(super) fn of(bot: &str, checks: &Checks, steady: Duration) -> Self {
        let own = format!("token {bot}");
        let counts = |name: &str| name == own || !name.starts_with("token ");
        let mut counting = checks.iter().filter(|(name, _)| counts(name));
        if counting.all(|(_, check)| check.is_ok()) {
            Self::WellFor(steady)
        } else {
            Self::NotReady
        }
    }
}

impl Rest {
    /// All webhooks, as they are now.
    pub(super) fn seen(&mut self, all: &[Webhook], now: Moment) {
        let off = || all.iter().filter(|webhook| !webhook.active).take(MOST);
        let since = |id: &str| self.0.get(id).copied().unwrap_or(now);
        let still = off().map(|webhook| (webhook.id.clone(), since(&webhook.id)));
        self.0 = still.collect();
    }

    /// Which of them may be switched on.
    pub(super) fn health(&self, gateway: Gateway, least: Duration, now: Moment) -> Health {
        match gateway {
            Gateway::WellFor(time) if time >= least => {}
            Gateway::WellFor(_) | Gateway::NotReady => return Health::NotYet,
        }
        let rested = self.0.iter().filter(|(_, since)| now.since(**since) >= least);
        Health::Rested(rested.map(|(id, _)| id.clone()).collect())
    }

    /// What Webex switches off from now on rests anew, also if nobody looked in between.
    pub(super) fn switched_on(&mut self, ids: &BTreeSet<Box<str>>) {
        self.0.retain(|id, _| !ids.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const LEAST: Duration = Duration::from_mins(5);
    const WELL: Gateway = Gateway::WellFor(LEAST);

    fn at(minutes: u64) -> Moment {
        let tick = Duration::from_mins(minutes);
        Moment { wall: SystemTime::UNIX_EPOCH + tick, tick }
    }

    fn off(id: &str) -> Webhook {
        Webhook {
            id: id.into(),
            name: "n".into(),
            target: "https://gw.example.com/hook".into(),
            resource: "messages".into(),
            event: "created".into(),
            filter: None,
            secret: None,
            active: false,
            by_creator: true,
            created: None,
        }
    }

    fn rested(ids: &[&str]) -> Health {
        Health::Rested(ids.iter().map(|id| (*id).into()).collect())
    }

    #[test]
    fn nothing_is_switched_on_before_all_three_times_are_over() {
        let mut rest = Rest::default();
        rest.seen(&[off("a")], at(10));
        let almost = Gateway::WellFor(LEAST.saturating_sub(Duration::from_nanos(1)));
        let table = [
            (Gateway::NotReady, 60, Health::NotYet),
            (almost, 60, Health::NotYet),
            (WELL, 10, rested(&[])),
            (WELL, 14, rested(&[])),
            (WELL, 15, rested(&["a"])),
            (Gateway::WellFor(10 * LEAST), 16, rested(&["a"])),
        ];
        for (gateway, minute, health) in table {
            assert_eq!(rest.health(gateway, LEAST, at(minute)), health, "{gateway:?} {minute}");
        }
    }

    #[test]
    fn only_a_check_of_another_bots_token_does_not_count() {
        let table = [
            ("token helpdesk", Gateway::NotReady),
            ("token other", WELL),
            ("shutdown", Gateway::NotReady),
            ("records", Gateway::NotReady),
        ];
        for (failing, gateway) in table {
            let all = ["shutdown", "token helpdesk", "token other"];
            let mut checks: Checks = all.iter().map(|name| ((*name).into(), Ok(()))).collect();
            assert_eq!(Gateway::of("helpdesk", &checks, LEAST), WELL);
            checks.insert(failing.into(), Err("why".into()));
            assert_eq!(Gateway::of("helpdesk", &checks, LEAST), gateway, "{failing}");
        }
    }

    #[test]
    fn each_webhook_rests_for_itself_and_anew_each_time() {
        let mut rest = Rest::default();
        rest.seen(&[off("a")], at(0));
        rest.seen(&[off("a"), off("b")], at(3));
        assert_eq!(rest.health(WELL, LEAST, at(6)), rested(&["a"]));
        let on = Webhook { active: true, ..off("a") };
        rest.seen(&[on, off("b")], at(6));
        rest.seen(&[off("a"), off("b")], at(7));
        assert_eq!(rest.health(WELL, LEAST, at(9)), rested(&["b"]));
        rest.switched_on(&["b".into()].into());
        rest.seen(&[off("a"), off("b")], at(10));
        assert_eq!(rest.health(WELL, LEAST, at(12)), rested(&["a"]));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut rest = Rest::default();
        let all: Vec<_> = (0..MOST + 10).map(|n| off(&n.to_string())).collect();
        rest.seen(&all, at(0));
        assert_eq!(rest.0.len(), MOST);
        rest.seen(&[], at(1));
        assert!(rest.0.is_empty());
    }
}
