//! What was found out, before it is written.

use std::sync::Arc;
use std::time::SystemTime;

use crate::gate::event::Facts;
use crate::gate::id::RoomId;
use crate::gate::roster::Extent;
use crate::report;
use crate::webex::RoomView;

/// Everything that was found out.
#[derive(Debug)]
pub(super) struct Explanation {
    pub(super) route: Arc<str>,
    pub(super) bot: Arc<str>,
    pub(super) allowed_orgs: Vec<String>,
    /// Until when nothing is enforced.
    pub(super) observing: Option<SystemTime>,
    /// Said when the id of the room was completed.
    pub(super) asked_as: Option<String>,
    /// `None` for a room.
    pub(super) signature: Option<Signature>,
    pub(super) facts: Option<Facts>,
    pub(super) room: Option<Room>,
    pub(super) verdict: report::Verdict,
    pub(super) webex_gets: u16,
}

impl Explanation {
    pub(super) fn is_allowed(&self) -> bool {
        matches!(self.verdict, report::Verdict::Allow { .. } | report::Verdict::AllowUnasked)
    }
}

/// What was found about a signature. What would be right is never shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    /// `None` when none was given to compare.
    pub(super) matches: Option<bool>,
    /// The length of the body.
    pub(super) bytes: usize,
}

/// A room as it was read.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) view: Option<RoomView>,
    pub(super) members: Vec<Member>,
    pub(super) extent: Extent,
}

/// Somebody in a room.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// The configured name of the organisation, or its id.
    pub(super) org: String,
    pub(super) place: Place,
}

/// What the rules say to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    OutsideOrg,
    Guest,
    UnknownOrg,
    Allowed,
    TrustedBot,
    ThisBot,
}

impl Place {
    /// Whether this member alone makes the room unclean.
    pub(super) fn is_objection(self) -> bool {
        matches!(self, Self::OutsideOrg | Self::Guest | Self::UnknownOrg)
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::OutsideOrg => "NOT in allowed_orgs",
            Self::Guest => "NOT allowed: a guest account, and app_users is deny",
            Self::UnknownOrg => "NOT allowed: Webex does not tell the organisation",
            Self::Allowed => "allowed",
            Self::TrustedBot => "trusted bot",
            Self::ThisBot => "this bot, left out",
        }
    }

    /// For machines.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::OutsideOrg => "outside_org",
            Self::Guest => "app_user",
            Self::UnknownOrg => "org_missing",
            Self::Allowed => "allowed",
            Self::TrustedBot => "trusted_bot",
            Self::ThisBot => "this_bot",
        }
    }
}
