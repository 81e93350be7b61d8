//! What may be typed under `policy`, `bots` and `routes`.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raw::{Span, millis, seconds};
use super::raw_forms::{Demand, SecretRef, Secrets, Upstream};
use super::raw_upkeep::{Audit, OnDeny, Webhooks};
use super::words::Spelled;
use super::words_upkeep::Topic;
use crate::gate::id::PersonId;

/// `policy`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
#[schemars(extend("required" = ["allowed_orgs"]))]
pub(super) struct Policy {
    /// Whether refusals are enforced. `observe` lets refused events pass and counts them; signatures are enforced all
    /// the same.
    pub(super) mode: Mode,
    /// The day on which observing ends, in UTC; must be set with `observe`, at most 90 days ahead.
    pub(super) observe_until: Option<Spelled<Date>>,
    /// Organisations, by their names in `orgs`, whose people may be in a room. No wildcard exists.
    #[schemars(with = "Vec<String>", length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allowed_orgs: Option<Vec<String>>,
    /// Person ids of other bots that may sit in a room; the bot of a route itself always may.
    pub(super) trusted_bots: Vec<Spelled<PersonId>>,
    /// Guests of your own guest issuer: they carry your organisation's id.
    pub(super) app_users: AppUsers,
    /// Larger rooms are refused, never checked in part.
    pub(super) max_members: usize,
    /// `created` events older than this are refused.
    pub(super) max_event_age: Span,
    /// What an event must show, by resource (`messages`), resource and event (`memberships.deleted`) or `*`; the most
    /// exact key wins. `room`: every member of the room is in `allowed_orgs`. `deny`: nothing helps.
    #[schemars(extend("default" = {"messages": "room", "attachmentActions": "room", "memberships": "room",
        "rooms": "room", "memberships.deleted": "deny", "*": "deny"}))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) resources: BTreeMap<String, Demand>,
    /// Who is told about refusals.
    pub(super) on_deny: OnDeny,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            observe_until: None,
            allowed_orgs: None,
            trusted_bots: Vec::new(),
            app_users: AppUsers::Deny,
            max_members: 5000,
            max_event_age: seconds(600),
            resources: BTreeMap::new(),
            on_deny: OnDeny::default(),
        }
    }
}

/// `mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", expecting = "enforce or observe")]
pub(super) enum Mode {
    Enforce,
    Observe,
}

/// `app_users`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", expecting = "allow or deny")]
pub(super) enum AppUsers {
    Allow,
    Deny,
}

/// One of `bots`
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map with token and webhook_secret")]
#[schemars(extend("required" = ["token", "webhook_secret"]))]
pub(super) struct Bot {
    /// The bot's access token.
    #[schemars(with = "SecretRef")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<SecretRef>,
    /// The secret of its webhooks, at least 16 bytes; several while rotating.
    #[schemars(with = "Secrets")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) webhook_secret: Option<Secrets>,
    /// What is done about its webhooks.
    pub(super) webhooks: Webhooks,
    /// What is done about its rooms.
    pub(super) audit: Audit,
}

/// One of `routes`
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map with path, bot and upstream")]
#[schemars(extend("required" = ["path", "bot", "upstream"]))]
pub(super) struct Route {
    /// The exact path that Webex calls.
    #[schemars(with = "String", extend("pattern" = "^/"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// The name of the bot in `bots`.
    #[schemars(with = "String")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bot: Option<String>,
    /// Where the bot listens: a URL, or a map with more about it.
    #[schemars(with = "Upstream")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upstream: Option<Upstream>,
    /// Which webhooks lead here; null: those in `webhooks.events` of the bot that no other of its routes names.
    pub(super) events: Option<Vec<Spelled<Topic>>>,
    /// When Webex gets its answer. accepted: 200 once the event is kept. delivered: wait for the outcome.
    pub(super) answer: Answer,
    /// With `delivered`: answer 200 then, even if the bot is still busy.
    #[schemars(with = "Span", extend("default" = "4s"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answer_within: Option<Span>,
    /// What forged and unsigned calls get.
    pub(super) unverified: Unverified,
    /// Tighter rules for this route.
    pub(super) policy: RoutePolicy,
}

/// `answer`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", expecting = "accepted or delivered")]
pub(super) enum Answer {
    #[default]
    Accepted,
    Delivered,
}

/// `unverified`
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(expecting = "403 or 200")]
#[schemars(transform = as_numbers)]
pub(super) enum Unverified {
    #[default]
    #[serde(rename = "403")]
    Forbidden,
    #[serde(rename = "200")]
    Ok,
}

/// The words are numbers in YAML.
fn as_numbers(schema: &mut schemars::Schema) {
    *schema = schemars::json_schema!({"enum": [403, 200]});
}

/// `policy` of a route
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct RoutePolicy {
    /// Only `enforce`, where the policy at the top observes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<Mode>,
    /// Some of the organisations that the policy at the top allows.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allowed_orgs: Option<Vec<String>>,
    /// Only `deny`, where the policy at the top allows guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app_users: Option<AppUsers>,
    /// Not more than the policy at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_members: Option<usize>,
    /// Not more than the policy at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_event_age: Option<Span>,
    /// As at the top, and nothing wider. With `*`, what is not named here is denied.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) resources: BTreeMap<String, Demand>,
}

/// The long form of `upstream`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a URL, or a map with url")]
#[schemars(extend("required" = ["url"]))]
pub(super) struct UpstreamMap {
    /// http, https, or `unix:/run/bot.sock`, optionally with `:/path` behind it.
    #[schemars(with = "String", extend("pattern" = "^(https?://|unix:/)"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// For a connection.
    pub(super) connect_timeout: Span,
    /// For an answer.
    pub(super) timeout: Span,
    /// Calls at once.
    pub(super) max_in_flight: usize,
    /// When to try again while the bot is out of reach, until `inbox.max_age`.
    pub(super) retry: Waits,
    /// Pass X-Spark-Signature on.
    pub(super) pass_signature: bool,
    /// A key for Standard Webhooks headers, so that the bot can tell the gateway from a stranger.
    pub(super) sign: Option<Sign>,
    /// Fixed extra headers.
    pub(super) headers: BTreeMap<String, String>,
}

impl Default for UpstreamMap {
    fn default() -> Self {
        Self {
            url: None,
            connect_timeout: seconds(1),
            timeout: seconds(10),
            max_in_flight: 32,
            retry: Waits::default(),
            pass_signature: true,
            sign: None,
            headers: BTreeMap::new(),
        }
    }
}

/// `upstream.retry`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Waits {
    /// The first wait; each is twice the one before.
    pub(super) from: Span,
    /// The longest wait.
    pub(super) up_to: Span,
}

impl Default for Waits {
    fn default() -> Self {
        Self { from: millis(250), up_to: seconds(30) }
    }
}

/// `upstream.sign`
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map with secret")]
#[schemars(extend("required" = ["secret"]))]
pub(super) struct Sign {
    /// The key: `whsec_` and base64, or bytes as they are, at least 16 of them.
    #[schemars(with = "SecretRef")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<SecretRef>,
}
