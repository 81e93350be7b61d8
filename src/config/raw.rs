//! What may be typed: one type per map, one field per key, defaults in `Default`. The schema is made from it, so every
//! comment here is shown by editors.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listen;
use super::raw_admin::Admin;
use super::raw_journal::DecisionLog;
use super::raw_routes::{Bot, Policy, Route};
use super::raw_telemetry::Telemetry;
use super::words::{Base, Origin, Size, Spelled, Way};
use crate::gate::id::OrgId;

pub(super) type Span = Spelled<Duration>;
pub(super) type Bytes = Spelled<Size>;
pub(super) type Listen = Spelled<listen::Listen>;

pub(super) const fn seconds(seconds: u64) -> Span {
    Spelled(Duration::from_secs(seconds))
}

pub(super) const fn millis(millis: u64) -> Span {
    Spelled(Duration::from_millis(millis))
}

fn loopback(port: u16) -> Listen {
    Spelled(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())
}

/// The configuration of botwarden, a security gateway in front of Webex bots.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
#[schemars(title = "gateway.yaml")]
#[schemars(extend("required" = ["version", "policy"]))]
pub(super) struct Gateway {
    /// The version of this format.
    #[schemars(with = "u64", extend("const" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u64>,
    /// Organisations by the name that policies, reports and logs use; ids in any spelling that Webex has.
    pub(super) orgs: BTreeMap<String, Spelled<OrgId>>,
    /// The only listener that Webex reaches.
    pub(super) server: Server,
    /// The listener for probes and metrics.
    pub(super) ops: Ops,
    /// The listener for operators: status, live verdicts, reload.
    pub(super) admin: Admin,
    /// The ordinary log.
    pub(super) log: Log,
    /// The records of what was decided: the evidence.
    pub(super) decision_log: DecisionLog,
    /// How the gateway itself asks Webex.
    pub(super) webex: Webex,
    /// Rules for every route; a route may only tighten them.
    pub(super) policy: Policy,
    /// What is remembered about rooms.
    pub(super) cache: Cache,
    /// Where authentic events wait between the 200 for Webex and the bot.
    pub(super) inbox: Inbox,
    /// Traces, and OpenTelemetry.
    pub(super) telemetry: Telemetry,
    /// Bots by name.
    pub(super) bots: BTreeMap<String, Bot>,
    /// Routes by name; the name is the label in metrics.
    pub(super) routes: BTreeMap<String, Route>,
}

/// `server`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Server {
    /// Where to listen; systemd for the socket that a socket unit passes. `BOTWARDEN_LISTEN` overrides it.
    pub(super) listen: Listen,
    /// Terminate TLS here; usually an ingress does. The files are watched.
    pub(super) tls: Option<Tls>,
    /// The largest body of a call.
    pub(super) body_limit: Bytes,
    /// For the headers of a call, for the silence before it, and for a TLS handshake.
    pub(super) header_timeout: Span,
    /// For the body of a call.
    pub(super) body_timeout: Span,
    /// Open connections.
    pub(super) max_connections: usize,
    /// Verified events that somebody waits for; unverified calls have a small lot of their own.
    pub(super) max_in_flight: usize,
    /// After SIGTERM still accepting, while load balancers notice; a part of `drain_timeout`.
    pub(super) drain_grace: Span,
    /// From SIGTERM to the end, in all; keep it at least 5s below `terminationGracePeriodSeconds`.
    pub(super) drain_timeout: Span,
    /// What Webex reaches this listener by from outside, such as `https://bots.example.com`; webhooks are registered
    /// with it. `BOTWARDEN_PUBLIC_URL` overrides it.
    pub(super) public_url: Option<Spelled<Origin>>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            tls: None,
            body_limit: Spelled(Size(256 << 10)),
            header_timeout: seconds(5),
            body_timeout: seconds(10),
            // What strangers can hold in all: 1024 times some 40 KiB (two read buffers, of which one grows to 16 KiB
            // around a head of 8 KiB, a task, a socket; or 24 KiB of a TLS handshake in place of the buffers) = 40 MiB;
            // 128 small bodies that are on their way (16 KiB) = 2 MiB; 64 large ones with this `body_limit` = 16 MiB.
            // Together less than 64 MiB, half of what the deployments allow.
            max_connections: 1024,
            max_in_flight: 512,
            drain_grace: seconds(5),
            drain_timeout: seconds(25),
            public_url: None,
        }
    }
}

