//! `gateway.yaml` → [`Config`]: what was typed is read, checked, and every mistake is told at once.

pub mod problem;
pub mod source;
pub mod schema;
mod path;
mod tree;
mod typed;
mod words;
mod raw;
mod raw_routes;
mod raw_forms;
mod findings;
mod ids;
mod secrets;
mod check;
mod load;
mod veil;
mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::gate::id::{Key, Org, OrgId, RoomId};
use crate::gate::policy::Policy;
use crate::gate::retry::Schedule;
use crate::gate::secret::Secret;
use crate::gate::signature::KeyRing;

pub use ids::long_id;
pub use load::{find, load, read};
pub use problem::{Code, Place, Problem, Severity};
pub use render::render;
pub use schema::schema;
pub use source::{Machine, Source};

/// A checked configuration. Everything in it can be used as it is; nothing of it is secret in its `Debug`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Organisations by the name that reports and logs use for them.
    pub orgs: BTreeMap<Arc<str>, OrgId>,
    /// The listener that Webex reaches.
    pub server: Server,
    /// The listener for probes and metrics.
    pub ops: Ops,
    /// The ordinary log.
    pub log: Log,
    /// How the gateway asks Webex.
    pub webex: Webex,
    /// What is remembered about rooms.
    pub cache: Cache,
    /// Where events wait.
    pub inbox: Inbox,
    /// Bots by name.
    pub bots: BTreeMap<Arc<str>, Bot>,
    /// Routes by name.
    pub routes: BTreeMap<Arc<str>, Route>,
    /// Who is told about refusals.
    pub notices: Notices,
    /// The first 8 hex digits of the SHA-256 of the file: which configuration a record was made under.
    pub fingerprint: Box<str>,
}

/// `server`
#[derive(Clone, Debug)]
pub struct Server {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Terminate TLS here.
    pub tls: Option<Tls>,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// For the headers of a call, and for a TLS handshake.
    pub header_timeout: Duration,
    /// For the body of a call.
    pub body_timeout: Duration,
    /// Open connections.
    pub max_connections: usize,
    /// Verified events that somebody waits for.
    pub max_in_flight: usize,
    /// After SIGTERM: still accepting. A part of `drain_timeout`.
    pub drain_grace: Duration,
    /// From SIGTERM to the end, in all.
    pub drain_timeout: Duration,
    /// Where Webex finds this listener from outside, without a path; what webhooks are registered with.
    pub public_url: Option<Url>,
}

/// `server.tls`
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM, the leaf first.
    pub cert_file: PathBuf,
    /// PEM.
    pub key_file: PathBuf,
}

/// `ops`
#[derive(Clone, Debug)]
pub struct Ops {
    /// Where to listen; `None` for no such listener.
    pub listen: Option<SocketAddr>,
}

/// `log`
#[derive(Clone, Debug)]
pub struct Log {
    /// A filter such as `info,botwarden::webex=debug`.
    pub level: Box<str>,
    /// How lines look.
    pub format: LogFormat,
}

/// `log.format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `webex`
#[derive(Clone, Debug)]
pub struct Webex {
    /// The base URL, without a trailing slash, such as `https://webexapis.com/v1`.
    pub api: Url,
    /// How to get there.
    pub proxy: Proxy,
    /// More trusted roots, PEM.
    pub ca_file: Option<PathBuf>,
    /// For one call.
    pub timeout: Duration,
    /// Calls at once, per token.
    pub max_in_flight: usize,
    /// Calls a minute, per token.
    pub requests_per_minute: u32,
    /// Tries of one call before it counts as an outage.
    pub attempts: u32,
    /// All tries and waits of one question together.
    pub give_up_after: Duration,
}

/// `webex.proxy`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// Never.
    Direct,
    /// `HTTPS_PROXY`, `NO_PROXY`.
    Env,
    /// This one.
    Url(Url),
}

/// `cache`
#[derive(Clone, Debug)]
pub struct Cache {
    /// For how long a clean list stands.
    pub allow_ttl: Duration,
    /// For how long a list that is not clean is not read again.
    pub deny_ttl: Duration,
    /// For how long it may serve while Webex is out of reach.
    pub stale_deny: Duration,
    /// Rooms remembered.
    pub max_entries: u64,
}

/// `inbox`
#[derive(Clone, Debug)]
pub struct Inbox {
    /// Events kept at once.
    pub max_events: usize,
    /// Their bodies and headers together, in bytes.
    pub max_bytes: usize,
    /// Not decided or not delivered by then: expired.
    pub max_age: Duration,
    /// In which order.
    pub order: Order,
    /// The same event within this time is kept once.
    pub duplicates: Duration,
}

/// `inbox.order`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they come.
    None,
    /// One after the other in a room, side by side across rooms.
    PerRoom,
}

/// One of `bots`
#[derive(Clone, Debug)]
pub struct Bot {
    /// Its access token.
    pub token: Secret,
    /// Its webhook secrets.
    pub keys: KeyRing,
    /// The same as they are, in the same order: the first is registered with webhooks, all are accepted.
    pub secrets: Vec<WebhookSecret>,
    /// What is done about its webhooks.
    pub webhooks: Webhooks,
    /// What is done about its rooms.
    pub audit: Audit,
}

/// One of `bots.*.webhook_secret`
#[derive(Clone, Debug)]
pub struct WebhookSecret {
    /// Its bytes.
    pub secret: Secret,
    /// The file that it was read from, where it was a file.
    pub file: Option<PathBuf>,
}

