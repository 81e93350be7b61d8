//! What may be typed about webhooks, audits and notices.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MaxLeave;
use super::raw::{Span, seconds};
use super::words::Spelled;
use super::words_upkeep::{Clock, Topic};
use crate::gate::id::RoomId;

const DAY: Span = Spelled(Duration::from_hours(24));

/// `bots.*.webhooks`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Webhooks {
    /// How far the gateway goes by itself. none: it does not look. check: it tells what is wrong. ensure: it makes and
    /// repairs them, and never deletes foreign ones. null: check where `server.public_url` is set, else none.
    pub(super) manage: Option<Manage>,
    /// Which webhooks there are.
    pub(super) events: Vec<Spelled<Topic>>,
    /// Between two looks.
    pub(super) every: Span,
    /// Targets that are known and left alone, word for word as Webex has them; none that is a route's.
    pub(super) foreign: Vec<String>,
}

impl Default for Webhooks {
    fn default() -> Self {
        let topic = |(resource, event)| Spelled(Topic { resource, event });
        let events = [
            ("messages", "created"),
            ("attachmentActions", "created"),
            ("memberships", "created"),
            ("memberships", "deleted"),
        ];
        Self {
            manage: None,
            events: events.map(topic).to_vec(),
            every: seconds(600),
            foreign: Vec::new(),
        }
    }
}

/// `bots.*.webhooks.manage`
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", expecting = "none, check or ensure")]
pub(super) enum Manage {
    None,
    Check,
    Ensure,
}

/// `bots.*.audit`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Audit {
    /// Between two audits of the running gateway; null for none.
    pub(super) every: Option<Span>,
    /// When the first of a day begins, in UTC, in quotation marks; null for any time.
    pub(super) at: Option<Spelled<Clock>>,
    /// Calls a second, at most. `webex.requests_per_minute` bounds them as well; in the running gateway audits get a
    /// quarter of that.
    pub(super) requests_per_second: u32,
    /// Where reports go; null for the log only.
    pub(super) reports: Option<Reports>,
    /// Whether the bot leaves rooms with outsiders by itself. confirmed: after two complete readings that agree.
    pub(super) leave_rooms_with_outsiders: Leave,
    /// More rooms than this are not left in one go: a number, or a share of the bot's rooms such as "20%".
    pub(super) max_leave: Spelled<MaxLeave>,
    /// What is said in a group room before it is left; null for nothing.
    pub(super) farewell: Option<Farewell>,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            every: Some(DAY),
            at: Some(Spelled(Clock { minutes: 3 * 60 })),
            requests_per_second: 4,
            reports: None,
            leave_rooms_with_outsiders: Leave::Never,
            max_leave: Spelled(MaxLeave::Rooms(10)),
            farewell: None,
        }
    }
}

/// `bots.*.audit.leave_rooms_with_outsiders`
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", expecting = "never or confirmed")]
pub(super) enum Leave {
    Never,
    Confirmed,
}

/// `bots.*.audit.reports`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map with dir")]
#[schemars(extend("required" = ["dir"]))]
pub(super) struct Reports {
    /// A directory that exists and that the gateway may write to; it is opened by the first audit, not before.
    #[schemars(with = "String", extend("pattern" = r"^\.{0,2}/"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dir: Option<String>,
    /// Older reports are removed.
    pub(super) keep: Span,
}

impl Default for Reports {
    fn default() -> Self {
        Self { dir: None, keep: Spelled(Duration::from_hours(400 * 24)) }
    }
}

/// `bots.*.audit.farewell`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map with text")]
#[schemars(extend("required" = ["text"]))]
pub(super) struct Farewell {
    /// The text, up to 1000 characters.
    #[schemars(with = "String", length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// Once in this time and room.
    pub(super) at_most_every: Span,
}

impl Default for Farewell {
    fn default() -> Self {
        Self { text: None, at_most_every: DAY }
    }
}

/// `policy.on_deny`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct OnDeny {
    /// Who is told that something was refused. actor: whoever caused the event, in their direct room with the bot, if
    /// their organisation is allowed. `ops_room`: the room of that name here, if it is clean.
    pub(super) notify: Notify,
    /// The id of a room of the operators.
    pub(super) ops_room: Option<Spelled<RoomId>>,
    /// What they are told, up to 1000 characters.
    #[schemars(length(min = 1))]
    pub(super) text: String,
    /// Once in this time, for each room and kind of notice.
    pub(super) at_most_every: Span,
    /// Said in the room when it is refused for the first time; null for nothing.
    #[schemars(length(min = 1))]
    pub(super) refused: Option<String>,
    /// Said in the room when somebody talks to the bot there all the same; null for nothing.
    #[schemars(length(min = 1))]
    pub(super) still_refused: Option<String>,
    /// Said in the room when it is clean again; null for nothing.
    #[schemars(length(min = 1))]
    pub(super) allowed_again: Option<String>,
}

impl Default for OnDeny {
    fn default() -> Self {
        Self {
            notify: Notify::None,
            ops_room: None,
            text: "There are guests in this space, so I stay silent here.".into(),
            at_most_every: DAY,
            refused: None,
            still_refused: None,
            allowed_again: None,
        }
    }
}

/// `policy.on_deny.notify`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", expecting = "none, actor or ops_room")]
pub(super) enum Notify {
    None,
    Actor,
    OpsRoom,
}
