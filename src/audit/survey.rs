//! What a survey found.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::foreign::ForeignOrgs;
use super::report::Counts;
use super::row::{Action, Row};
use crate::gate::roster::Roster;
use crate::report::RoomState;
use crate::report::outage::Outage;
use crate::webex::{Own, RoomKind, Silences};

/// A room that should be left, as the survey read it.
#[derive(Debug)]
pub struct Found {
    /// The bot's own membership.
    pub own: Own,
    /// The first list.
    pub roster: Roster,
}

impl Found {
    /// A direct room that is hidden already stays as it is: nothing more can be done about it.
    pub fn already_hidden(&self) -> bool {
        self.own.kind == RoomKind::Direct && self.own.hidden
    }
}

/// Every room of one bot.
#[derive(Debug)]
pub struct Survey {
    /// Its name.
    pub bot: Arc<str>,
    /// A row for each room: with outsiders, unknown, clean.
    pub rows: Vec<Row>,
    /// Rooms that could be left, in the order of their rows: those whose action is `would_leave` or `would_hide`.
    /// Where these have more than a million members in all, the rest are left by the next audit.
    pub found: Vec<Found>,
    /// Why it is no success, though all rooms are listed: no room could be read, or nobody was asked any more.
    pub in_vain: Option<Outage>,
    /// Organisations that must not be in them.
    pub foreign: ForeignOrgs,
    /// Answers of Webex that it took: pages and titles, without calls that had to be repeated.
    pub calls: usize,
    /// How often Webex asked for silence meanwhile, and for how long. In a running gateway, events share it.
    pub silences: Silences,
    /// How long it took.
    pub took: Duration,
    /// When it ended.
    pub at: SystemTime,
}

impl Survey {
    /// How many rooms are in which state.
    pub fn counts(&self) -> Counts {
        Counts::of(&self.rows)
    }

    /// How many rooms would be left or hidden: what the rail counts.
    pub fn leavable(&self) -> usize {
        let would = |row: &&Row| matches!(row.action, Action::WouldHide | Action::WouldLeave);
        self.rows.iter().filter(would).count()
    }

    /// Several rooms would be left, and none of all of them is clean: a wrong organisation among the allowed ones looks like
    /// this, also where it is fewer rooms than may be left.
    pub fn is_dirty_throughout(&self) -> bool {
        self.counts().clean == 0 && self.leavable() > 1
    }

    pub(super) fn states(&self) -> [(RoomState, usize); 3] {
        let Counts { clean, outsiders, unknown } = self.counts();
        [
            (RoomState::Clean, clean),
            (RoomState::Outsiders, outsiders),
            (RoomState::Unknown, unknown),
        ]
    }
}

/// Who watches a survey: a progress bar, a file that a survey is taken up from, or nobody: `()`.
pub trait Watch: Send + Sync {
    /// So many rooms are listed so far; the list goes on.
    fn listing(&self, rooms: usize);

    /// The list is complete: so many rooms there are, and so many of them are known already.
    fn begin(&self, rooms: usize, known: usize);

    /// A room was looked at.
    fn row(&self, row: &Row);
}

/// Nobody watches.
impl Watch for () {
    fn listing(&self, _: usize) {}
    fn begin(&self, _: usize, _: usize) {}
    fn row(&self, _: &Row) {}
}
