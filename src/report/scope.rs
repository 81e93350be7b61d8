//! What is known of the configuration before anything happens.

use std::sync::Arc;

use crate::config::Config;
use crate::gate::policy::Mode;

/// What a reporter must know beforehand, so that every series exists from the start.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The routes.
    pub routes: Vec<RouteScope>,
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

impl Scope {
    /// Of a checked configuration.
    pub fn of(config: &Config) -> Self {
        let routes = config.routes.iter().map(|(name, route)| RouteScope {
            name: Arc::clone(name),
            bot: Arc::clone(&route.bot),
            mode: route.policy.mode,
        });
        Self {
            routes: routes.collect(),
            fingerprint: config.fingerprint.clone(),
            letters: config.inbox.max_events,
        }
    }
}
