//! The gateway with its listeners: what `run`, `demo` and the tests start and stop.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::operate;
use crate::config::{Code, Config, Listen, Problem};
use crate::flow::{Gateway, StartProblem};
use crate::ingress::{BindProblem, Listener, Passed};
use crate::report::Reporter;
use crate::rt::{Readiness, Tasks};
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
    patience: Duration,
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
    /// [`Self::open_on`] ports of its own.
    pub async fn open(config: &Config, reporter: Arc<Reporter>) -> Result<Self, Unopened> {
        Self::open_on(config, reporter, Passed::default()).await
    }

    /// Takes the ports, or what was passed, and serves. Who the bots are is asked in the background: events are kept
    /// meanwhile.
    pub async fn open_on(
        config: &Config,
        reporter: Arc<Reporter>,
        mut passed: Passed,
    ) -> Result<Self, Unopened> {
        let tasks = Tasks::default();
        let (over, readiness) = (CancellationToken::new(), Readiness::new(&tasks));
        let bound = ingress::bind(&config.server, &mut passed)?;
        let webhooks = bound.local_addr();
        let ops = ops(config, &mut passed).await?;
        warn_of_left(&passed);
        let ops_address = ops.as_ref().map(admin::Bound::local_addr);
        let tracer = tracer(config, &reporter, &tasks, &over)?;
        let operators = operators(config).await?;
        let admin_address = operators.as_ref().map(admin::Bound::local_addr);
        let (gateway, sightings) =
            Gateway::start(config, Arc::clone(&reporter), &readiness, &tasks, tracer)?;
        let tools = upkeep::Tools {
            gateway: Arc::clone(&gateway),
            reporter: Arc::clone(&reporter),
            readiness: readiness.clone(),
            tasks: tasks.clone(),
        };
        upkeep::start(config, &tools, sightings);
        let (done, served) = oneshot::channel();
        let (door, inner) = (Arc::clone(&gateway), tasks.clone());
        tasks.spawn("webhooks", async move {
            bound.serve(door, &inner).await;
            // Nobody listens when the house was dropped rather than closed.
            let _gone = done.send(());
        });
        let control = Arc::new(Control { readiness: readiness.clone() });
        let sources = admin::Sources { readiness: readiness.clone(), reporter, control };
        if let Some(operators) = operators {
            let sources = (sources.clone(), &gateway);
            operate::open(operators, &config.admin, sources, &tasks, over.clone())?;
        }
        if let Some(ops) = ops {
            let (inner, over) = (tasks.clone(), over.clone());
            tasks.spawn("ops", async move { ops.serve(sources, &inner, over).await });
        }
        let patience = config.server.drain_timeout;
        Ok(Self {
            gateway,
            tasks,
            over,
            readiness,
            webhooks,
            ops: ops_address,
            admin: admin_address,
            served,
            patience,
        })
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
        let deadline = Instant::now() + self.patience;
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
        left
    }
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

async fn operators(config: &Config) -> Result<Option<admin::Bound>, Unopened> {
    let Some(address) = config.admin.listen else { return Ok(None) };
    admin::bind(address).await.map(Some).map_err(|cause| Unopened::Admin { address, cause })
}

/// What may be told to the running gateway.
struct Control {
    readiness: Readiness,
}

impl admin::Control for Control {
    fn drain(&self) {
        self.readiness.not_ok("drain", "somebody asked for it");
    }

    fn reload(&self) -> Reloading<'_> {
        let message = "this gateway reads its configuration once: restart it";
        let problems = vec![Problem::new(Code::Unreadable, message)];
        Box::pin(async { Err(admin::NotReloaded { file: "gateway.yaml".into(), problems }) })
    }
}

type Reloading<'a> =
    Pin<Box<dyn Future<Output = Result<admin::Reloaded, admin::NotReloaded>> + Send + 'a>>;
