//! What the running gateway does beside the path of events: webhooks, audits, departures, notices.

mod schedule;
pub mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::config::Config;
use crate::flow::{Gateway, Sighting, Sightings};
use crate::report::Reporter;
use crate::rt::{Readiness, Tasks};

/// What upkeep works with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Bots, routes, and how they are.
    pub gateway: Arc<Gateway>,
    /// Hears what was done.
    pub reporter: Arc<Reporter>,
    /// Whether the gateway is well.
    pub readiness: Readiness,
    /// Where all of it runs.
    pub tasks: Tasks,
}

/// Starts everything that the configuration asks for; it ends with the tasks.
pub fn start(config: &Config, tools: &Tools, sightings: Sightings) {
    let nudges = webhooks(config, tools);
    spawn(tools, "sightings", watch(sightings, nudges));
}

type Nudges = BTreeMap<Arc<str>, Arc<Notify>>;

/// One keeper a bot, and what wakes it up.
fn webhooks(config: &Config, tools: &Tools) -> Nudges {
    let mut nudges = Nudges::new();
    for desk in tools.gateway.desks() {
        let Some(keeper) = webhooks::Keeper::new(config, Arc::clone(desk), tools.clone()) else {
            continue;
        };
        let nudge = Arc::new(Notify::new());
        nudges.insert(Arc::clone(desk.name()), Arc::clone(&nudge));
        spawn(tools, "webhooks", keeper.keep(nudge));
    }
    nudges
}

async fn watch(mut sightings: Sightings, nudges: Nudges) {
    while let Some(sighting) = sightings.recv().await {
        if let Sighting::Membership { bot, .. } = &sighting
            && let Some(nudge) = nudges.get(bot)
        {
            nudge.notify_one();
        }
    }
}

fn spawn(tools: &Tools, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    let stop = tools.tasks.stop_token().clone();
    tools.tasks.spawn(name, async move {
        stop.run_until_cancelled(work).await;
    });
}
