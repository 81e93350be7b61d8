//! The gateway put together: routes, bots, inbox; and the door that ingress knocks at.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::Courier;
use super::account::{Account, Hearers};
use super::desk::Desk;
use super::door::{Admission, Answered, Door, Doorway, Outcome};
use super::letter::Letter;
use super::route::Route;
use super::setup::{Means, Prepared, Setup, StartProblem, prepare, surveys};
use super::sighting::{Lookout, Sightings};
use crate::config::{Answer, Config};
use crate::gate::arrival::{Arrival, Origin};
use crate::gate::refusal::Refusal;
use crate::gate::signature::{Authentic, KeyRing, verify};
use crate::inbox::{Inbox, Label, Step, Unkept, Work};
use crate::report::outage::Outage;
use crate::report::{CacheName, Eviction, Happening, Reporter, Stage, Verdict};
use crate::rt::{self, Readiness, Tasks};
use crate::telemetry::Tracer;

/// Everything between the listener and the bots.
#[derive(Debug)]
pub struct Gateway {
    pub(super) reporter: Arc<Reporter>,
    pub(super) lookout: Lookout,
    pub(super) tracer: Tracer,
    courier: Arc<Courier>,
    pub(super) inbox: Arc<Inbox<Courier>>,
    in_force: InForce,
    means: Means,
}

/// The setup in force. Whoever needs several things of it takes it once.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    setup: Arc<ArcSwap<Setup>>,
    turned: Arc<Notify>,
}

impl InForce {
    fn new(setup: Setup) -> Self {
        Self { setup: Arc::new(ArcSwap::from_pointee(setup)), turned: Arc::default() }
    }

    pub(super) fn now(&self) -> Arc<Setup> {
        self.setup.load_full()
    }

    /// Ends when the next one is.
    pub(super) fn turned(&self) -> Notified<'_> {
        self.turned.notified()
    }

    /// What was in force before.
    fn turn(&self, setup: Arc<Setup>) -> Arc<Setup> {
        let old = self.setup.swap(setup);
        self.turned.notify_waiters();
        old
    }
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
        let means = Means { reporter: Arc::clone(&reporter), tasks: tasks.clone() };
        let setup = prepare(&Arc::new(config.clone()), None, &means)?.setup;
        let (lookout, sightings) = Lookout::new();
        let told = Hearers { reporter: Arc::clone(&reporter), readiness: readiness.clone() };
        for desk in setup.desks.values() {
            desk.account.open(told.clone(), tasks);
        }
        let in_force = InForce::new(setup);
        let courier = Arc::new(Courier {
            reporter: Arc::clone(&reporter),
            told,
            in_force: in_force.clone(),
            lookout: lookout.clone(),
        });
        let inbox = Inbox::new(Arc::clone(&courier), config.inbox.clone(), tasks.clone());
        let gateway = Arc::new(Self { reporter, lookout, tracer, courier, inbox, in_force, means });
        gateway.show_figures();
        Ok((gateway, sightings))
    }

    /// Puts another setup together, beside the one in force. What can stay of that is taken over, so nothing may come
    /// into force in between.
    pub fn prepare(&self, config: &Arc<Config>) -> Result<Prepared, StartProblem> {
        prepare(config, Some(&self.in_force.now()), &self.means)
    }

    /// From now on this setup is in force: for events that come, and for each try of those that wait. What a bot was
    /// handed already goes on.
    pub fn adopt(&self, prepared: Prepared) {
        let Prepared { setup, tokens } = prepared;
        let new = Arc::new(setup);
        let old = self.in_force.turn(Arc::clone(&new));
        for (client, token) in tokens {
            client.authorize(token);
        }
        self.follow_accounts(&old, &new);
        for (name, desk) in &new.desks {
            let rate = |setup: &Setup| setup.config.bots.get(name).map(surveys);
            if let (Some(before), Some(now)) = (rate(&old), rate(&new))
                && before != now
            {
                desk.client().survey(now);
            }
        }
        self.inbox.renew(new.config.inbox.clone());
    }

    /// Those that are over make place for their namesakes first.
    fn follow_accounts(&self, old: &Setup, new: &Setup) {
        let all = |setup: &Setup| -> HashSet<*const Account> {
            setup.desks.values().map(|desk| Arc::as_ptr(&desk.account)).collect()
        };
        let (before, now) = (all(old), all(new));
        for desk in old.desks.values().filter(|desk| !now.contains(&Arc::as_ptr(&desk.account))) {
            desk.account.close(&self.courier.told.readiness);
        }
        for desk in new.desks.values().filter(|desk| !before.contains(&Arc::as_ptr(&desk.account)))
        {
            desk.account.open(self.courier.told.clone(), &self.means.tasks);
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.in_force.now().config)
    }

    pub(super) fn in_force(&self) -> Arc<Setup> {
        self.in_force.now()
    }

    /// The bots behind it.
    pub fn desks(&self) -> Vec<Arc<Desk>> {
        self.in_force.now().desks.values().cloned().collect()
    }

    /// For how long nothing has gone wrong on the routes of a bot: all its events had a place, and the bot took them.
    pub fn steady_for(&self, bot: &str) -> Duration {
        let setup = self.in_force.now();
        let routes = setup.routes.by_name.values().filter(|route| *route.desk.name == *bot);
        routes.map(|route| route.steady_for()).min().unwrap_or_default()
    }

    /// Webex refused a bot's token for something that no event waits for.
    pub fn heed_outage(&self, desk: &Desk, outage: &Outage) {
        desk.heed(outage, &self.courier.told);
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
        for desk in self.in_force().desks.values() {
            desk.account.end();
        }
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
        let setup = self.in_force.now();
        let route = setup.routes.by_path.get(path)?;
        Some(Doorway {
            route: Arc::clone(&route.name),
            answer: route.answer,
            unverified: route.unverified,
        })
    }

    fn verify(&self, arrival: Arrival) -> Result<Authentic, Refusal> {
        let (setup, began) = (self.in_force.now(), rt::begin());
        let route = setup.routes.by_name.get(arrival.route());
        let verified = match route {
            Some(route) => verify(arrival, route.desk.keys()),
            None => verify(arrival, &KeyRing::default()),
        };
        self.reporter.staged(Stage::Verify, began.took());
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
        self.reporter.emit(&Happening::TurnedAway { route, refusal, at: rt::wall_now() });
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
