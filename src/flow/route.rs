//! One route at work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::desk::{Desk, Identity};
use crate::config::{self, Answer, Config, Unverified};
use crate::forward::{self, Forward, NoTrust};
use crate::gate::arrival::Arrival;
use crate::gate::event::Facts;
use crate::gate::moment::Moment;
use crate::gate::policy::{Audience, Demand, Mode, Policy, Rules};
use crate::gate::retry::Schedule;
use crate::rt::{self, Tasks};

/// Routes by path and by name.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) by_path: HashMap<Box<str>, Arc<Route>>,
    pub(super) by_name: HashMap<Arc<str>, Arc<Route>>,
}

impl Routes {
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    pub(super) fn of(&self, arrival: &Arrival) -> Option<Arc<Route>> {
        self.by_name.get(arrival.route()).cloned()
    }

    pub(super) fn insert(&mut self, path: Box<str>, route: Arc<Route>) {
        self.by_path.insert(path, Arc::clone(&route));
        self.by_name.insert(Arc::clone(&route.name), route);
    }
}

/// One route at work.
#[derive(Debug)]
pub(crate) struct Route {
    pub(super) name: Arc<str>,
    pub(super) desk: Arc<Desk>,
    pub(super) forward: Arc<Forward>,
    pub(super) retry: Schedule,
    pub(super) answer: Answer,
    pub(super) unverified: Unverified,
    policy: Policy,
    allow_ttl: Duration,
    audience: OnceLock<Audience>,
    /// When something last went wrong that can make Webex switch a webhook off, or could if it waited for the bot.
    troubled: Arc<Mutex<Moment>>,
}

impl Route {
    pub(super) fn new(
        name: &Arc<str>,
        route: &config::Route,
        config: &Config,
        desk: &Arc<Desk>,
        tasks: &Tasks,
    ) -> Result<Self, NoTrust> {
        let destination = forward::destination(&route.bot, &route.upstream);
        Ok(Self {
            name: Arc::clone(name),
            desk: Arc::clone(desk),
            forward: Arc::new(Forward::new(destination, &route.upstream, tasks)?),
            retry: route.upstream.retry,
            answer: route.answer,
            unverified: route.unverified,
            policy: route.policy.clone(),
            allow_ttl: config.cache.allow_ttl,
            audience: OnceLock::new(),
            troubled: Arc::new(Mutex::new(rt::now())),
        })
    }

    /// The same way to the same bot by another configuration: connections, calls under way and troubles count on.
    pub(super) fn by(&self, route: &config::Route, config: &Config, desk: &Arc<Desk>) -> Self {
        Self {
            name: Arc::clone(&self.name),
            desk: Arc::clone(desk),
            forward: Arc::clone(&self.forward),
            retry: route.upstream.retry,
            answer: route.answer,
            unverified: route.unverified,
            policy: route.policy.clone(),
            allow_ttl: config.cache.allow_ttl,
            audience: OnceLock::new(),
            troubled: Arc::clone(&self.troubled),
        }
    }

    /// Something went wrong that Webex may hold against the route's webhooks.
    pub(super) fn trouble(&self) {
        *self.troubled.lock().unwrap_or_else(PoisonError::into_inner) = rt::now();
    }

    pub(super) fn steady_for(&self) -> Duration {
        rt::now().since(*self.troubled.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who may be in a room on this route.
    pub(super) fn audience(&self, identity: &Identity) -> &Audience {
        self.audience.get_or_init(|| self.policy.audience(identity.own))
    }

    /// Why an event of this kind passes on its signature alone, if it does.
    pub(super) fn because(&self, facts: &Facts) -> Option<&str> {
        match self.policy.demands.of(&facts.resource, &facts.verb) {
            Demand::SignatureOnly { because } => Some(because),
            Demand::Deny | Demand::Room => None,
        }
    }

    /// Whether refusals are enforced, or until when not.
    pub(super) fn mode(&self) -> Mode {
        self.policy.mode
    }

    pub(super) fn rules(&self, identity: &Identity) -> Rules<'_> {
        Rules { policy: &self.policy, audience: self.audience(identity), allow_ttl: self.allow_ttl }
    }
}
