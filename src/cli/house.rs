//! The gateway with its listeners: what `run`, `demo` and the tests start and stop.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::observing;
use super::operate::Reception;
use super::reload::{Followers, Following, Handle, Reloads, Requests};
use crate::admin::Control as _;
use crate::admin::api::Access;
use crate::config::{Config, Listen};
use crate::flow::{Gateway, Sightings, StartProblem};
use crate::ingress::{BindProblem, Certificates, Drain, Listener, Passed};
use crate::report::{Happening, Lifecycle, Reporter, Turn};
use crate::rt::{self, Readiness, Tasks};
use crate::telemetry::{self, Tracer};
use crate::webex::{self, ClientProblem};
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
    admin: Option<SocketAddr>,
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
    /// The socket that was passed for probes, or not.
    #[error("ops: {0}")]
    Probes(BindProblem),
    /// The address for probes.
    #[error("ops: cannot listen on {address}: {cause}")]
    Ops {
        /// Where.
        address: SocketAddr,
        /// Why not.
        cause: std::io::Error,
    },
    /// The client for the collector.
    #[error("telemetry.otlp_endpoint: {0}")]
    Telemetry(ClientProblem),
    /// The listener for operators.
    #[error("admin: cannot listen on {address}: {cause}")]
    Admin {
        /// Where.
        address: SocketAddr,
        /// Why not.
        cause: std::io::Error,
    },
    /// The system gives no random numbers, and without them there is no token for operators.
    #[error("admin: {0}")]
    Token(#[from] getrandom::Error),
    /// Something inside.
    #[error(transparent)]
    Start(#[from] StartProblem),
}

impl Unopened {
    /// A port that is taken may be free soon, so a supervisor may try again; the rest is for the operator.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Server(problem) | Self::Probes(problem) => match problem {
                BindProblem::Address { .. } => Exit::Unavailable,
                BindProblem::Unreadable { .. } => Exit::Denied,
                BindProblem::Certificate(_)
                | BindProblem::NotPassed { .. }
                | BindProblem::Passed(_) => Exit::Config,
            },
            Self::Admin { .. } | Self::Ops { .. } | Self::Token(_) => Exit::Unavailable,
            Self::Telemetry(_) | Self::Start(_) => Exit::Config,
        }
    }
}

impl House {
    /// On ports of its own, with a configuration that stays as it is.
    pub async fn open(config: &Config, reporter: Arc<Reporter>) -> Result<Self, Unopened> {
        let opening = (Following::nothing(config), Passed::default());
        Self::open_following(config, reporter, opening).await
    }

    /// Takes the ports, or what was passed, and serves. Who the bots are is asked in the background: events are kept
    /// meanwhile.
    pub async fn open_following(
        config: &Config,
        reporter: Arc<Reporter>,
        (following, mut passed): (Following, Passed),
    ) -> Result<Self, Unopened> {
        let (tasks, over) = (Tasks::default(), CancellationToken::new());
        let readiness = Readiness::new(&tasks);
        let bound = ingress::bind(&config.server, &mut passed)?;
        let ops = ops(config, &mut passed).await?;
        warn_of_left(&passed);
        let tracer = tracer(config, &reporter, &tasks, &over)?;
        let operators = operators(config).await?;
        let (gateway, sightings) =
            Gateway::start(config, Arc::clone(&reporter), &readiness, &tasks, tracer)?;
        let (control, requests) = Handle::new(readiness.clone(), Arc::clone(&reporter));
        let (done, served) = oneshot::channel();
        let house = Self {
            webhooks: bound.local_addr(),
            ops: ops.as_ref().map(admin::Bound::local_addr),
            admin: operators.as_ref().map(Reception::local_addr),
            drain: bound.drain(),
            over,
            gateway,
            tasks,
            readiness,
            served,
            control,
            reporter,
        };
        let access = operators.as_ref().map(Reception::access);
        let files = (bound.certificates(), access);
        house.follow((config, following), files, requests, sightings);
        turn(&house.reporter, Lifecycle::Started);
        house.serve((bound, done), (ops, operators));
        Ok(house)
    }

