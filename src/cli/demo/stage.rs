//! Simulator, gateway and bot, connected by real sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::bot::Bot;
use super::records::Records;
use crate::cli::house::{House, Unopened};
use crate::cli::run::scope;
use crate::config::{self, Address, Config, Problem, Proxy, Source};
use crate::report::{Form, Reporter};
use crate::rt::{self, Tasks};
use crate::simulator::{Control, ControlError, Options, Registration, Running, Simulator, World};

/// The very file at the top of the repository.
const GATEWAY: &str = include_str!("../../../gateway.yaml");

/// For anything that should happen; all scenes together take a few seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// What the bot's webhooks are about.
const HOOKS: [(&str, &str); 4] = [
    ("messages", "created"),
    ("attachmentActions", "created"),
    ("memberships", "created"),
    ("memberships", "deleted"),
];

/// The secrets that `gateway.yaml` names, and nothing else of this machine.
struct Drawer {
    token: String,
    webhook_secret: String,
}

impl Source for Drawer {
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match name {
            name if name.ends_with("token") => Ok(self.token.clone().into_bytes()),
            name if name.ends_with("webhook_secret") => {
                Ok(self.webhook_secret.clone().into_bytes())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn var(&self, _name: &str) -> Option<String> {
        None
    }

    fn readable_by_others(&self, _path: &Path) -> bool {
        false
    }
}

/// Everything that plays, and where it listens.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) control: Control,
    pub(super) records: Records,
    /// The name of the bot, in `gateway.yaml` and in the simulated world.
    pub(super) bot: String,
    /// Where Webex delivers to.
    pub(super) webhook: String,
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
        let drawer = Drawer { token: secret(), webhook_secret: secret() };
        let (mut config, _warnings) = config::load(GATEWAY.as_bytes(), &drawer, rt::now().wall)?;
        let route = config.routes.values().next().ok_or(NoStage::NoRoute)?;
        let (bot, path) = (route.bot.to_string(), route.path.clone());
        let simulator = simulate(&bot, &drawer.token).await?;
        let tasks = Tasks::default();
        let api = simulator.api();
        let sample = Bot::start(api.as_str(), &drawer.token, &tasks).await?;
        adapt(&mut config, api, sample.address())?;
        let records = Records::default();
        let reporter = Reporter::new(&scope(&config), Form::Json, Box::new(records.clone()));
        let house = House::open(&config, Arc::new(reporter)).await?;
        let webhook = format!("http://{}{path}", house.webhooks());
        let control = simulator.control();
        register(&control, &bot, &webhook, &drawer.webhook_secret)?;
        let stage = Self { control, records, bot, webhook, house, simulator, tasks };
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

fn secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

async fn simulate(bot: &str, token: &str) -> io::Result<Running> {
    let mut world = World::demo();
    if let Some(person) = world.people.get_mut(bot) {
        person.token = Some(token.to_owned());
    }
    Simulator::start(world, Options::default()).await
}

/// The file as it is, but on this machine: the simulator for Webex, the sample bot upstream, free ports, quick drains.
fn adapt(config: &mut Config, api: url::Url, bot: SocketAddr) -> Result<(), http::uri::InvalidUri> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.webex.api = api;
    config.webex.proxy = Proxy::Direct;
    config.server.listen = free;
    config.server.drain_grace = Duration::ZERO;
    config.server.drain_timeout = Duration::from_secs(2);
    config.ops.listen = Some(free);
    for route in config.routes.values_mut() {
        route.upstream.address = Address::Tcp(format!("http://{bot}/").parse()?);
    }
    Ok(())
}

fn register(control: &Control, bot: &str, webhook: &str, secret: &str) -> Result<(), ControlError> {
    for (resource, event) in HOOKS {
        let wanted = Registration {
            name: format!("botwarden:{resource}.{event}"),
            target: webhook.to_owned(),
            resource: resource.to_owned(),
            event: event.to_owned(),
            filter: None,
            secret: Some(secret.to_owned()),
        };
        control.register(bot, &wanted)?;
    }
    Ok(())
}
