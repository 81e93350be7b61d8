//! What an audit tells of one room.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::stamp;
use crate::report::RoomState;
use crate::webex::RoomKind;

/// One room, as a report shows it. The names of its fields are API.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Row {
    /// The bot's name in the configuration.
    pub bot: Arc<str>,
    /// The id as Webex spells it: what goes back to the API.
    pub room_id: Box<str>,
    /// Its UUID: what the log and the records of the gateway call it.
    pub room: Box<str>,
    /// What kind of room it is.
    pub kind: RoomKind,
    /// Foreign text; only when it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Box<str>>,
    /// By the widest of the bot's routes: an outsider for it is one for every route.
    pub state: RoomState,
    /// `all_members_allowed`; the label of a refusal; or the label of an outage, when the room could not be read.
    pub reason: Cow<'static, str>,
    /// How many members it has, the bot among them; only from a complete list.
    pub members: Option<usize>,
    /// Members by organisation, as far as they were listed: its name in the configuration, or its id. The bot itself is
    /// left out, for its organisation is that of its maker.
    pub orgs: BTreeMap<Box<str>, usize>,
    /// The same of those who surely are outsiders.
    pub offending: BTreeMap<Box<str>, usize>,
    /// Members of whom Webex did not tell the organisation.
    pub unplaced: usize,
    /// The outsiders themselves; only when addresses were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<Outsider>>,
    /// Routes that refuse the room: all of them, or those whose own policy is narrower.
    pub refused_by: Vec<Arc<str>>,
    /// Who added the bot.
    pub added_by: AddedBy,
    /// What was done about it, or would be.
    pub action: Action,
    /// When the reading began.
    #[serde(with = "stamp")]
    pub read_at: SystemTime,
}

/// Somebody who must not be in a room.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Outsider {
    /// Their organisation, by its name in the configuration or its id.
    pub org: Box<str>,
    /// Foreign text.
    pub name: Option<Box<str>>,
    /// Their address.
    pub email: Option<Box<str>>,
}

/// Which organisation added the bot to a room. Webex tells it in the event only; who did not see the event does not
/// guess.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum AddedBy {
    /// Of this organisation is whoever added it.
    Organisation {
        /// By its name in the configuration, or its id.
        org: Box<str>,
        /// When.
        #[serde(with = "stamp")]
        at: SystemTime,
    },
    /// The gateway did not see it, or Webex does not say where they belong.
    Unknown,
}

impl AddedBy {
    /// The organisation, or `unknown`.
    pub fn label(&self) -> &str {
        match self {
            Self::Organisation { org, at: _ } => org,
            Self::Unknown => "unknown",
        }
    }
}

/// What was done about a room.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Action {
    /// It is a direct room that does not show in the bot's list: there is nothing left to do.
    AlreadyHidden,
    /// It was to be left and could not.
    Failed {
        /// The label of the outage.
        why: Cow<'static, str>,
    },
    /// The bot was not in it any more.
    GoneBefore,
    /// A direct room was hidden.
    Hidden,
    /// It was to be left; the second list was not a confirmation.
    Kept {
        /// Why not.
        why: Cow<'static, str>,
    },
    /// The bot left it.
    Left,
    /// Nothing, and there is nothing to do.
    None,
    /// A direct room that would be hidden.
    WouldHide,
    /// A group room that would be left.
    WouldLeave,
}

impl Action {
    /// The word for it in tables, without the reason.
    pub fn label(&self) -> &'static str {
        match self {
            Self::AlreadyHidden => "already_hidden",
            Self::Failed { .. } => "failed",
            Self::GoneBefore => "gone_before",
            Self::Hidden => "hidden",
            Self::Kept { .. } => "kept",
            Self::Left => "left",
            Self::None => "none",
            Self::WouldHide => "would_hide",
            Self::WouldLeave => "would_leave",
        }
    }

    /// Why not, if it was not done.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Failed { why } | Self::Kept { why } => Some(why),
            Self::AlreadyHidden
            | Self::GoneBefore
            | Self::Hidden
            | Self::Left
            | Self::None
            | Self::WouldHide
            | Self::WouldLeave => None,
        }
    }
}

/// No title and no people.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("room", &self.room)
            .field("state", &self.state)
            .field("reason", &self.reason)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// Neither name nor address.
impl fmt::Debug for Outsider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outsider").field("org", &self.org).finish_non_exhaustive()
    }
}
