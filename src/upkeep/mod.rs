//! What the running gateway does beside the path of events: webhooks, audits, departures, notices.
//!
//! Each bot is looked after by tasks of its own: one whose token is refused holds up no other. What one of them hears
//! of waits in a bounded queue of its own, and what does not fit is lost: audits find it again.

mod audits;
mod departures;
mod newcomers;
mod notices;
mod recent;
mod schedule;
mod ward;
pub mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use crate::config::Config;
use crate::flow::{Desk, Gateway, Sighting, Sightings};
use crate::gate::moment::Moment;
use crate::report::Reporter;
use crate::rt::{self, Readiness, Tasks};
use ward::Ward;

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
    let config = Arc::new(config.clone());
    let of = |desk: &Arc<Desk>| Some((Arc::clone(desk.name()), look_after(&config, desk, tools)?));
    let ears = tools.gateway.desks().iter().filter_map(of).collect();
    spawn(tools, "sightings", watch(sightings, ears));
}

/// Who wants to hear what was seen at one bot.
#[derive(Debug)]
struct Ears {
    webhooks: Option<Arc<Notify>>,
    departures: Option<Arc<departures::Line>>,
    newcomers: Option<mpsc::Sender<Sighting>>,
    notices: Option<mpsc::Sender<(Moment, Sighting)>>,
}

impl Ears {
    fn hear(&self, sighting: &Sighting) {
        if let (Sighting::Membership { .. }, Some(nudge)) = (sighting, &self.webhooks) {
            nudge.notify_one();
        }
        if let Some(line) = &self.departures {
            line.hear(sighting);
        }
        if let Some(notices) = &self.notices {
            let _lost_when_full = notices.try_send((rt::now(), sighting.clone()));
        }
        if let (Sighting::Added { .. }, Some(newcomers)) = (sighting, &self.newcomers) {
            let _lost_when_full = newcomers.try_send(sighting.clone());
        }
    }
}

fn look_after(config: &Arc<Config>, desk: &Arc<Desk>, tools: &Tools) -> Option<Ears> {
    let ward = Ward::new(config, desk, tools)?;
    audits::start(&ward);
    Some(Ears {
        webhooks: webhooks(config, desk, tools),
        departures: departures::start(&ward),
        newcomers: newcomers::start(&ward),
        notices: notices::start(&ward),
    })
}

/// What wakes up the keeper of the bot's webhooks.
fn webhooks(config: &Config, desk: &Arc<Desk>, tools: &Tools) -> Option<Arc<Notify>> {
    let keeper = webhooks::Keeper::new(config, Arc::clone(desk), tools.clone())?;
    let nudge = Arc::new(Notify::new());
    spawn(tools, "webhooks", keeper.keep(Arc::clone(&nudge)));
    Some(nudge)
}

async fn watch(mut sightings: Sightings, ears: BTreeMap<Arc<str>, Ears>) {
    while let Some(sighting) = sightings.recv().await {
        if let Some(ears) = ears.get(sighting.bot()) {
            ears.hear(&sighting);
        }
    }
}

fn spawn(tools: &Tools, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    let stop = tools.tasks.stop_token().clone();
    tools.tasks.spawn(name, async move {
        stop.run_until_cancelled(work).await;
    });
}
