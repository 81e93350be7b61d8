//! The gateway with its listeners: what `run`, `demo` and the tests start and stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::observing;
use super::reload::{Followers, Following, Handle, Reloads, Requests};
use crate::admin::Control as _;
use crate::config::Config;
use crate::flow::{Gateway, Sightings, StartProblem};
use crate::ingress::{BindProblem, Drain};
use crate::report::{Happening, Lifecycle, Reporter, Turn};
use crate::rt::{self, Readiness, Tasks};
use crate::{admin, ingress, upkeep};

/// How often the end of draining looks whether the inbox is empty; nobody notices 20 ms.
const LOOK: Duration = Duration::from_millis(20);

/// For records of what is left after everything was cut off.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A gateway that runs.
#[derive(Debug)]
pub struct House {
    gateway: Arc<Gateway>,
    tasks: Tasks,
    over: CancellationToken,
    readiness: Readiness,
    webhooks: SocketAddr,
    ops: Option<SocketAddr>,
    served: oneshot::Receiver<()>,
    drain: Drain,
    control: Handle,
    reporter: Arc<Reporter>,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// The listener for webhooks.
    #[error("server: {0}")]
    Server(#[from] BindProblem),
    /// The listener for probes.
    #[error("ops: cannot listen on {address}: {cause}")]
    Ops {
        /// Where.
        address: SocketAddr,
        /// Why not.
        cause: std::io::Error,
    },
    /// Something inside.
    #[error(transparent)]
    Start(#[from] StartProblem),
}

impl Unopened {
    /// A port that is taken may be free soon, so a supervisor may try again; the rest is for the operator.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Server(BindProblem::Address { .. }) | Self::Ops { .. } => Exit::Unavailable,
            Self::Server(BindProblem::Unreadable { .. }) => Exit::Denied,
            Self::Server(BindProblem::Certificate(_)) | Self::Start(_) => Exit::Config,
        }
    }
}

impl House {
    /// With a configuration that stays as it is.
    pub async fn open(config: &Config, reporter: Arc<Reporter>) -> Result<Self, Unopened> {
        Self::open_following(config, reporter, Following::nothing(config)).await
    }

    /// Takes the ports, and serves. Who the bots are is asked in the background: events are kept meanwhile.
    pub async fn open_following(
        config: &Config,
        reporter: Arc<Reporter>,
        following: Following,
    ) -> Result<Self, Unopened> {
        let tasks = Tasks::default();
        let readiness = Readiness::new(&tasks);
        let bound = ingress::bind(&config.server)?;
        let ops = ops(config).await?;
        let (gateway, sightings) =
            Gateway::start(config, Arc::clone(&reporter), &readiness, &tasks)?;
        let (control, requests) = Handle::new(readiness.clone(), Arc::clone(&reporter));
        let (done, served) = oneshot::channel();
        let house = Self {
            webhooks: bound.local_addr(),
            ops: ops.as_ref().map(admin::Bound::local_addr),
            drain: bound.drain(),
            over: CancellationToken::new(),
            gateway,
            tasks,
            readiness,
            served,
            control,
            reporter,
        };
        house.follow(config, following, requests, sightings);
        turn(&house.reporter, Lifecycle::Started);
        house.serve(bound, ops, done);
        Ok(house)
    }

    /// Starts what is done beside the path of events.
    fn follow(
        &self,
        config: &Config,
        following: Following,
        (requests, nudge): Requests,
        sightings: Sightings,
    ) {
        let tools = upkeep::Tools {
            gateway: Arc::clone(&self.gateway),
            reporter: Arc::clone(&self.reporter),
            readiness: self.readiness.clone(),
            tasks: self.tasks.clone(),
        };
        let followers = Followers {
            gateway: Arc::clone(&self.gateway),
            upkeep: upkeep::Upkeep::start(config, tools, sightings),
            drain: self.drain.clone(),
            reporter: Arc::clone(&self.reporter),
        };
        let reloads = Reloads::new(following, followers).run(requests, nudge);
        self.until_stopped("reloads", reloads);
        let observing = observing::watch(Arc::clone(&self.gateway), Arc::clone(&self.reporter));
        self.until_stopped("observing", observing);
    }

    fn until_stopped(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.tasks.stop_token().clone();
        self.tasks.spawn(name, async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// Starts what listens.
    fn serve(&self, bound: ingress::Bound, ops: Option<admin::Bound>, done: oneshot::Sender<()>) {
        let (door, tasks) = (Arc::clone(&self.gateway), self.tasks.clone());
        self.tasks.spawn("webhooks", async move {
            bound.serve(door, &tasks).await;
            // Nobody listens when the house was dropped rather than closed.
            let _gone = done.send(());
        });
        let Some(ops) = ops else { return };
        let (tasks, over) = (self.tasks.clone(), self.over.clone());
        let (readiness, reporter) = (self.readiness.clone(), Arc::clone(&self.reporter));
        self.tasks.spawn("ops", async move { ops.serve(readiness, reporter, &tasks, over).await });
    }

    /// Where webhooks are taken, with the port that was chosen.
    pub fn webhooks(&self) -> SocketAddr {
        self.webhooks
    }

    /// Where probes are answered.
    pub fn ops(&self) -> Option<SocketAddr> {
        self.ops
    }

    /// What `/readyz` says.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// What may be asked of the gateway while it runs.
    pub fn control(&self) -> Handle {
        self.control.clone()
    }

    /// The gateway, for who must stop it in a hurry.
    pub fn gateway(&self) -> Arc<Gateway> {
        Arc::clone(&self.gateway)
    }

    /// Events that wait or are being tried.
    pub fn waiting(&self) -> usize {
        self.gateway.waiting()
    }

    /// Stops as an operator wants it, within `drain_timeout` in all: still accepting for `drain_grace`, then finishing;
    /// what is left in the inbox expires with a record. How many events that were.
    pub async fn close(self) -> usize {
        let deadline = Instant::now() + self.drain.all();
        self.control.drain();
        self.tasks.stop_token().cancel();
        // The listener keeps its own limits; were its task gone, there would be nothing to wait for.
        let _listener_is_done = self.served.await;
        while self.gateway.waiting() > 0 && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        let left = self.gateway.waiting();
        self.gateway.cut();
        self.over.cancel();
        if !self.tasks.stop(LAST_WORDS).await {
            tracing::warn!("some tasks did not end in time");
        }
        stopped(&self.reporter, left);
        left
    }
}

/// Everything has its record: so many events expired because it ended.
pub(super) fn stopped(reporter: &Reporter, expired: usize) {
    turn(reporter, Lifecycle::Stopped { expired });
}

fn turn(reporter: &Reporter, what: Lifecycle<'_>) {
    reporter.emit(&Happening::Lifecycle(&Turn { at: rt::now().wall, what }));
}

async fn ops(config: &Config) -> Result<Option<admin::Bound>, Unopened> {
    let Some(address) = config.ops.listen else { return Ok(None) };
    admin::bind(address).await.map(Some).map_err(|cause| Unopened::Ops { address, cause })
}
