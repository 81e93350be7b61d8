//! Records: what was decided about a letter, and what it rests on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::Courier;
use super::door::{Admission, Outcome};
use super::gateway::Gateway;
use super::letter::{Letter, Said};
use super::route::Route;
use crate::config::Config;
use crate::gate::id::{Key, Org};
use crate::gate::policy::Cleared;
use crate::gate::refusal::Refusal;
use crate::gate::roster::{Roster, Standing};
use crate::gate::signature::Authentic;
use crate::report::lines::Unwritten;
use crate::report::outage::Outage;
use crate::report::{BodyDigest, Decision, Happening, Mode, Ticket, Verdict};
use crate::rt;
use crate::telemetry::Trail;

/// The configured names of organisations.
#[derive(Debug)]
pub(super) struct Names(HashMap<Key<Org>, Arc<str>>);

impl Names {
    pub(super) fn of(config: &Config) -> Self {
        Self(config.orgs.iter().map(|(name, org)| (org.key(), Arc::clone(name))).collect())
    }

    fn name(&self, standing: Standing) -> String {
        match standing {
            Standing::Of(org) | Standing::GuestOf(org) => {
                self.0.get(&org).map_or_else(|| org.to_string(), ToString::to_string)
            }
            Standing::Unknown => "unknown".to_owned(),
        }
    }
}

impl Courier {
    /// The record of a clearance: when this returns, it is written. Without it, nothing may pass; nor while those before
    /// it cannot be written. A try after one that took too long waits for the same record.
    pub(super) async fn tell_cleared(
        &self,
        letter: &mut Letter,
        cleared: &Cleared,
    ) -> Result<(), Unwritten> {
        if !self.reporter.writable() {
            return Err(Unwritten);
        }
        let verdict = Verdict::of(cleared.basis());
        let ticket = self.tell(letter, verdict)?;
        self.reporter.written(ticket).await
    }

    /// Queues the record of a verdict; once, however often a try comes to the same, also under another configuration:
    /// the record names the one that first came to it.
    pub(super) fn tell(&self, letter: &mut Letter, verdict: Verdict) -> Result<Ticket, Unwritten> {
        letter.trail.decided(verdict);
        let (now, setup, route) = (rt::now(), self.in_force.now(), Arc::clone(&letter.route));
        let mode = Mode::at(route.mode(), now.wall);
        let said = Said { verdict, mode };
        if let Some((_, ticket)) = letter.told.as_ref().filter(|(told, _)| *told == said) {
            return Ok(*ticket);
        }
        let clean = verdict == Verdict::Allow { would_refuse: None };
        let unclean = letter.roster.as_deref().filter(|_| !clean);
        let ticket = self.reporter.record(&Decision {
            at: now.wall,
            id: letter.id,
            trace: letter.trail.id(),
            route: &letter.route.name,
            bot: &letter.route.desk.name,
            config: &setup.config.fingerprint,
            mode,
            facts: Some(&letter.facts),
            body: letter.body,
            verdict,
            because: route.because(&letter.facts).filter(|_| verdict == Verdict::AllowUnasked),
            members: letter.roster.as_deref().map(|roster| roster.members().len()),
            outsiders: unclean
                .map(|roster| self.outsiders(&letter.route, roster))
                .unwrap_or_default(),
            source: letter.source,
            age: letter.roster.as_deref().map(|roster| now.since(roster.read())),
            took: now.since(letter.asked),
        })?;
        letter.told = Some((said, ticket));
        Ok(ticket)
    }

    fn outsiders(&self, route: &Route, roster: &Roster) -> Vec<(String, usize)> {
        let Some(identity) = route.desk.identity() else { return Vec::new() };
        let (setup, mut orgs) = (self.in_force.now(), BTreeMap::<String, usize>::new());
        for (_, standing, _) in route.audience(identity).outsiders(roster) {
            *orgs.entry(setup.names.name(standing)).or_default() += 1;
        }
        orgs.into_iter().collect()
    }

    /// The record of a letter whose time is up.
    pub(super) fn bury(&self, mut letter: Letter, last: Outage) {
        let (id, route, reason) = (letter.id, &*letter.route.name, last.kind.label());
        tracing::warn!(decision_id = %id, route, reason, cause = %last.cause, "expired: {}", last.kind.sentence());
        // It is over, written or not; lines that are lost are counted.
        let _counted = self.tell(&mut letter, Verdict::Expired(last.kind));
        letter.reply(Outcome::Failed(last));
    }
}

impl Gateway {
    /// Authentic, and its route is gone since it was verified: for whoever calls, there is no such path.
    pub(super) fn routeless(&self, authentic: &Authentic) -> Admission {
        let (route, refusal) = (Some(&**authentic.arrival().route()), Refusal::NoRoute);
        self.reporter.emit(&Happening::TurnedAway { route, refusal, at: rt::now().wall });
        Admission::Refused(refusal)
    }

    /// Authentic, but not an event of this bot's webhooks: recorded, and answered as any other authentic call.
    pub(super) fn refused_unread(
        &self,
        route: &Route,
        (id, mut trail): (Uuid, Trail),
        body: &Bytes,
        refusal: Refusal,
    ) -> Admission {
        trail.decided(Verdict::Refused(refusal));
        let (at, setup) = (rt::now().wall, self.in_force());
        self.reporter.emit(&Happening::Decided(&Decision {
            at,
            id,
            trace: trail.id(),
            route: &route.name,
            bot: &route.desk.name,
            config: &setup.config.fingerprint,
            mode: Mode::at(route.mode(), at),
            facts: None,
            body: BodyDigest::of(body),
            verdict: Verdict::Refused(refusal),
            because: None,
            members: None,
            outsiders: Vec::new(),
            source: None,
            age: None,
            took: Duration::ZERO,
        }));
        Admission::Refused(refusal)
    }
}
