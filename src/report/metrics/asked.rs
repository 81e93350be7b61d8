//! Figures that are only known by asking, as series of one scrape: what nobody tells any more is not there.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{Bot, Cached, Name, Route, whole};
use crate::report::observed::{BotFigures, Figures, Observed, RouteFigures};

type Seconds<S> = Family<S, Gauge<f64, AtomicU64>>;

/// Whom to ask.
#[derive(Default)]
pub(super) struct Asked(Mutex<Option<Weak<dyn Observed>>>);

impl Asked {
    /// From now on, this one.
    pub(super) fn ask(&self, observed: Weak<dyn Observed>) {
        *self.slot() = Some(observed);
    }

    /// Nothing while there is nobody to ask.
    pub(super) fn figures(&self) -> Figures {
        // Asked without the lock: whoever answers may take a moment.
        let observed = self.slot().as_ref().and_then(Weak::upgrade);
        observed.map(|observed| observed.figures()).unwrap_or_default()
    }

    pub(super) fn register_current(&self, registry: &mut Registry) {
        let Figures { routes, bots, caches } = self.figures();
        register_routes(registry, &routes);
        register_bots(registry, &bots);
        let entries = Family::<Cached, Gauge>::default();
        for (cache, count) in caches {
            entries.get_or_create(&Cached { cache: cache.label() }).set(whole(count));
        }
        registry.register("cache_entries", "What is remembered", entries);
    }

    fn slot(&self) -> MutexGuard<'_, Option<Weak<dyn Observed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

fn register_routes(registry: &mut Registry, routes: &[RouteFigures]) {
    let (events, oldest) = (Family::<Route, Gauge>::default(), Seconds::<Route>::default());
    for figures in routes {
        let route = Route { route: Name::clone(&figures.route) };
        events.get_or_create(&route).set(whole(figures.events));
        oldest.get_or_create(&route).set(figures.oldest.as_secs_f64());
    }
    registry.register("inbox_events", "Events that wait or are being tried", events);
    registry.register("inbox_oldest_seconds", "How long the oldest of them is there", oldest);
}

fn register_bots(registry: &mut Registry, bots: &[BotFigures]) {
    let (left, silent) = (Family::<Bot, Gauge>::default(), Seconds::<Bot>::default());
    for figures in bots {
        let bot = Bot { bot: Name::clone(&figures.bot) };
        left.get_or_create(&bot).set(whole(figures.budget_left));
        silent.get_or_create(&bot).set(figures.silent_for.as_secs_f64());
    }
    registry.register("webex_budget_left", "Calls to Webex that could be made right now", left);
    registry.register(
        "webex_retry_after_seconds",
        "For how long Webex still wants no calls of this bot",
        silent,
    );
}
