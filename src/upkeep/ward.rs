//! One bot, as those who look after it see it.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::MutexGuard;

use super::Tools;
use super::kept::Kept;
use crate::audit::{Auditor, Ledger, PATIENT, Parts, Permit, Tenure, rail};
use crate::config::{self, Config, Reports};
use crate::flow::{Desk, Identity};
use crate::gate::id::{Key, Person, Room, RoomId};
use crate::gate::moment::Moment;
use crate::gate::policy::{Mode, Policy, RoomVerdict, judge_room};
use crate::gate::roster::Standing;
use crate::report::outage::Outage;
use crate::report::{Happening, Upkeep};
use crate::rt;

/// How often is looked whether Webex has said who the bot is; it costs nothing.
const LOOK: Duration = Duration::from_millis(100);

/// `max_leave` is for so long.
const A_DAY: Duration = Duration::from_hours(24);

/// A bot that is looked after.
#[derive(Clone, Debug)]
pub(super) struct Ward {
    pub(super) desk: Arc<Desk>,
    pub(super) tools: Tools,
    pub(super) config: Arc<Config>,
    pub(super) audit: config::Audit,
    pub(super) ledger: Arc<Ledger>,
    /// For how long this configuration is in force for the bot.
    pub(super) tenure: Tenure,
    pub(super) kept: Arc<Kept>,
}

/// One room of the bot may be left meanwhile.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _only: MutexGuard<'a, ()>,
}

/// Whether every route of the bot refuses what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforced {
    /// Every one.
    Everywhere,
    /// One of them observes: who wrote the configuration wants to see first.
    NotEverywhere,
}

impl Ward {
    /// None for a bot that is not configured. What another one of the same bot remembers is taken over.
    pub(super) fn new(
        config: &Arc<Config>,
        desk: &Arc<Desk>,
        tools: &Tools,
        before: Option<&Self>,
    ) -> Option<Self> {
        let audit = config.bots.get(desk.name())?.audit.clone();
        Some(Self {
            desk: Arc::clone(desk),
            tools: tools.clone(),
            config: Arc::clone(config),
            ledger: followed(desk.name(), audit.reports.as_ref(), before),
            audit,
            tenure: Tenure::default(),
            kept: before.map(|before| Arc::clone(&before.kept)).unwrap_or_default(),
        })
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

    /// Who audits the bot's rooms; none where no route says who may be in them.
    pub(super) fn auditor(&self, identity: &Identity) -> Option<Auditor> {
        let auditor = Auditor::new(Parts {
            bot: self.desk.name(),
            config: &self.config,
            client: Arc::clone(self.desk.client()),
            own: identity.own,
            effort: PATIENT,
            ledger: Arc::clone(&self.ledger),
            reporter: Arc::clone(&self.tools.reporter),
        });
        auditor.map(|auditor| auditor.while_in_force(self.tenure.clone()))
    }

    fn policies(&self) -> impl Iterator<Item = &Policy> {
        let of_bot = |route: &&config::Route| route.bot == *self.desk.name();
        self.config.routes.values().filter(of_bot).map(|route| &route.policy)
    }

    pub(super) fn enforced(&self, now: Moment) -> Enforced {
        let enforces = |policy: &Policy| policy.mode.at(now) == Mode::Enforce;
        if self.policies().all(enforces) { Enforced::Everywhere } else { Enforced::NotEverywhere }
    }

    /// Clean for every route of the bot, by a list that may still say so; anything else is the first verdict against.
    pub(super) async fn room(&self, room: &RoomId) -> Result<RoomVerdict, Outage> {
        let (identity, now) = (self.known().await, rt::now());
        let roster = identity.membership.roster(room, now).await?;
        let ttl = self.config.cache.allow_ttl;
        let judge = |policy: &Policy| judge_room(&roster, &policy.audience(identity.own), ttl, now);
        let against = self.policies().map(judge).find(|verdict| *verdict != RoomVerdict::Clean);
        Ok(against.unwrap_or(RoomVerdict::Clean))
    }

    /// Whether somebody who belongs there may be in the bot's rooms, by every route of it.
    pub(super) fn admits(&self, own: Key<Person>, person: Key<Person>, standing: Standing) -> bool {
        self.policies().all(|policy| policy.audience(own).admits(person, standing))
    }

    /// How many rooms it has left within a day, not counting these.
    pub(super) fn left_lately(&self, now: Moment, beside: &HashSet<Key<Room>>) -> usize {
        let since = now.wall.checked_sub(A_DAY);
        since.map_or(0, |since| self.ledger.left_since(since, beside))
    }

    /// May one more room be left today? Only who has the turn may ask: nobody else leaves a room until the turn ends, so
    /// what was counted is true until this room is counted, too.
    pub(super) fn permit(&self, _turn: &Turn<'_>, room: Key<Room>) -> Option<Permit> {
        let rooms = self.left_lately(rt::now(), &HashSet::from([room])).saturating_add(1);
        rail(rooms, self.kept.rooms.load(Ordering::Relaxed), self.audit.max_leave).ok()?.permit()
    }

    /// Audits and departures run side by side. Each room is left in a turn of its own, bounded by the time for two lists.
    pub(super) async fn turn(&self) -> Turn<'_> {
        Turn { _only: self.kept.leaving.lock().await }
    }

    pub(super) fn counted(&self, rooms: usize) {
        self.kept.rooms.store(rooms, Ordering::Relaxed);
    }

    pub(super) fn tell(&self, upkeep: &Upkeep<'_>) {
        self.tools.reporter.emit(&Happening::Upkeep { bot: self.desk.name(), upkeep });
    }

    /// A refused token is the business of the whole gateway.
    pub(super) fn heed(&self, outage: &Outage) {
        self.tools.gateway.heed_outage(&self.desk, outage);
    }
}

/// The same ledger while it lies in the same place; in another one, what was counted counts on.
fn followed(bot: &Arc<str>, reports: Option<&Reports>, before: Option<&Ward>) -> Arc<Ledger> {
    let dir = |reports: &Reports| reports.dir.clone();
    let Some(before) = before else { return Arc::new(ledger(bot, reports)) };
    if before.audit.reports.as_ref().map(dir) == reports.map(dir) {
        return Arc::clone(&before.ledger);
    }
    let other = ledger(bot, reports);
    other.follow(&before.ledger);
    Arc::new(other)
}

/// A directory that cannot be used must not keep the gateway from starting: what it would remember is "unknown" then.
fn ledger(bot: &Arc<str>, reports: Option<&Reports>) -> Ledger {
    let opened: Option<io::Result<Ledger>> = reports.map(|to| Ledger::open(bot, &to.dir));
    match opened {
        Some(Ok(ledger)) => ledger,
        Some(Err(error)) => {
            let cause = error.kind().to_string();
            tracing::warn!(
                bot = &**bot,
                cause,
                "the directory of audit reports cannot be used: who adds the bot is remembered until the end only"
            );
            Ledger::in_memory()
        }
        None => Ledger::in_memory(),
    }
}
