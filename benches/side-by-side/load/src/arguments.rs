//! What the command line asks for.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use lexopt::prelude::*;

use super::Failure;

const USAGE: &str = "\
load bot  --listen ADDRESS
          answers every POST with 200 and counts it; GET tells the count
load fire --target ADDRESS [--path /webhooks/helpdesk] [--host HOST] --secret TEXT
          [--connections 32] [--seconds 4] [--rate EVENTS_A_SECOND]
          [--forged | --unsigned | --forged-share 0.5] [--body-bytes 700]
          [--rooms 100] [--routes 1] [--creator helpdesk] [--actor ann]
          [--events N] [--idle N]
          prints one line of JSON; without --rate as fast as answers come";

/// A command, read.
pub(crate) enum Wish {
    Bot(SocketAddr),
    Fire(Box<Order>),
}

/// What is fired, and how.
pub(crate) struct Order {
    pub(crate) target: SocketAddr,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) secret: String,
    /// Calls at once.
    pub(crate) connections: usize,
    pub(crate) length: Duration,
    /// Ends the run as well, when so many were sent.
    pub(crate) events: u64,
    /// Events a second, whether or not answers come; none: the next one when an answer came.
    pub(crate) rate: Option<f64>,
    /// The share of events whose signature is another secret's.
    pub(crate) forged_share: f64,
    pub(crate) signing: Signing,
    /// The length of a body; it never is below what an event needs.
    pub(crate) body_bytes: usize,
    /// Events are about these rooms in turn: `room-0`, `room-1` …
    pub(crate) rooms: usize,
    /// With more than one, paths are `<path>/<n>` and their bots `<creator>-<n>`; rooms are spread over them evenly.
    pub(crate) routes: usize,
    /// The handles of the bot and of who acts, in the simulated world.
    pub(crate) creator: String,
    pub(crate) actor: String,
    /// Connections that make one call each and stay open.
    pub(crate) idle: usize,
}

/// Whether calls carry a signature at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signing {
    Signed,
    Unsigned,
}

/// The command line of this process.
pub(crate) fn read() -> Result<Wish, Failure> {
    let mut parser = lexopt::Parser::from_env();
    let command = match parser.next()? {
        Some(Value(word)) => word.string()?,
        _ => return Err(USAGE.into()),
    };
    match command.as_str() {
        "bot" => bot(&mut parser),
        "fire" => fire(&mut parser),
        _ => Err(USAGE.into()),
    }
}

fn bot(parser: &mut lexopt::Parser) -> Result<Wish, Failure> {
    match parser.next()? {
        Some(Long("listen")) => Ok(Wish::Bot(value(parser)?)),
        _ => Err(USAGE.into()),
    }
}

fn fire(parser: &mut lexopt::Parser) -> Result<Wish, Failure> {
    let mut order = Order::default();
    while let Some(argument) = parser.next()? {
        let Long(name) = argument else { return Err(USAGE.into()) };
        let name = name.to_owned();
        order.set(&name, parser)?;
    }
    if order.target.port() == 0 || order.secret.is_empty() {
        return Err(USAGE.into());
    }
    if order.routes == 0 || order.rooms == 0 || order.rooms % order.routes != 0 {
        return Err("--rooms must be a multiple of --routes".into());
    }
    Ok(Wish::Fire(Box::new(order)))
}

impl Order {
    fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), Failure> {
        match name {
            "target" => self.target = value(parser)?,
            "path" => self.path = value(parser)?,
            "host" => self.host = value(parser)?,
            "secret" => self.secret = value(parser)?,
            "connections" => self.connections = value(parser)?,
            "seconds" => self.length = Duration::from_secs_f64(value(parser)?),
            "events" => self.events = value(parser)?,
            "rate" => self.rate = Some(value(parser)?),
            "forged" => self.forged_share = 1.0,
            "forged-share" => self.forged_share = value(parser)?,
            "unsigned" => self.signing = Signing::Unsigned,
            "body-bytes" => self.body_bytes = value(parser)?,
            "rooms" => self.rooms = value(parser)?,
            "routes" => self.routes = value(parser)?,
            "creator" => self.creator = value(parser)?,
            "actor" => self.actor = value(parser)?,
            "idle" => self.idle = value(parser)?,
            _ => return Err(format!("there is no --{name}\n{USAGE}").into()),
        }
        Ok(())
    }
}

impl Default for Order {
    fn default() -> Self {
        Self {
            target: SocketAddr::from(([127, 0, 0, 1], 0)),
            path: "/webhooks/helpdesk".to_owned(),
            host: "gateway.example".to_owned(),
            secret: String::new(),
            connections: 32,
            length: Duration::from_secs(4),
            events: u64::MAX,
            rate: None,
            forged_share: 0.0,
            signing: Signing::Signed,
            body_bytes: 0,
            rooms: 100,
            routes: 1,
            creator: "helpdesk".to_owned(),
            actor: "ann".to_owned(),
            idle: 0,
        }
    }
}

fn value<T: FromStr>(parser: &mut lexopt::Parser) -> Result<T, Failure>
where
    T::Err: std::error::Error + 'static,
{
    Ok(parser.value()?.string()?.parse()?)
}
