//! A survey, room by room.

use std::sync::Arc;
use std::time::Duration;

use super::foreign::ForeignOrgs;
use super::room::Seen;
use super::row::Row;
use super::survey::{Found, Survey};
use crate::report::RoomState;
use crate::report::outage::{Kind, Outage};
use crate::rt;
use crate::webex::Silences;

/// Members of rooms with outsiders whose lists are kept for a second look: some 50 MB. The rooms beyond are told all the
/// same; they are left by the next audit.
const MOST_KEPT: usize = 1_000_000;

/// A survey that grows.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) rows: Vec<Row>,
    found: Vec<Found>,
    kept: usize,
    foreign: ForeignOrgs,
    pub(super) calls: usize,
    pub(super) gave_up: Option<Kind>,
    missed: usize,
    last: Option<Kind>,
}

impl Whole {
    pub(super) fn take(&mut self, seen: Seen) {
        let Seen { room, row, reason: _, found, outsiders, calls } = seen;
        self.calls += calls;
        self.foreign.add(room.key(), outsiders);
        if let Some(found) = found {
            self.keep(found);
        }
        self.rows.push(row);
    }

    /// A room that could not be read, for this reason.
    pub(super) fn miss(&mut self, seen: Seen, kind: Kind) {
        self.missed += 1;
        self.last = Some(kind);
        self.take(seen);
    }

    fn in_vain(&self) -> Option<Outage> {
        let nothing = self.last.filter(|_| self.missed == self.rows.len());
        let nothing =
            nothing.map(|kind| Outage::new(kind, "none of the bot's rooms could be read"));
        let gave_up = |kind| Outage::new(kind, "the audit gave up asking about the bot's rooms");
        nothing.or_else(|| self.gave_up.map(gave_up))
    }

    fn keep(&mut self, found: Found) {
        let kept = self.kept + found.roster.members().len();
        if kept <= MOST_KEPT {
            self.kept = kept;
            self.found.push(found);
        }
    }

    pub(super) fn finish(mut self, bot: &Arc<str>, took: Duration, silences: Silences) -> Survey {
        let order = |state| match state {
            RoomState::Outsiders => 0,
            RoomState::Unknown => 1,
            RoomState::Clean => 2,
        };
        self.rows.sort_by(|one, other| {
            (order(one.state), &one.room).cmp(&(order(other.state), &other.room))
        });
        self.found.sort_by_key(|found| found.own.room.key().to_string());
        let in_vain = self.in_vain();
        Survey {
            bot: Arc::clone(bot),
            rows: self.rows,
            found: self.found,
            in_vain,
            foreign: self.foreign,
            calls: self.calls,
            silences,
            took,
            at: rt::now().wall,
        }
    }
}
