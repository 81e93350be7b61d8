//! What should be registered for a bot.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use url::Url;

use super::api::Webhook;
use super::cover::covers;
use crate::config::{Config, Route};
use crate::gate::secret::Secret;

/// Names that begin like this are the gateway's own: it makes them, and it removes them.
pub const OWN_NAME: &str = "botwarden:";

/// An event that should come, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Such as `messages`.
    pub resource: Box<str>,
    /// Such as `created`.
    pub event: Box<str>,
    /// The route, as Webex reaches it.
    pub target: Url,
}

/// `messages.created`
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.resource, self.event)
    }
}

/// Whether a webhook that Webex has switched off may be switched on again.
///
/// Within five minutes after Webex has switched it off, one failure switches it off again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// None may.
    NotYet,
    /// These may, by id: the gateway is well, and they have been off for long enough.
    Rested(BTreeSet<Box<str>>),
    /// All may: somebody says so.
    Steady,
}

impl Health {
    pub(super) fn lets_on(&self, webhook: &Webhook) -> bool {
        match self {
            Self::NotYet => false,
            Self::Rested(ids) => ids.contains(&webhook.id),
            Self::Steady => true,
        }
    }
}

/// How the webhooks of a bot should be.
#[derive(Clone, PartialEq, Eq)]
pub struct Desired {
    /// The bot.
    pub bot: Arc<str>,
    /// Where Webex finds the gateway: `server.public_url`.
    pub gateway: Url,
    /// All routes of the bot, as Webex reaches them.
    pub routes: Vec<Url>,
    /// All routes of other bots.
    pub others: Vec<Url>,
    /// What should come.
    pub wanted: Vec<Wanted>,
    /// What webhooks are registered with.
    pub secret: Secret,
    /// What the gateway accepts as well.
    pub earlier: Vec<Secret>,
    /// Targets elsewhere that are left alone: as they are, or as [`Webhook::shown_target`] shows them.
    pub foreign: Vec<Box<str>>,
    /// Whether webhooks may be switched on now.
    pub health: Health,
}

impl Desired {
    /// As configured; `None` without `server.public_url`, without such a bot, or with no secret or route of it.
    pub fn of(config: &Config, bot: &str, health: Health) -> Option<Self> {
        let gateway = config.server.public_url.clone()?;
        let (name, of_bot) = config.bots.get_key_value(bot)?;
        let mut secrets = of_bot.secrets.iter().map(|one| one.secret.clone());
        let secret = secrets.next()?;
        let (routes, others): (Vec<&Route>, Vec<&Route>) =
            config.routes.values().partition(|route| *route.bot == *bot);
        if routes.is_empty() {
            return None;
        }
        Some(Self {
            bot: Arc::clone(name),
            routes: routes.iter().map(|route| at(&gateway, route)).collect(),
            others: others.iter().map(|route| at(&gateway, route)).collect(),
            wanted: routes.iter().flat_map(|route| wanted(&gateway, route)).collect(),
            secret,
            earlier: secrets.collect(),
            foreign: of_bot.webhooks.foreign.clone(),
            health,
            gateway,
        })
    }

    /// What the gateway calls the webhooks that it makes.
    pub fn own_name(&self) -> String {
        format!("{OWN_NAME}{}", self.bot)
    }

    /// The route where the events of a webhook should go: the one that wants exactly these, or some of them, messages
    /// first; otherwise the only one, or the one that gets messages.
    pub(super) fn route_for(&self, resource: &str, event: &str) -> Option<&Url> {
        if let Some(route) = self.wants(resource, event).next() {
            return Some(route);
        }
        let mut covered =
            self.wanted.iter().filter(|wanted| covers((resource, event), wanted.words()));
        let messages = self.wanted.iter().find(|wanted| wanted.words() == MESSAGES);
        let fallback = match self.routes.as_slice() {
            [only] => Some(only),
            _ => messages.map(|wanted| &wanted.target),
        };
        let messages = messages.filter(|_| covers((resource, event), MESSAGES));
        messages.or_else(|| covered.next()).map(|wanted| &wanted.target).or(fallback)
    }

    /// The routes that want exactly these events.
    pub(super) fn wants(&self, resource: &str, event: &str) -> impl Iterator<Item = &Url> {
        let wanted = self.wanted.iter().filter(move |wanted| wanted.words() == (resource, event));
        wanted.map(|wanted| &wanted.target)
    }
}

const MESSAGES: (&str, &str) = ("messages", "created");

impl Wanted {
    pub(super) fn words(&self) -> (&str, &str) {
        (&self.resource, &self.event)
    }
}

fn at(gateway: &Url, route: &Route) -> Url {
    let mut url = gateway.clone();
    url.set_path(&route.path);
    url
}

fn wanted(gateway: &Url, route: &Route) -> impl Iterator<Item = Wanted> {
    let target = at(gateway, route);
    route.events.iter().map(move |(resource, event)| Wanted {
        resource: resource.clone(),
        event: event.clone(),
        target: target.clone(),
    })
}

/// Targets elsewhere may hold secrets of others: they are counted.
impl fmt::Debug for Desired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bot,
            gateway,
            routes,
            wanted,
            secret: _,
            earlier: _,
            foreign,
            health,
            others: _,
        } = self;
        f.debug_struct("Desired")
            .field("bot", bot)
            .field("gateway", &gateway.as_str())
            .field("routes", &routes.iter().map(Url::as_str).collect::<Vec<_>>())
            .field("wanted", wanted)
            .field("foreign", &foreign.len())
            .field("health", health)
            .finish_non_exhaustive()
    }
}
