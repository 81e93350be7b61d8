//! What is told about rooms and webhooks that are kept in order, beside the path of events.

mod lines;
mod metrics;
mod told;

use std::time::{Duration, SystemTime};

use super::outage::Outage;
use crate::gate::id::{Key, Room};

pub(super) use lines::line;
pub(super) use metrics::Metrics;
pub(super) use told::log;

/// Whether people have heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is new to them, or long ago.
    News,
    /// It only keeps metrics true.
    Already,
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
    /// The bot is about to leave a room: whatever happens then, it is known that it may have happened.
    RoomLeaving {
        /// The room.
        room: Key<Room>,
        /// How many outsiders there are.
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
        /// Whether it is worth a warning.
        known: Known,
        /// When they were listed.
        at: SystemTime,
    },
    /// A webhook was changed.
    WebhookChanged {
        /// How.
        change: WebhookChange,
        /// Why: the state that it was in.
        state: WebhookState,
        /// Such as `messages.created`.
        event: &'a str,
        /// Its id; empty for one that was to be made.
        id: &'a str,
        /// Where it led before, without what may be secret; empty where that did not change.
        from: &'a str,
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
