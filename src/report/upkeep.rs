//! What is told about rooms and webhooks that are kept in order, beside the path of events.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};

use super::outage::Outage;
use super::record::{self, Form};
use crate::gate::id::{Key, Room};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $word:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
        pub enum $name { $($(#[$of])* #[serde(rename = $label)] $word,)* }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// The word for it in metrics, records and reports.
            pub fn label(self) -> &'static str {
                match self { $(Self::$word => $label,)* }
            }
        }
    };
}

words! {
    /// What an audit makes of a room.
    RoomState {
        /// Everybody in it is allowed.
        Clean = "clean",
        /// Somebody surely is not.
        Outsiders = "outsiders",
        /// It could not be found out: not clean, and never a reason to act.
        Unknown = "unknown",
    }
}

words! {
    /// How it is with a webhook.
    WebhookState {
        /// It leads around the gateway.
        Bypass = "bypass",
        /// The same events come twice.
        Duplicate = "duplicate",
        /// It leads elsewhere, is known, and is left alone.
        Foreign = "foreign",
        /// Webex has switched it off.
        Inactive = "inactive",
        /// It should be there and is not.
        Missing = "missing",
        /// As it should be.
        Ok = "ok",
        /// It carries a secret that the gateway does not accept.
        SecretDiffers = "secret_differs",
        /// It carries no secret.
        Unsigned = "unsigned",
        /// It is the gateway's own, or leads to it, but not to the right route.
        WrongTarget = "wrong_target",
    }
}

words! {
    /// What was done to a webhook.
    WebhookChange {
        /// Made.
        Created = "created",
        /// Removed.
        Deleted = "deleted",
        /// Changed, or switched on.
        Updated = "updated",
    }
}

words! {
    /// What somebody is told by the gateway.
    NoticeKind {
        /// To whoever caused an event that was refused.
        Actor = "actor",
        /// In the room: it is clean again.
        AllowedAgain = "allowed_again",
        /// In the room, before the bot leaves it.
        Farewell = "farewell",
        /// To the operators' room.
        OpsRoom = "ops_room",
        /// In the room: it is refused from now on.
        Refused = "refused",
        /// In the room: it is still refused.
        StillRefused = "still_refused",
    }
}

/// Something that was looked after.
#[derive(Clone, Debug)]
pub enum Upkeep<'a> {
    /// An audit came to its end: every room was looked at.
    Audited {
        /// How many rooms are in which state.
        rooms: [(RoomState, usize); 3],
        /// How long it took.
        took: Duration,
        /// When it ended.
        at: SystemTime,
    },
    /// An audit did not come to its end.
    AuditFailed {
        /// Why not.
        outage: &'a Outage,
    },
    /// An audit found a room that is not clean.
    RoomFound {
        /// The room.
        room: Key<Room>,
        /// What it is.
        state: RoomState,
        /// Why: the label of a refusal or an outage.
        reason: &'static str,
        /// How many members it has, if that is known.
        members: Option<usize>,
        /// Organisations that are not allowed, by configured name or id, and how many members they have in the room.
        outsiders: &'a [(String, usize)],
        /// When it was read.
        at: SystemTime,
    },
    /// The bot left a room, or hid it, because two complete lists agreed that there are outsiders in it.
    RoomLeft {
        /// The room.
        room: Key<Room>,
        /// `left`, `hidden`, `gone_before`; or why it could not.
        result: Result<&'static str, &'a Outage>,
        /// How many outsiders there were.
        outsiders: usize,
        /// When.
        at: SystemTime,
    },
    /// The bot was to leave a room, and stays.
    RoomKept {
        /// The room.
        room: Key<Room>,
        /// Why, in words without foreign text.
        why: &'a str,
    },
    /// The webhooks of the bot were looked at.
    Webhooks {
        /// How many are in which state; states that are not named have none.
        counts: &'a [(WebhookState, usize)],
    },
    /// A webhook was changed.
    WebhookChanged {
        /// How.
        change: WebhookChange,
        /// Why: the state that it was in.
        state: WebhookState,
        /// Such as `messages.created`.
        event: &'a str,
        /// Whether it could be.
        result: Result<(), &'a Outage>,
    },
    /// Somebody was told something.
    Noticed {
        /// What.
        kind: NoticeKind,
        /// The room that it is about.
        room: Key<Room>,
        /// Whether it could be said.
        result: Result<(), &'a Outage>,
    },
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Bot {
    bot: Arc<str>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct State {
    bot: Arc<str>,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    bot: Arc<str>,
    kind: &'static str,
    result: &'static str,
}

#[derive(Debug, Default)]
pub(super) struct Metrics {
    rooms: Family<State, Gauge>,
    last: Family<Bot, Gauge>,
    took: Family<Bot, Gauge<f64, std::sync::atomic::AtomicU64>>,
    audits: Family<Outcome, Counter>,
    departures: Family<Outcome, Counter>,
    webhooks: Family<State, Gauge>,
    changes: Family<Outcome, Counter>,
    notices: Family<Outcome, Counter>,
}

const ENDS: [&str; 2] = ["done", "failed"];

fn done<T>(result: &Result<T, &Outage>) -> &'static str {
    if result.is_ok() { "done" } else { "failed" }
}

