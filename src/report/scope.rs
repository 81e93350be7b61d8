//! What is known of the configuration before anything happens.

use std::sync::Arc;

use crate::config::{Config, Manage};
use crate::gate::policy::Mode;

/// What a reporter must know beforehand, so that every series exists from the start.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The routes.
    pub routes: Vec<RouteScope>,
    /// The bots.
    pub bots: Vec<BotScope>,
    /// The fingerprint of the configuration.
    pub fingerprint: Box<str>,
    /// Events that may be kept at once: when the gateway stops, each has a record at the same moment.
    pub letters: usize,
}

/// One route.
#[derive(Clone, Debug)]
pub struct RouteScope {
    /// Its name.
    pub name: Arc<str>,
    /// The name of its bot.
    pub bot: Arc<str>,
    /// Whether it enforces or observes.
    pub mode: Mode,
}

/// One bot, and whether it is looked after by the clock.
#[derive(Clone, Debug)]
pub struct BotScope {
    /// Its name.
    pub name: Arc<str>,
    /// Its webhooks.
    pub webhooks: Watch,
    /// Its rooms.
    pub audits: Watch,
}

/// Whether something is looked at by the clock: what never is cannot be overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Nobody looks by the clock.
    Never,
    /// Again and again.
    Scheduled,
}

impl From<bool> for Watch {
    fn from(looked_at: bool) -> Self {
        if looked_at { Self::Scheduled } else { Self::Never }
    }
}

impl Scope {
    /// Of a checked configuration.
    pub fn of(config: &Config) -> Self {
        let routes = config.routes.iter().map(|(name, route)| RouteScope {
            name: Arc::clone(name),
            bot: Arc::clone(&route.bot),
            mode: route.policy.mode,
        });
        let bots = config.bots.iter().map(|(name, bot)| BotScope {
            name: Arc::clone(name),
            webhooks: (bot.webhooks.manage != Manage::None).into(),
            audits: bot.audit.every.is_some().into(),
        });
        Self {
            routes: routes.collect(),
            bots: bots.collect(),
            fingerprint: config.fingerprint.clone(),
            letters: config.inbox.max_events,
        }
    }
}
