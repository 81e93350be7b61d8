//! Simulator, gateway and bot, connected by real sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::bot::Bot;
use super::records::Records;
use super::set::{Drawer, adapt, register, simulate};
use crate::cli::house::{House, Unopened};
use crate::config::{self, Config, Problem};
use crate::report::{Form, Reporter, Scope};
use crate::rt::{self, Tasks};
use crate::simulator::{Control, ControlError, Running};

/// The very file at the top of the repository.
const GATEWAY: &str = include_str!("../../../gateway.yaml");

/// For anything that should happen; all scenes together take a few seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Everything that plays, and where it listens.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) control: Control,
    pub(super) records: Records,
    /// The name of the bot, in `gateway.yaml` and in the simulated world.
    pub(super) bot: String,
    /// Where Webex delivers to.
    pub(super) webhook: String,
    /// As the gateway runs by it.
    pub(super) config: Config,
    house: House,
    simulator: Running,
    tasks: Tasks,
}

/// Why the curtain stays down.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoStage {
    #[error("gateway.yaml, which is part of this program, is refused: {0}")]
    Config(String),
    #[error("gateway.yaml, which is part of this program, has no route")]
    NoRoute,
    #[error("cannot listen on 127.0.0.1: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    World(#[from] ControlError),
    #[error(transparent)]
    House(#[from] Unopened),
    #[error(transparent)]
    Address(#[from] http::uri::InvalidUri),
    #[error("the gateway did not learn who its bot is")]
    Unidentified,
}

impl From<Vec<Problem>> for NoStage {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Config(config::render(&problems, "gateway.yaml", GATEWAY, false))
    }
}

impl Stage {
    /// Starts everything, and waits until the gateway knows who its bot is.
    pub(super) async fn set() -> Result<Self, NoStage> {
        let drawer = Drawer::new();
        let (mut config, _warnings) = config::load(GATEWAY.as_bytes(), &drawer, rt::now().wall)?;
        let route = config.routes.values().next().ok_or(NoStage::NoRoute)?;
        let (bot, path) = (route.bot.to_string(), route.path.clone());
        let simulator = simulate(&bot, &drawer.token).await?;
        let tasks = Tasks::default();
        let api = simulator.api();
        let sample = Bot::start(api.as_str(), &drawer.token, &tasks).await?;
        adapt(&mut config, api, sample.address())?;
        let records = Records::default();
        let reporter = Reporter::new(&Scope::of(&config), Form::Json, Box::new(records.clone()));
        let house = House::open(&config, Arc::new(reporter)).await?;
        let webhook = format!("http://{}{path}", house.webhooks());
        let control = simulator.control();
        register(&control, &bot, &webhook, &drawer.webhook_secret)?;
        let stage = Self { control, records, bot, webhook, config, house, simulator, tasks };
        stage.until(|| stage.identified().then_some(())).await.ok_or(NoStage::Unidentified)?;
        Ok(stage)
    }

    fn identified(&self) -> bool {
        let checks = self.house.readiness().checks();
        checks.iter().any(|(name, state)| name.starts_with("token ") && state.is_ok())
    }

    /// What is looked for, as soon as it is there; `None` if patience ends first.
    pub(super) async fn until<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match look() {
                Some(found) => return Some(found),
                None if Instant::now() > deadline => return None,
                None => sleep(LOOK).await,
            }
        }
    }

    /// Waits until nothing is on its way, neither to the gateway nor from it.
    pub(super) async fn settle(&self) -> Option<()> {
        if !self.control.wait_idle(PATIENCE).await {
            return None;
        }
        self.until(|| (self.house.waiting() == 0).then_some(())).await?;
        self.control.wait_idle(PATIENCE).await.then_some(())
    }

    /// Events that the gateway keeps.
    pub(super) fn waiting(&self) -> usize {
        self.house.waiting()
    }

    /// `http://127.0.0.1:PORT/`
    pub(super) fn origin(&self) -> String {
        self.simulator.origin().to_string()
    }

    /// Where metrics are.
    pub(super) fn ops(&self) -> Option<SocketAddr> {
        self.house.ops()
    }

    /// Ends everything, in the order in which nobody misses anybody.
    pub(super) async fn strike(self) {
        self.house.close().await;
        self.tasks.stop(PATIENCE).await;
        self.simulator.stop().await;
    }
}
