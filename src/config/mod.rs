//! `gateway.yaml` → [`Config`]: what was typed is read, checked, and every mistake is told at once.

pub mod problem;
pub mod source;
pub mod schema;
mod lines;
mod path;
mod slip;
mod tree;
mod typed;
mod words;
mod words_upkeep;
mod words_telemetry;
mod words_admin;
mod raw;
mod raw_routes;
mod raw_forms;
mod raw_journal;
mod raw_upkeep;
mod raw_telemetry;
mod raw_admin;
mod listen;
mod findings;
mod ids;
mod secrets;
mod check;
mod journal;
mod load;
mod telemetry;
mod admin;
mod upkeep;
mod veil;
mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::gate::id::{Key, Org, OrgId};
use crate::gate::policy::Policy;
use crate::gate::retry::Schedule;
use crate::gate::secret::Secret;
use crate::gate::signature::KeyRing;

pub use admin::Admin;
pub use ids::long_id;
pub use journal::{DecisionLog, Destination};
pub use listen::Listen;
pub use load::{Reach, find, load, reach, read};
pub use problem::{Code, Place, Problem, Severity};
pub use render::{render, render_each};
pub use schema::schema;
pub use source::{LARGEST_FILE, Machine, Source};
pub use telemetry::{Attribute, Otlp, Telemetry};
pub use upkeep::{Audit, Farewell, Leave, Manage, MaxLeave, Notices, Notify, Reports, Webhooks};
pub use words_upkeep::unoffered;

/// A checked configuration. Everything in it can be used as it is; nothing of it is secret in its `Debug`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Organisations by the name that reports and logs use for them.
    pub orgs: BTreeMap<Arc<str>, OrgId>,
    /// The listener that Webex reaches.
    pub server: Server,
    /// The listener for probes and metrics.
    pub ops: Ops,
    /// The listener for operators.
    pub admin: Admin,
    /// The ordinary log.
    pub log: Log,
    /// The records.
    pub decision_log: DecisionLog,
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
    /// Traces, and what is sent to collectors.
    pub telemetry: Telemetry,
    /// The first 8 hex digits of the SHA-256 of the file: which configuration a record was made under.
    pub fingerprint: Box<str>,
}

/// `server`
#[derive(Clone, Debug)]
pub struct Server {
    /// Where to listen.
    pub listen: Listen,
    /// Terminate TLS here.
    pub tls: Option<Tls>,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// For the headers of a call, for the silence before it, and for a TLS handshake.
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_field_names,
    reason = "each is a file, and operators know them by these names"
)]
pub struct Tls {
    /// PEM, the leaf first.
    pub cert_file: PathBuf,
    /// PEM.
    pub key_file: PathBuf,
    /// PEM; a caller must have a certificate of one of these authorities.
    pub client_ca_file: Option<PathBuf>,
}

/// `ops`
#[derive(Clone, Debug)]
pub struct Ops {
    /// Where to listen; `None` for no such listener.
    pub listen: Option<Listen>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webex {
    /// The base URL, without a trailing slash, such as `https://webexapis.com/v1`.
    pub api: Url,
    /// How to get there.
    pub proxy: Proxy,
    /// More trusted roots.
    pub ca_file: Option<CaFile>,
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

/// A file of trusted roots, and what it held when the configuration was read: the same path may hold others by now.
#[derive(Clone, PartialEq, Eq)]
pub struct CaFile {
    /// Where it is.
    pub path: PathBuf,
    /// PEM.
    pub pem: Arc<[u8]>,
}

/// The path: what it held is long.
impl fmt::Debug for CaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSecret {
    /// Its bytes.
    pub secret: Secret,
    /// The file that it was read from, where it was a file.
    pub file: Option<PathBuf>,
}

/// One of `routes`
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
