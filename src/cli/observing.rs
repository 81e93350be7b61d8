//! Routes whose observing ends while the gateway runs: enforcing begins by itself, and this tells of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::Config;
use crate::flow::Gateway;
use crate::gate::policy::Mode;
use crate::report::{Happening, Lifecycle, Reporter, Turn};
use crate::rt;

/// A clock that was set, and a configuration that was reloaded, are noticed within this.
const SLICE: Duration = Duration::from_secs(10);

/// Tells of each route once, when its date has come. Ends only when it is dropped.
pub(super) async fn watch(gateway: Arc<Gateway>, reporter: Arc<Reporter>) {
    let mut seen = rt::now().wall;
    loop {
        let (config, now) = (gateway.config(), rt::now().wall);
        for (route, until) in ends(&config) {
            if seen < until && until <= now {
                tracing::info!(route, "observing is over: refusals are enforced from now on");
                let what = Lifecycle::Enforced { route };
                reporter.emit(&Happening::Lifecycle(&Turn { at: now, what }));
            }
        }
        // A clock that was set back tells nothing twice.
        seen = seen.max(now);
        tokio::time::sleep(wait(&config, now)).await;
    }
}

/// When the routes that observe will stop it.
fn ends(config: &Config) -> impl Iterator<Item = (&str, SystemTime)> {
    config.routes.iter().filter_map(|(name, route)| match route.policy.mode {
        Mode::Observe { until } => Some((&**name, until)),
        Mode::Enforce => None,
    })
}

fn wait(config: &Config, now: SystemTime) -> Duration {
    let left = ends(config).filter_map(|(_, until)| until.duration_since(now).ok());
    let next = left.filter(|left| !left.is_zero()).min();
    // Timers are a millisecond early at most; one more is none too late for a date.
    next.map_or(SLICE, |left| left.saturating_add(Duration::from_millis(1)).min(SLICE))
}