impl Metrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { rooms, last, took, audits, departures, webhooks, changes, notices } = self;
        registry.register("rooms", "Rooms of a bot, by what the last audit found", rooms.clone());
        registry.register(
            "audit_last_success_timestamp_seconds",
            "When an audit last came to its end",
            last.clone(),
        );
        registry.register(
            "audit_duration_seconds",
            "How long the last audit took that came to its end",
            took.clone(),
        );
        registry.register("audits", "Audits", audits.clone());
        registry.register("departures", "Rooms that the bot left or hid", departures.clone());
        registry.register(
            "webhooks",
            "Webhooks of a bot, by how it is with them",
            webhooks.clone(),
        );
        registry.register("webhook_changes", "Changes to webhooks", changes.clone());
        registry.register("notices", "What the gateway said by itself", notices.clone());
    }

    pub(super) fn start_at_zero(&self, bot: &Arc<str>) {
        let of = |kind, result| Outcome { bot: Arc::clone(bot), kind, result };
        let state = |state| State { bot: Arc::clone(bot), state };
        for room in RoomState::ALL {
            self.rooms.get_or_create(&state(room.label())).set(0);
        }
        for webhook in WebhookState::ALL {
            self.webhooks.get_or_create(&state(webhook.label())).set(0);
        }
        for end in ENDS {
            self.audits.get_or_create(&of("rooms", end)).inc_by(0);
            self.departures.get_or_create(&of("confirmed", end)).inc_by(0);
            for change in WebhookChange::ALL {
                self.changes.get_or_create(&of(change.label(), end)).inc_by(0);
            }
            for notice in NoticeKind::ALL {
                self.notices.get_or_create(&of(notice.label(), end)).inc_by(0);
            }
        }
        self.last.get_or_create(&Bot { bot: Arc::clone(bot) }).set(0);
        self.took.get_or_create(&Bot { bot: Arc::clone(bot) }).set(0.0);
    }

    pub(super) fn count(&self, bot: &str, upkeep: &Upkeep<'_>) {
        let bot: Arc<str> = bot.into();
        let of = |kind, result| Outcome { bot: Arc::clone(&bot), kind, result };
        match upkeep {
            Upkeep::Audited { rooms, took, at } => self.audited(&bot, rooms, *took, *at),
            Upkeep::AuditFailed { .. } => {
                self.audits.get_or_create(&of("rooms", "failed")).inc();
            }
            Upkeep::RoomLeft { result, .. } => {
                self.departures.get_or_create(&of("confirmed", done(result))).inc();
            }
            Upkeep::Webhooks { counts } => self.seen(&bot, counts),
            Upkeep::WebhookChanged { change, result, .. } => {
                self.changes.get_or_create(&of(change.label(), done(result))).inc();
            }
            Upkeep::Noticed { kind, result, .. } => {
                self.notices.get_or_create(&of(kind.label(), done(result))).inc();
            }
            Upkeep::RoomFound { .. } | Upkeep::RoomKept { .. } => {}
        }
    }

    fn audited(
        &self,
        bot: &Arc<str>,
        rooms: &[(RoomState, usize)],
        took: Duration,
        at: SystemTime,
    ) {
        for (state, count) in rooms {
            let state = State { bot: Arc::clone(bot), state: state.label() };
            self.rooms.get_or_create(&state).set(whole(*count));
        }
        let done = Outcome { bot: Arc::clone(bot), kind: "rooms", result: "done" };
        self.audits.get_or_create(&done).inc();
        let bot = Bot { bot: Arc::clone(bot) };
        let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.last.get_or_create(&bot).set(i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
        self.took.get_or_create(&bot).set(took.as_secs_f64());
    }

    fn seen(&self, bot: &Arc<str>, counts: &[(WebhookState, usize)]) {
        for state in WebhookState::ALL {
            let count = counts.iter().filter(|(seen, _)| seen == state).map(|(_, n)| n).sum();
            let state = State { bot: Arc::clone(bot), state: state.label() };
            self.webhooks.get_or_create(&state).set(whole(count));
        }
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What a security officer must be able to show later, as a record; the names of its fields are API.
#[derive(Serialize)]
struct Record<'a> {
    ts: String,
    /// `room_found`, `room_left`
    audit: &'static str,
    bot: &'a str,
    room_id: String,
    state: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<usize>,
    outsiders: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    outsider_orgs: Vec<&'a str>,
}

/// The line for what is part of the evidence; nothing for the rest.
pub(super) fn line(bot: &str, upkeep: &Upkeep<'_>, form: Form) -> Option<String> {
    let record = record_of(bot, upkeep)?;
    Some(match form {
        Form::Json => record::json(&record),
        Form::Text | Form::Colour => text(&record, form),
    })
}

fn record_of<'a>(bot: &'a str, upkeep: &'a Upkeep<'_>) -> Option<Record<'a>> {
    match upkeep {
        Upkeep::RoomFound { room, state, reason, members, outsiders, at } => Some(Record {
            ts: record::time(*at),
            audit: "room_found",
            bot,
            room_id: room.to_string(),
            state: state.label(),
            reason,
            members: *members,
            outsiders: outsiders.iter().map(|(_, count)| count).sum(),
            outsider_orgs: outsiders.iter().map(|(org, _)| org.as_str()).collect(),
        }),
        Upkeep::RoomLeft { room, result, outsiders, at } => Some(Record {
            ts: record::time(*at),
            audit: "room_left",
            bot,
            room_id: room.to_string(),
            state: done(result),
            reason: result.unwrap_or_else(|outage| outage.kind.label()),
            members: None,
            outsiders: *outsiders,
            outsider_orgs: Vec::new(),
        }),
        Upkeep::Audited { .. }
        | Upkeep::AuditFailed { .. }
        | Upkeep::RoomKept { .. }
        | Upkeep::Webhooks { .. }
        | Upkeep::WebhookChanged { .. }
        | Upkeep::Noticed { .. } => None,
    }
}

