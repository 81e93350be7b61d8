//! A Webex in a box: people, rooms, a REST API, signed webhooks, and every misbehaviour that has been seen.
//!
//! It is the one fake Webex of the project: the demo, the `simulate` command and all tests use it. It shares no code
//! with the rest of the product, because it is what the product is checked against; where it answers a path of the
//! Webex API, the answer obeys the published OpenAPI description (`tests/conformance`).
//!
//! ```text
//!   World ─▶ State ◀── api          /v1/…        calls of bots, with paging and errors
//!              │   ◀── control      /control/…   what tests and people do to the world
//!              ▼
//!            Event ─▶ Parcel ─▶ deliver ─▶ webhooks
//! ```
//!
//! A change becomes an event, the event one parcel for each webhook whose owner may hear of it, and the parcels
//! of one webhook are sent in order, once each. [Faults](Fault) may spoil every step.

mod api;
mod changes;
mod control;
mod control_http;
mod deliver;
mod event;
mod failure;
mod fault;
mod filter;
mod form;
mod genesis;
mod health;
mod ids;
mod limit;
mod log;
mod markdown;
mod misbehave;
mod model;
mod paging;
mod rt;
mod scene;
mod server;
mod shared;
mod signature;
mod state;
mod view;
mod wire;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

pub use control::{Control, ControlError, Mention};
pub use fault::{Fault, Misbehaviour, RetryAfter};
pub use log::{CallRecord, DeliveryRecord};
pub use view::{MessageView, PersonView, Prepared, Registration, RoomView, WebhookView, WorldView};
pub use world::{Fill, PersonSpec, PersonType, RoomSpec, RoomType, World, WorldError};

/// The place where simulators are started.
#[derive(Debug)]
pub struct Simulator;

/// How a simulator runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// How many calls a token may make in a minute; none for no limit.
    pub requests_per_minute: Option<u32>,
    /// How long a receiver may take to answer a delivery. The real limit is not published.
    pub delivery_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            requests_per_minute: None,
            delivery_timeout: Duration::from_secs(10),
        }
    }
}

impl Simulator {
    /// Starts a simulator in the background.
    pub async fn start(world: World, options: Options) -> io::Result<Running> {
        world.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = TcpListener::bind(options.listen).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let url = Url::parse(&origin).map_err(io::Error::other)?;
        let (sender, parcels) = mpsc::channel(deliver::LONGEST_QUEUE);
        let shared =
            Arc::new(shared::Shared::new(state::State::new(&world), sender, origin, &options));
        let deliveries =
            rt::spawn(deliver::dispatch(Arc::clone(&shared), deliver::client()?, parcels));
        let server = rt::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Running { url, control: Control::new(shared), tasks: [server, deliveries] })
    }
}

/// A simulator that runs. It ends with this value.
#[derive(Debug)]
#[must_use = "the simulator ends when this is dropped"]
pub struct Running {
    url: Url,
    control: Control,
    tasks: [JoinHandle<()>; 2],
}

impl Running {
    /// The base of the API: `http://127.0.0.1:PORT/v1`.
    pub fn api(&self) -> Url {
        let mut api = self.url.clone();
        api.set_path("/v1");
        api
    }

    /// `http://127.0.0.1:PORT/`.
    pub fn origin(&self) -> Url {
        self.url.clone()
    }

    /// The hand that moves the world.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Ends the simulator; when this returns, its port is free and nothing more is delivered.
    pub async fn stop(mut self) {
        for task in &mut self.tasks {
            task.abort();
            // An aborted task ends with an error that says just this.
            drop(task.await);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
