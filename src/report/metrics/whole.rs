//! The gateway as a whole: which one it is, which configuration is in force, what each route does about refusals.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::labels::{Configuration, ModeOf, Name, Version, timestamp};
use crate::gate::policy::Mode;
use crate::report::build::{REVISION, VERSION, target};
use crate::report::{Lifecycle, RouteScope, Scope, Turn};

#[derive(Debug)]
pub(super) struct Whole {
    reloaded: Gauge,
    reloaded_at: Gauge,
    scope: Mutex<Scope>,
}

impl Whole {
    pub(super) fn new(scope: &Scope) -> Self {
        let (reloaded, reloaded_at) = (Gauge::default(), Gauge::default());
        Self { reloaded, reloaded_at, scope: Mutex::new(scope.clone()) }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let version =
            Version { version: VERSION, revision: REVISION.unwrap_or("unknown"), target: target() };
        registry.register("build", "Which botwarden this is", Info::new(version));
        registry.register(
            "config_last_reload_successful",
            "Whether the configuration that was offered last is in force",
            self.reloaded.clone(),
        );
        registry.register(
            "config_last_reload_success_timestamp_seconds",
            "Since when the configuration is in force",
            self.reloaded_at.clone(),
        );
    }

    /// What may look otherwise at the next scrape.
    pub(super) fn register_current(&self, registry: &mut Registry, now: SystemTime) {
        let scope = self.scope();
        let hash = Configuration { hash: (&*scope.fingerprint).into() };
        registry.register("config", "Which configuration is in force", Info::new(hash));
        let modes = Family::<ModeOf, Gauge>::default();
        for route in &scope.routes {
            let enforces = i64::from(enforces(route, now));
            for (mode, value) in [("enforce", enforces), ("observe", 1 - enforces)] {
                let mode = ModeOf { route: Name::clone(&route.name), mode };
                modes.get_or_create(&mode).set(value);
            }
        }
        registry.register("route_mode", "What is done about refusals", modes);
    }

    /// Another configuration is in force. The one before.
    pub(super) fn renew(&self, scope: &Scope) -> Scope {
        std::mem::replace(&mut *self.scope(), scope.clone())
    }

    pub(super) fn count(&self, turn: &Turn<'_>) {
        match turn.what {
            Lifecycle::Started | Lifecycle::Reloaded { .. } => {
                self.reloaded.set(1);
                self.reloaded_at.set(timestamp(turn.at));
            }
            Lifecycle::NotReloaded { .. } => {
                self.reloaded.set(0);
            }
            Lifecycle::Enforced { route } => self.enforced(route),
            Lifecycle::Draining | Lifecycle::Stopped { .. } => {}
        }
    }

    fn enforced(&self, name: &str) {
        let mut scope = self.scope();
        for route in scope.routes.iter_mut().filter(|route| *route.name == *name) {
            route.mode = Mode::Enforce;
        }
    }

    /// A panic elsewhere leaves it whole: each change is one assignment.
    fn scope(&self) -> MutexGuard<'_, Scope> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Observing ends by itself, also when nobody tells.
fn enforces(route: &RouteScope, now: SystemTime) -> bool {
    match route.mode {
        Mode::Enforce => true,
        Mode::Observe { until } => now >= until,
    }
}
