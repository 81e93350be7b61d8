//! What the running gateway does beside the path of events: webhooks, audits, departures, notices.
//!
//! Each bot is looked after by tasks of its own: one whose token is refused holds up no other. What one of them hears
//! of waits in a bounded queue of its own, and what does not fit is lost: audits find it again.

mod audits;
mod departures;
mod kept;
mod newcomers;
mod notices;
mod recent;
mod schedule;
mod ward;
pub mod webhooks;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::audit::{Tenure, TenureState};
use crate::config::Config;
use crate::flow::{Desk, Gateway, Prepared, Sighting, Sightings};
use crate::gate::moment::Moment;
use crate::report::Reporter;
use crate::rt::{self, Readiness, Tasks};
use crate::webex::webhooks::{Desired, Health};
use ward::Ward;

/// The last step of a departure is one call within five seconds, and a record.
const LAST_STEP: Duration = Duration::from_secs(15);

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

/// Everything that is done beside the path of events.
#[derive(Debug)]
pub struct Upkeep {
    tools: Tools,
    rounds: Rounds,
}

/// Bots that are looked after, by name.
type Rounds = Arc<RwLock<BTreeMap<Arc<str>, Round>>>;

/// One bot that is looked after, and who wants to hear of it.
#[derive(Clone, Debug)]
struct Round {
    ward: Ward,
    ears: Ears,
}

impl Upkeep {
    /// Starts everything that the configuration asks for; it ends with the tasks.
    pub fn start(config: &Config, tools: Tools, sightings: Sightings) -> Self {
        let upkeep = Self { tools, rounds: Arc::default() };
        upkeep.resume(&Arc::new(config.clone()));
        spawn(&upkeep.tools, "sightings", watch(sightings, Arc::clone(&upkeep.rounds)));
        upkeep
    }

    /// Before another configuration comes into force: from the return on, no room is left by the one that is in force
    /// now, where the other would judge otherwise. Rules, in order:
    ///
    /// 1. A bot for which nothing changes that is used here goes on undisturbed.
    /// 2. The tenure of every other bot ends: no departure takes its last step any more. Lists that are being read for
    ///    one are given up.
    /// 3. A last step that was being made is waited for, with its record. It is one call of a few seconds.
    pub async fn hand_over(&self, next: &Prepared) {
        let ending: Vec<_> = self.rounds().values().filter_map(|round| round.ends(next)).collect();
        for tenure in &ending {
            tenure.end();
        }
        let settled = async {
            for tenure in &ending {
                tenure.settled().await;
            }
        };
        if tokio::time::timeout(LAST_STEP, settled).await.is_err() {
            tracing::error!(
                "a departure does not come to its end; this is a bug, please report it"
            );
        }
    }

    /// The other configuration is in force: bots whose tenure has ended, and new ones, are looked after by it. What was
    /// remembered about a bot stays; its new tasks begin when the old ones have come to a halt.
    pub fn resume(&self, config: &Arc<Config>) {
        let mut before = self.rounds().clone();
        let mut rounds = BTreeMap::new();
        for desk in self.tools.gateway.desks() {
            let round = match before.remove(desk.name()) {
                Some(round) if round.ward.tenure.state() == TenureState::InForce => Some(round),
                old => look_after(config, &desk, &self.tools, old.as_ref().map(|old| &old.ward)),
            };
            rounds.extend(round.map(|round| (Arc::clone(desk.name()), round)));
        }
        *self.rounds.write().unwrap_or_else(PoisonError::into_inner) = rounds;
    }

    fn rounds(&self) -> RwLockReadGuard<'_, BTreeMap<Arc<str>, Round>> {
        self.rounds.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Round {
    /// Its tenure, if that ends with the configuration.
    fn ends(&self, next: &Prepared) -> Option<Tenure> {
        let desk = next.desks().find(|desk| desk.name() == self.ward.desk.name());
        let same = desk.is_some_and(|desk| Arc::ptr_eq(desk, &self.ward.desk))
            && used(self.ward.desk.name(), &self.ward.config)
                == used(self.ward.desk.name(), next.config());
        (!same).then(|| self.ward.tenure.clone())
    }
}

/// What is used here of a configuration, beside the desk of the bot.
fn used<'a>(bot: &'a str, config: &'a Config) -> impl PartialEq + use<'a> {
    let known = config.bots.get(bot).map(|known| (&known.audit, &known.webhooks));
    let routes = config.routes.iter().filter(|(_, route)| *route.bot == *bot);
    let routes: Vec<_> = routes.map(|(name, route)| (name, &route.policy)).collect();
    let desired = Desired::of(config, bot, Health::NotYet);
    (known, routes, desired, &config.notices, &config.orgs)
}

/// Who wants to hear what was seen at one bot.
#[derive(Clone, Debug)]
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

fn look_after(
    config: &Arc<Config>,
    desk: &Arc<Desk>,
    tools: &Tools,
    before: Option<&Ward>,
) -> Option<Round> {
    let ward = Ward::new(config, desk, tools, before)?;
    audits::start(&ward);
    let ears = Ears {
        webhooks: webhooks(&ward),
        departures: departures::start(&ward),
        newcomers: newcomers::start(&ward),
        notices: notices::start(&ward),
    };
    Some(Round { ward, ears })
}

/// What wakes up the keeper of the bot's webhooks.
fn webhooks(ward: &Ward) -> Option<Arc<Notify>> {
    let keeper = webhooks::Keeper::new(&ward.config, Arc::clone(&ward.desk), ward.tools.clone())?;
    let keeper = keeper.following(ward.tenure.clone(), Arc::clone(&ward.kept));
    let nudge = Arc::clone(&ward.kept.nudge);
    spawn(&ward.tools, "webhooks", keeper.keep(Arc::clone(&nudge)));
    Some(nudge)
}

async fn watch(mut sightings: Sightings, rounds: Rounds) {
    while let Some(sighting) = sightings.recv().await {
        let rounds = rounds.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(round) = rounds.get(sighting.bot()) {
            round.ears.hear(&sighting);
        }
    }
}

fn spawn(tools: &Tools, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    let stop = tools.tasks.stop_token().clone();
    tools.tasks.spawn(name, async move {
        stop.run_until_cancelled(work).await;
    });
}
