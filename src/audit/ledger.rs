//! What is remembered about rooms: who added the bot, what was said there, what was left. Ids only, never a name.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::known::{Added, Entry, Known, Who};
use super::ledger_file::LedgerFile;
use crate::gate::id::{Key, Room};
use crate::gate::roster::{Roster, Standing};

/// Webex tells the same moment in the event and in the list; a minute is for an event that told none.
const SAME_MOMENT: Duration = Duration::from_mins(1);

/// The memory of one bot. In a directory it outlives the process, and several processes may add to it.
pub struct Ledger {
    known: Mutex<Known>,
    file: Option<LedgerFile>,
}

impl Ledger {
    /// It ends with the process.
    pub fn in_memory() -> Self {
        Self { known: Mutex::default(), file: None }
    }

    /// Reads what is known of the bot from `ledger.jsonl` in this directory, and adds to it.
    pub fn open(bot: &Arc<str>, dir: &Path) -> io::Result<Self> {
        let (file, known) = LedgerFile::open(bot, dir)?;
        Ok(Self { known: Mutex::new(known), file: Some(file) })
    }

    /// What another ledger of the same bot knows counts here, too, until the end: it is in its own file.
    pub fn follow(&self, other: &Self) {
        if std::ptr::eq(self, other) {
            return;
        }
        let entries: Vec<_> = other.known().entries().collect();
        let mut known = self.known();
        for (room, entry) in entries {
            match (room, entry) {
                (Some(room), entry) => known.take(room, entry),
                (None, Entry::Left(at)) => known.left(None, at),
                (None, Entry::Added(_) | Entry::Told(_)) => {}
            }
        }
    }

    /// Somebody added the bot to a room.
    pub fn added(&self, room: Key<Room>, added: Added) {
        self.take(room, Entry::Added(added));
    }

    /// Something is said in a room now, at most once in a while: noted first, for what is said twice cannot be unsaid.
    pub fn told(&self, room: Key<Room>, at: SystemTime) {
        self.take(room, Entry::Told(at));
    }

    /// The bot is about to leave a room, for ever: a direct room that is hidden does not count.
    pub fn left(&self, room: Key<Room>, at: SystemTime) {
        self.take(room, Entry::Left(at));
    }

    /// When something was last said in a room before it was left.
    pub fn last_told(&self, room: Key<Room>) -> Option<SystemTime> {
        self.known().told(room)
    }

    /// How many rooms were left since then, not counting these. A room that was left several times is one room.
    pub fn left_since(&self, since: SystemTime, beside: &HashSet<Key<Room>>) -> usize {
        self.known().left_since(since, beside)
    }

    /// Who made the bot's membership that was made at this moment. Of an earlier one nothing follows: somebody else may
    /// have added the bot again while nobody was looking.
    pub fn added_by(&self, room: Key<Room>, created: Option<SystemTime>) -> Option<Added> {
        let added = self.known().added(room)?;
        let created = created?;
        let apart = match created.duration_since(added.at) {
            Ok(apart) => apart,
            Err(before) => before.duration(),
        };
        (apart <= SAME_MOMENT).then_some(added)
    }

    /// Whoever added the bot may be in the list, and then the list says where they belong. They may leave later.
    pub(super) fn place(&self, roster: &Roster) {
        let Some(Added { by: Who::Person(person), at }) = self.known().added(roster.room()) else {
            return;
        };
        if let Some(Standing::Of(org) | Standing::GuestOf(org)) = roster.standing(person) {
            self.added(roster.room(), Added { by: Who::Org(org), at });
        }
    }

    fn take(&self, room: Key<Room>, entry: Entry) {
        self.known().take(room, entry);
        if let Some(file) = &self.file {
            file.append(room, entry);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("file", &self.file).finish_non_exhaustive()
    }
}