fn text(record: &Record<'_>, form: Form) -> String {
    let (colour, reset) = if form == Form::Colour { ("\x1b[33m", "\x1b[0m") } else { ("", "") };
    let Record { ts, audit, bot, room_id, state, reason, members: _, outsiders, outsider_orgs } =
        record;
    let clock = ts.get(11..19).unwrap_or("-");
    let orgs = if outsider_orgs.is_empty() {
        String::new()
    } else {
        format!(": {}", outsider_orgs.join(", "))
    };
    format!(
        "{clock}  {colour}AUDIT  {reset} {bot:<12} {audit:<25} {:<34} {outsiders} outsiders{orgs}  room {room_id:.8}\n",
        format!("{state} {reason}")
    )
}

/// The log line that a person should see.
pub(super) fn log(bot: &str, upkeep: &Upkeep<'_>) {
    match upkeep {
        Upkeep::Audited { rooms, took, .. } => {
            let count =
                |state| rooms.iter().filter(|(of, _)| *of == state).map(|(_, n)| n).sum::<usize>();
            let (clean, outsiders, unknown) =
                (count(RoomState::Clean), count(RoomState::Outsiders), count(RoomState::Unknown));
            let took_s = took.as_secs_f64();
            if outsiders + unknown == 0 {
                tracing::info!(bot, clean, took_s, "audit: every room is clean");
            } else {
                tracing::warn!(
                    bot,
                    clean,
                    outsiders,
                    unknown,
                    took_s,
                    "audit: some rooms are not clean"
                );
            }
        }
        Upkeep::AuditFailed { outage } => {
            tracing::warn!(bot, cause = %outage, "the audit did not come to its end; nothing was left");
        }
        Upkeep::RoomLeft { room, result: Ok(how), outsiders, .. } => {
            tracing::warn!(bot, room = ?room, how, outsiders, "the bot left a room with outsiders");
        }
        Upkeep::RoomLeft { room, result: Err(outage), .. } => {
            tracing::warn!(bot, room = ?room, cause = %outage, "the bot could not leave a room with outsiders");
        }
        Upkeep::RoomKept { room, why } => {
            tracing::warn!(bot, room = ?room, why, "the bot stays in a room, and is silent there");
        }
        Upkeep::Webhooks { counts } => webhooks(bot, counts),
        Upkeep::WebhookChanged { change, state, event, result } => {
            let (change, state) = (change.label(), state.label());
            match result {
                Ok(()) => tracing::info!(bot, change, state, event, "webhook put in order"),
                Err(outage) => {
                    tracing::warn!(bot, change, state, event, cause = %outage, "webhook could not be put in order");
                }
            }
        }
        Upkeep::Noticed { kind, room, result: Err(outage) } => {
            tracing::warn!(bot, notice = kind.label(), room = ?room, cause = %outage, "could not tell");
        }
        Upkeep::Noticed { kind, room, result: Ok(()) } => {
            tracing::info!(bot, notice = kind.label(), room = ?room, "told");
        }
        Upkeep::RoomFound { .. } => {}
    }
}

/// One warning for each state that is not as it should be.
fn webhooks(bot: &str, counts: &[(WebhookState, usize)]) {
    for (state, count) in counts.iter().filter(|(_, count)| *count > 0) {
        let advice = match state {
            WebhookState::Ok | WebhookState::Foreign => continue,
            WebhookState::Bypass => "events reach the bot without being checked",
            WebhookState::Duplicate => "the bot gets events twice",
            WebhookState::Inactive => "Webex has switched it off, and sends nothing",
            WebhookState::Missing => "the bot does not hear of this",
            WebhookState::SecretDiffers | WebhookState::Unsigned => {
                "its events are turned away, and Webex will switch it off"
            }
            WebhookState::WrongTarget => "its events do not arrive",
        };
        tracing::warn!(bot, state = state.label(), count, "webhook: {advice}");
    }
}
