//! One bot, as those who look after it see it.

use std::sync::Arc;
use std::time::Duration;

use super::Tools;
use crate::config::Config;
use crate::flow::{Desk, Identity};
use crate::gate::id::{Key, Org, Person, RoomId};
use crate::gate::moment::Moment;
use crate::gate::policy::{Mode, Policy, RoomVerdict, judge_room};
use crate::gate::roster::{Roster, Standing};
use crate::report::outage::Outage;
use crate::report::{Happening, Upkeep};
use crate::rt;

/// How often is looked whether Webex has said who the bot is; it costs nothing.
const LOOK: Duration = Duration::from_millis(100);

/// A bot that is looked after.
#[derive(Clone, Debug)]
pub(super) struct Ward {
    pub(super) desk: Arc<Desk>,
    pub(super) tools: Tools,
    policies: Arc<[Policy]>,
    allow_ttl: Duration,
    orgs: Arc<[(Key<Org>, Arc<str>)]>,
}

/// Whether a route of the bot lets pass what it should refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforced {
    /// Every route refuses.
    Everywhere,
    /// One of them observes: what it is told to be is not how it is.
    NotEverywhere,
}

impl Ward {
    pub(super) fn new(config: &Config, desk: &Arc<Desk>, tools: &Tools) -> Self {
        let of_bot = config.routes.values().filter(|route| route.bot == *desk.name());
        let orgs = config.orgs.iter().map(|(name, org)| (org.key(), Arc::clone(name)));
        Self {
            desk: Arc::clone(desk),
            tools: tools.clone(),
            policies: of_bot.map(|route| route.policy.clone()).collect(),
            allow_ttl: config.cache.allow_ttl,
            orgs: orgs.collect(),
        }
    }

    /// Waits until Webex has said who the bot is.
    pub(super) async fn known(&self) -> &Identity {
        loop {
            if let Some(identity) = self.desk.identity() {
                return identity;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn enforced(&self, now: Moment) -> Enforced {
        let enforces = |policy: &Policy| policy.mode.at(now) == Mode::Enforce;
        if self.policies.iter().all(enforces) {
            Enforced::Everywhere
        } else {
            Enforced::NotEverywhere
        }
    }

    /// Clean for every route of the bot, by a list that may still say so; anything else is the first verdict against.
    pub(super) async fn room(&self, room: &RoomId) -> Result<RoomVerdict, Outage> {
        let (identity, now) = (self.known().await, rt::now());
        let roster = identity.membership.roster(room, now).await?;
        Ok(self.judge(&roster, identity.own, now))
    }

    fn judge(&self, roster: &Roster, own: Key<Person>, now: Moment) -> RoomVerdict {
        let judge =
            |policy: &Policy| judge_room(roster, &policy.audience(own), self.allow_ttl, now);
        let verdicts = self.policies.iter().map(judge);
        let against = { verdicts }.find(|verdict| *verdict != RoomVerdict::Clean);
        against.unwrap_or(RoomVerdict::Clean)
    }

    /// Whether somebody who belongs there may be in the bot's rooms, by every route of it.
    pub(super) fn admits(&self, own: Key<Person>, person: Key<Person>, standing: Standing) -> bool {
        self.policies.iter().all(|policy| policy.audience(own).admits(person, standing))
    }

    /// The configured name of an organisation, or its id.
    pub(super) fn org_name(&self, org: Key<Org>) -> String {
        let named = self.orgs.iter().find(|(id, _)| *id == org);
        named.map_or_else(|| org.to_string(), |(_, name)| name.to_string())
    }

    pub(super) fn tell(&self, upkeep: &Upkeep<'_>) {
        self.tools.reporter.emit(&Happening::Upkeep { bot: self.desk.name(), upkeep });
    }

    /// A refused token is the business of the whole gateway.
    pub(super) fn heed(&self, outage: &Outage) {
        self.tools.gateway.heed_outage(&self.desk, outage);
    }
}
