//! The gateway put together: routes, bots, inbox; and the door that ingress knocks at.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Courier;
use super::desk::{Desk, Identity, With};
use super::door::{Admission, Answered, Door, Doorway, Outcome};
use super::letter::Letter;
use super::sighting::{Lookout, Sightings};
use super::tell::Names;
use crate::config::{Answer, Cache, Config, Order, Unverified};
use crate::forward::{self, Forward, NoTrust};
use crate::gate::arrival::{Arrival, Origin};
use crate::gate::moment::Moment;
use crate::gate::policy::{Audience, Mode, Policy, Rules};
use crate::gate::refusal::Refusal;
use crate::gate::retry::Schedule;
use crate::gate::signature::{Authentic, KeyRing, verify};
use crate::inbox::{Inbox, Label, Step, Unkept, Work};
use crate::report::outage::Outage;
use crate::report::{CacheName, Eviction, Happening, Reporter, Stage, Verdict};
use crate::rt::{self, Readiness, Tasks};
use crate::telemetry::Tracer;
use crate::webex::{Client, ClientProblem};

/// Everything between the listener and the bots.
#[derive(Debug)]
pub struct Gateway {
    pub(super) routes: Routes,
    pub(super) reporter: Arc<Reporter>,
    pub(super) order: Order,
    pub(super) duplicates: Duration,
    pub(super) lookout: Lookout,
    pub(super) tracer: Tracer,
    courier: Arc<Courier>,
    pub(super) inbox: Arc<Inbox<Courier>>,
    desks: Desks,
}

/// Routes by path and by name.
#[derive(Debug, Default)]
pub(super) struct Routes {
    by_path: HashMap<Box<str>, Arc<Route>>,
    by_name: HashMap<Arc<str>, Arc<Route>>,
}

impl Routes {
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    pub(super) fn of(&self, arrival: &Arrival) -> Option<Arc<Route>> {
        self.by_name.get(arrival.route()).cloned()
    }
}

/// One route at work.
#[derive(Debug)]
pub(crate) struct Route {
    pub(super) name: Arc<str>,
    pub(super) desk: Arc<Desk>,
    pub(super) forward: Forward,
    pub(super) retry: Schedule,
    /// The fingerprint of the configuration that it is of.
    pub(super) config: Box<str>,
    answer: Answer,
    unverified: Unverified,
    policy: Policy,
    allow_ttl: Duration,
    audience: std::sync::OnceLock<Audience>,
    /// When something last went wrong that can make Webex switch a webhook off, or could if it waited for the bot.
    troubled: Mutex<Moment>,
}

impl Route {
    /// Something went wrong that Webex may hold against the route's webhooks.
    pub(super) fn trouble(&self) {
        *self.troubled.lock().unwrap_or_else(PoisonError::into_inner) = rt::now();
    }

    fn steady_for(&self) -> Duration {
        rt::now().since(*self.troubled.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who may be in a room on this route.
    pub(super) fn audience(&self, identity: &Identity) -> &Audience {
        self.audience.get_or_init(|| self.policy.audience(identity.own))
    }

    /// Whether refusals are enforced, or until when not.
    pub(super) fn mode(&self) -> Mode {
        self.policy.mode
    }

    pub(super) fn rules(&self, identity: &Identity) -> Rules<'_> {
        Rules { policy: &self.policy, audience: self.audience(identity), allow_ttl: self.allow_ttl }
    }
}

/// Why a gateway cannot be put together, although its configuration is in order.
#[derive(Debug, thiserror::Error)]
pub enum StartProblem {
    /// The client for the Webex API.
    #[error("bot {bot}: {problem}")]
    Client {
        /// Which bot.
        bot: Arc<str>,
        /// What is wrong.
        problem: ClientProblem,
    },
    /// An https upstream.
    #[error("route {route}: {problem}")]
    Upstream {
        /// Which route.
        route: Arc<str>,
        /// What is wrong.
        problem: NoTrust,
    },
}

impl Gateway {
    /// Puts it together and starts asking Webex who its bots are.
    pub fn start(
        config: &Config,
        reporter: Arc<Reporter>,
        readiness: &Readiness,
        tasks: &Tasks,
        tracer: Tracer,
    ) -> Result<(Arc<Self>, Sightings), StartProblem> {
        let desks = desks(config, &reporter)?;
        let routes = routes(config, &desks)?;
        let with = With {
            cache: config.cache.clone(),
            reporter: Arc::clone(&reporter),
            readiness: readiness.clone(),
            tasks: tasks.clone(),
        };
        identify(&desks, config, &with);
        let (lookout, sightings) = Lookout::new();
        let courier = Arc::new(Courier {
            reporter: Arc::clone(&reporter),
            readiness: readiness.clone(),
            names: Names::of(config),
            lookout: lookout.clone(),
        });
        let inbox = Inbox::new(Arc::clone(&courier), config.inbox.clone(), tasks.clone());
        let (order, duplicates) = (config.inbox.order, config.inbox.duplicates);
        let gateway =
            Self { routes, reporter, order, duplicates, lookout, tracer, courier, inbox, desks };
        let gateway = Arc::new(gateway);
        gateway.show_figures();
        Ok((gateway, sightings))
    }