/// `server.tls`
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map with cert_file and key_file")]
#[schemars(extend("required" = ["cert_file", "key_file"]))]
#[expect(
    clippy::struct_field_names,
    reason = "each is a file, and operators know them by these names"
)]
pub(super) struct Tls {
    /// The certificate chain, PEM, the leaf first.
    #[schemars(with = "String")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cert_file: Option<String>,
    /// The private key, PEM.
    #[schemars(with = "String")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_file: Option<String>,
    /// Authorities, PEM: only callers with a certificate of one of them get past the handshake. For an ingress or a
    /// proxy in front that presents one; Webex itself presents none, so it could not call any more.
    pub(super) client_ca_file: Option<String>,
}

/// `ops`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Ops {
    /// Where to listen; null for no such listener, systemd for the socket that a socket unit passes.
    /// `BOTWARDEN_OPS_LISTEN` overrides it.
    pub(super) listen: Option<Listen>,
}

impl Default for Ops {
    fn default() -> Self {
        Self { listen: Some(loopback(8082)) }
    }
}

/// `log`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Log {
    /// What is told: off, error, warn, info, debug or trace, also per target: `info,botwarden::webex=debug`. `BOTWARDEN_LOG`
    /// overrides it.
    pub(super) level: String,
    /// How lines look; auto is text on a terminal, else json. `BOTWARDEN_LOG_FORMAT` overrides it.
    pub(super) format: Format,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: Format::Auto }
    }
}

/// `log.format`
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", expecting = "auto, json or text")]
pub(super) enum Format {
    Auto,
    Json,
    Text,
}

/// `webex`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Webex {
    /// The base URL of the API; http only for loopback.
    pub(super) api: Spelled<Base>,
    /// How to get there: env (`HTTPS_PROXY`, `NO_PROXY`), direct, or the URL of a proxy.
    pub(super) proxy: Spelled<Way>,
    /// More trusted roots, PEM: for a company proxy that opens TLS.
    pub(super) ca_file: Option<String>,
    /// For one call.
    pub(super) timeout: Span,
    /// Calls at once, per token.
    pub(super) max_in_flight: usize,
    /// Calls a minute, per token; Webex allows about 300.
    pub(super) requests_per_minute: u32,
    /// When a call fails.
    pub(super) retry: Retry,
}

impl Default for Webex {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant; a test reads it")]
        let api = "https://webexapis.com/v1".parse().expect("a URL");
        Self {
            api: Spelled(Base(api)),
            proxy: Spelled(Way::Env),
            ca_file: None,
            timeout: seconds(5),
            max_in_flight: 8,
            requests_per_minute: 280,
            retry: Retry::default(),
        }
    }
}

/// `webex.retry`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Retry {
    /// Tries of one call before it counts as an outage.
    pub(super) attempts: u32,
    /// All tries and waits of one question together.
    pub(super) give_up_after: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, give_up_after: seconds(8) }
    }
}

/// `cache`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Cache {
    /// For how long a clean list of members stands, at most 300s; 0s asks Webex at every event.
    pub(super) allow_ttl: Span,
    /// For how long a list with outsiders is not read again.
    pub(super) deny_ttl: Span,
    /// For how long an old no may serve while Webex is down; an old yes never does.
    pub(super) stale_deny: Span,
    /// Rooms remembered.
    pub(super) max_entries: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            allow_ttl: seconds(60),
            deny_ttl: seconds(30),
            stale_deny: seconds(600),
            max_entries: 10_000,
        }
    }
}

/// `inbox`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Inbox {
    /// Where events are kept.
    pub(super) mode: InboxMode,
    /// Events kept at once.
    pub(super) max_events: usize,
    /// Their bodies and headers together.
    pub(super) max_bytes: Bytes,
    /// Not decided or not delivered by then: expired, with a record.
    pub(super) max_age: Span,
    /// One after the other in a room, or as they come.
    pub(super) order: Order,
    /// The same event within this time is kept once.
    pub(super) duplicates: Span,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            mode: InboxMode::Memory,
            max_events: 10_000,
            max_bytes: Spelled(Size(64 << 20)),
            max_age: seconds(900),
            order: Order::PerRoom,
            duplicates: seconds(600),
        }
    }
}

/// `inbox.mode`
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", expecting = "memory")]
pub(super) enum InboxMode {
    Memory,
}

/// `inbox.order`
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", expecting = "per_room or none")]
pub(super) enum Order {
    None,
    PerRoom,
}