    /// Starts what is done beside the path of events.
    fn follow(
        &self,
        (config, following): (&Config, Following),
        (certificates, access): (Option<Certificates>, Option<Access>),
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
            certificates,
            access,
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
    fn serve(
        &self,
        (bound, done): (ingress::Bound, oneshot::Sender<()>),
        (ops, operators): (Option<admin::Bound>, Option<Reception>),
    ) {
        let (door, tasks) = (Arc::clone(&self.gateway), self.tasks.clone());
        self.tasks.spawn("webhooks", async move {
            bound.serve(door, &tasks).await;
            // Nobody listens when the house was dropped rather than closed.
            let _gone = done.send(());
        });
        let control = Arc::new(self.control.clone());
        let (readiness, reporter) = (self.readiness.clone(), Arc::clone(&self.reporter));
        let sources = admin::Sources { readiness, reporter, control };
        if let Some(operators) = operators {
            let sources = (sources.clone(), &self.gateway);
            operators.serve(sources, &self.tasks, self.over.clone());
        }
        if let Some(ops) = ops {
            let (tasks, over) = (self.tasks.clone(), self.over.clone());
            self.tasks.spawn("ops", async move { ops.serve(sources, &tasks, over).await });
        }
    }

    /// Where webhooks are taken, with the port that was chosen.
    pub fn webhooks(&self) -> SocketAddr {
        self.webhooks
    }

    /// Where probes are answered.
    pub fn ops(&self) -> Option<SocketAddr> {
        self.ops
    }

    /// Where operators are listened to.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
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

    /// Runs it beside everything else, to the very end: also while the gateway drains.
    pub fn beside(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let over = self.over.clone();
        self.tasks.spawn(name, async move {
            let _cut_off_or_done = over.run_until_cancelled(task).await;
        });
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

async fn ops(config: &Config, passed: &mut Passed) -> Result<Option<admin::Bound>, Unopened> {
    match config.ops.listen {
        None => Ok(None),
        Some(Listen::Address(address)) => {
            admin::bind(address).await.map(Some).map_err(|cause| Unopened::Ops { address, cause })
        }
        Some(Listen::Passed) => {
            let socket = ingress::handed_over(Listener::Ops, passed).map_err(Unopened::Probes)?;
            let bound = admin::Bound::over(socket).map_err(BindProblem::Passed);
            bound.map(Some).map_err(Unopened::Probes)
        }
    }
}

/// Whoever opened them expects that somebody serves them.
fn warn_of_left(passed: &Passed) {
    if passed.left() > 0 {
        let sockets = passed.left();
        tracing::warn!(
            sockets,
            "sockets were passed that nobody asked for: no `listen` says `systemd`"
        );
    }
}

/// What is sent goes on until the last event has its end.
fn tracer(
    config: &Config,
    reporter: &Arc<Reporter>,
    tasks: &Tasks,
    over: &CancellationToken,
) -> Result<Tracer, Unopened> {
    let Some(otlp) = &config.telemetry.otlp else {
        return Ok(Tracer::silent(config.telemetry.traceparent));
    };
    let client = webex::outward(&config.webex, &otlp.endpoint).map_err(Unopened::Telemetry)?;
    let (reporter, tasks, over) = (Arc::clone(reporter), tasks.clone(), over.clone());
    Ok(Tracer::start(&config.telemetry, otlp, telemetry::Parts { client, reporter, tasks, over }))
}

async fn operators(config: &Config) -> Result<Option<Reception>, Unopened> {
    let Some(address) = config.admin.listen else { return Ok(None) };
    let bound = admin::bind(address).await;
    let bound = bound.map_err(|cause| Unopened::Admin { address, cause })?;
    Ok(Some(Reception::over(bound, &config.admin)?))
}