    /// The bots behind it.
    pub fn desks(&self) -> impl Iterator<Item = &Arc<Desk>> {
        self.desks.values()
    }

    /// For how long nothing has gone wrong on the routes of a bot: all its events had a place, and the bot took them.
    pub fn steady_for(&self, bot: &str) -> Duration {
        let routes = self.routes.by_name.values().filter(|route| *route.desk.name == *bot);
        routes.map(|route| route.steady_for()).min().unwrap_or_default()
    }

    /// Webex refused a bot's token for something that no event waits for.
    pub fn heed_outage(&self, desk: &Desk, outage: &Outage) {
        desk.heed(outage, &self.reporter, &self.courier.readiness);
    }

    /// Events that are kept now.
    pub fn waiting(&self) -> usize {
        self.inbox.len()
    }

    /// [`Self::cut`], and waits until everything has its record, but not longer than this.
    pub async fn cut_within(&self, limit: Duration) {
        self.cut();
        let emptied = async {
            while self.waiting() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(limit, emptied).await.is_err() {
            tracing::warn!(waiting = self.waiting(), "some events have no record");
        }
    }

    /// Ends every try and every wait; what is left expires with a record.
    pub fn cut(&self) {
        self.inbox.cut();
    }

    /// Whether there was a place for it, or it has one already.
    pub(super) fn keep(&self, label: Label, letter: Letter) -> Result<(), Admission> {
        let (letter, refusal, admission) = match self.inbox.keep(label, letter) {
            Ok(()) => return Ok(()),
            Err(Unkept::Duplicate(letter)) => (letter, Refusal::Duplicate, Admission::Kept),
            Err(Unkept::Full(letter)) => {
                letter.route.trouble();
                (letter, Refusal::Overloaded, Admission::Full)
            }
        };
        // The answer stands, written or not; lines that are lost are counted.
        let _counted = self.courier.tell(&mut { letter }, Verdict::Refused(refusal));
        Err(admission)
    }

    /// As if the inbox were full.
    pub(super) fn turn_down(&self, mut letter: Letter) -> Admission {
        letter.route.trouble();
        // The answer stands, written or not; lines that are lost are counted.
        let _counted = self.courier.tell(&mut letter, Verdict::Refused(Refusal::Overloaded));
        Admission::Full
    }

    /// What the caller hears: at once, or when it is over, or after `answer_within`.
    pub(super) async fn answer(
        &self,
        route: &Route,
        outcome: tokio::sync::oneshot::Receiver<Outcome>,
    ) -> Admission {
        let Answer::Delivered { within } = route.answer else { return Admission::Kept };
        match tokio::time::timeout(within, outcome).await {
            Ok(Ok(outcome)) => Admission::Outcome(outcome),
            Ok(Err(_)) | Err(_) => Admission::Outcome(Outcome::StillBusy),
        }
    }
}

impl Door for Gateway {
    fn doorway(&self, path: &str) -> Option<Doorway> {
        let route = self.routes.by_path.get(path)?;
        Some(Doorway {
            route: Arc::clone(&route.name),
            answer: route.answer,
            unverified: route.unverified,
        })
    }