/// `bots.*.webhooks`
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// How far the gateway goes by itself.
    pub manage: Manage,
    /// Between two looks.
    pub every: Duration,
    /// Targets elsewhere that are known and left alone, word for word.
    pub foreign: Vec<Box<str>>,
}

/// `bots.*.webhooks.manage`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manage {
    /// They are not looked at.
    None,
    /// They are looked at, and told about.
    Check,
    /// They are made and repaired.
    Ensure,
}

/// `bots.*.audit`
#[derive(Clone, Debug)]
pub struct Audit {
    /// Between two audits of the running gateway; `None` for none.
    pub every: Option<Duration>,
    /// Minutes after midnight, UTC, at which the first of a day begins.
    pub at: Option<u16>,
    /// Calls a second, at most.
    pub requests_per_second: u32,
    /// Where reports go, and what is remembered about who added the bot.
    pub reports: Option<Reports>,
    /// Whether the bot leaves rooms by itself.
    pub leave: Leave,
    /// More than this is not left in one go.
    pub max_leave: MaxLeave,
    /// What is said in a group room before it is left.
    pub farewell: Option<Farewell>,
}

/// `bots.*.audit.reports`
#[derive(Clone, Debug)]
pub struct Reports {
    /// The directory.
    pub dir: PathBuf,
    /// Older reports are removed.
    pub keep: Duration,
}

/// `bots.*.audit.leave_rooms_with_outsiders`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It stays, and is silent.
    Never,
    /// After two complete readings that agree.
    Confirmed,
}

/// `bots.*.audit.max_leave`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxLeave {
    /// So many rooms.
    Rooms(usize),
    /// So many of a hundred of the bot's rooms.
    Percent(u8),
}

impl MaxLeave {
    /// How many rooms that is of so many; a percentage of few rooms still allows one.
    pub fn of(self, rooms: usize) -> usize {
        match self {
            Self::Rooms(most) => most,
            Self::Percent(percent) => (rooms.saturating_mul(percent.into()) / 100).max(1),
        }
    }
}

/// `bots.*.audit.farewell`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The text.
    pub text: Box<str>,
    /// Once in this time and room.
    pub at_most_every: Duration,
}

/// `policy.on_deny`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notices {
    /// Who is told that something was refused.
    pub notify: Notify,
    /// What they are told.
    pub text: Box<str>,
    /// Once in this time, for each room and kind of notice.
    pub at_most_every: Duration,
    /// Said in the room when it is refused for the first time.
    pub refused: Option<Box<str>>,
    /// Said in the room when somebody talks to the bot there all the same.
    pub still_refused: Option<Box<str>>,
    /// Said in the room when it is clean again.
    pub allowed_again: Option<Box<str>>,
}

/// `policy.on_deny.notify`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Whoever caused the event, in their direct room with the bot, if their organisation is allowed.
    Actor,
    /// Nobody.
    None,
    /// A room of the operators, if it is clean.
    OpsRoom(RoomId),
}

/// One of `routes`
#[derive(Clone, Debug)]
pub struct Route {
    /// The exact path.
    pub path: Box<str>,
    /// The name of its bot.
    pub bot: Arc<str>,
    /// When Webex gets its answer.
    pub answer: Answer,
    /// What forged and unsigned calls get.
    pub unverified: Unverified,
    /// Where cleared events go.
    pub upstream: Upstream,
    /// What they must show.
    pub policy: Policy,
    /// Which webhooks lead here: resource and event.
    pub events: Vec<(Box<str>, Box<str>)>,
}

/// `answer`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200 once kept.
    Accepted,
    /// Wait for the outcome, up to this long.
    Delivered {
        /// `answer_within`
        within: Duration,
    },
}

/// `unverified`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// 403
    Forbidden,
    /// 200, for those who fear a switched-off webhook more than a silent forgery.
    Ok,
}

/// `upstream`
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where the bot listens.
    pub address: Address,
    /// For a connection.
    pub connect_timeout: Duration,
    /// For an answer.
    pub timeout: Duration,
    /// Calls at once.
    pub max_in_flight: usize,
    /// When to try again while the bot is out of reach.
    pub retry: Schedule,
    /// Pass `X-Spark-Signature` on.
    pub pass_signature: bool,
    /// A key for Standard Webhooks headers.
    pub sign: Option<Secret>,
    /// Fixed extra headers.
    pub headers: http::HeaderMap,
}

/// `upstream.url`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// http or https.
    Tcp(http::Uri),
    /// `unix:/run/bot.sock`, and optionally `:/path` behind it.
    Unix {
        /// The socket.
        socket: PathBuf,
        /// The path of the request.
        path: http::uri::PathAndQuery,
    },
}

impl Config {
    /// The configured name of an organisation, or its id.
    pub fn org_name(&self, org: Key<Org>) -> String {
        let named = self.orgs.iter().find(|(_, id)| id.key() == org);
        named.map_or_else(|| org.to_string(), |(name, _)| name.to_string())
    }
}

/// A moment for people, to the minute: `2026-12-31 00:00 UTC`.
pub fn minute(moment: SystemTime) -> String {
    let spelled = humantime::format_rfc3339_seconds(moment).to_string();
    let minute = spelled.get(..16).unwrap_or(&spelled);
    format!("{} UTC", minute.replace('T', " "))
}

/// Advice for a name that does not exist: the one that was probably meant.
pub fn suggestion(word: &str, candidates: &[&str]) -> Option<String> {
    problem::did_you_mean(word, candidates.iter().copied())
}