    fn verify(&self, arrival: Arrival) -> Result<Authentic, Refusal> {
        let (nobody, began) = (KeyRing::default(), rt::now());
        let route = self.routes.of(&arrival);
        let verified = verify(arrival, route.as_ref().map_or(&nobody, |route| route.desk.keys()));
        self.reporter.staged(Stage::Verify, rt::now().surely_since(began));
        verified
    }

    async fn admit(&self, authentic: Authentic) -> Admission {
        self.take_in(authentic).await
    }

    fn overloaded(&self, authentic: Authentic) -> Admission {
        self.leave_out(authentic)
    }

    fn turned_away(&self, route: Option<&Arc<str>>, refusal: Refusal, _origin: &Origin) {
        let route = route.map(|route| &**route);
        self.reporter.emit(&Happening::TurnedAway { route, refusal, at: rt::now().wall });
    }

    fn called(&self, route: &Arc<str>) {
        self.reporter.emit(&Happening::CallBegan { route });
    }

    fn answered(&self, call: &Answered<'_>) {
        let Answered { route, method, status, took } = *call;
        let route = route.map(|route| &**route);
        self.reporter.emit(&Happening::CallEnded { route, method, status, took });
    }
}

impl Work for Courier {
    type Letter = Letter;

    async fn attempt(&self, letter: &mut Letter) -> Step {
        match letter.open() {
            Some(arrival) => self.deliver(letter, arrival).await,
            None => Step::Settled,
        }
    }

    fn forgot(&self, cause: Eviction) {
        self.reporter.emit(&Happening::Evicted { cache: CacheName::Duplicates, cause });
    }

    fn expire(&self, letter: Letter, last: Outage) {
        self.bury(letter, last);
    }
}

type Desks = BTreeMap<Arc<str>, Arc<Desk>>;

fn desks(config: &Config, reporter: &Arc<Reporter>) -> Result<Desks, StartProblem> {
    let desk = |(name, bot): (&Arc<str>, &crate::config::Bot)| {
        let client = Client::new(Arc::clone(name), &bot.token, &config.webex, Arc::clone(reporter));
        let client =
            client.map(|client| client.surveying(bot.audit.requests_per_second.saturating_mul(60)));
        let client =
            client.map_err(|problem| StartProblem::Client { bot: Arc::clone(name), problem })?;
        Ok((
            Arc::clone(name),
            Arc::new(Desk::new(Arc::clone(name), bot.keys.clone(), Arc::new(client))),
        ))
    };
    config.bots.iter().map(desk).collect()
}

fn routes(config: &Config, desks: &Desks) -> Result<Routes, StartProblem> {
    let mut routes = Routes::default();
    for (name, route) in &config.routes {
        let Some(desk) = desks.get(&route.bot) else { continue };
        let destination = forward::destination(&route.bot, &route.upstream);
        let forward = Forward::new(destination, &route.upstream);
        let forward = forward
            .map_err(|problem| StartProblem::Upstream { route: Arc::clone(name), problem })?;
        let at_work = Arc::new(Route {
            name: Arc::clone(name),
            desk: Arc::clone(desk),
            forward,
            retry: route.upstream.retry,
            config: config.fingerprint.clone(),
            answer: route.answer,
            unverified: route.unverified,
            policy: route.policy.clone(),
            allow_ttl: allow_ttl(&config.cache),
            audience: std::sync::OnceLock::new(),
            troubled: Mutex::new(rt::now()),
        });
        routes.by_path.insert(route.path.clone(), Arc::clone(&at_work));
        routes.by_name.insert(Arc::clone(name), at_work);
    }
    Ok(routes)
}

fn allow_ttl(cache: &Cache) -> Duration {
    cache.allow_ttl
}

fn identify(desks: &Desks, config: &Config, with: &With) {
    for desk in desks.values() {
        let of_bot = config.routes.values().filter(|route| route.bot == desk.name);
        let policies: Vec<Policy> = of_bot.map(|route| route.policy.clone()).collect();
        let (desk, with) = (Arc::clone(desk), with.clone());
        let stop = with.tasks.stop_token().clone();
        with.tasks.clone().spawn("identify", async move {
            stop.run_until_cancelled(desk.identify(policies, with)).await;
        });
    }
}
