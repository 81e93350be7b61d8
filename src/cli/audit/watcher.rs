//! Looks on while the rooms of a bot are read: what was seen is there when somebody interrupts it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::document::line;
use super::progress::Progress;
use super::state::State;
use crate::audit::{Action, Row, Watch};
use crate::cli::common::{print, say};
use crate::cli::exit::Exit;

/// Whether rooms are told as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Each at once.
    AtOnce,
    /// Each at once, but for those of which it is not known yet what will be done about them.
    Decided,
    /// All at the end.
    None,
}

/// Of one bot.
#[derive(Debug)]
pub(super) struct Watcher {
    bot: Arc<str>,
    progress: Arc<Progress>,
    stream: Stream,
    seen: Mutex<Seen>,
}

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) rows: Vec<Row>,
    /// Rooms in all, once that is known.
    pub(super) rooms: Option<usize>,
    /// Rooms of which an earlier run knows that they are clean.
    pub(super) known: usize,
    /// Rooms that are to be read, as far as the list is known.
    listed: usize,
    state: Option<State>,
    told: HashSet<Box<str>>,
    written: Exit,
}

impl Seen {
    fn list(&mut self, rooms: usize, progress: &Progress) {
        progress.listed(self.listed, rooms);
        self.listed = rooms;
    }
}

impl Watcher {
    pub(super) fn new(bot: Arc<str>, progress: Arc<Progress>, stream: Stream) -> Self {
        let seen = Seen {
            rows: Vec::new(),
            rooms: None,
            known: 0,
            listed: 0,
            state: None,
            told: HashSet::new(),
            written: Exit::Fine,
        };
        Self { bot, progress, stream, seen: Mutex::new(seen) }
    }

    /// Where is written what a later run need not read again.
    pub(super) fn remember_in(&self, state: State) {
        self.seen().state = Some(state);
    }

    /// Says something while no bar is in the way.
    pub(super) fn say(&self, text: &str) {
        self.progress.aside(|| say(text));
    }

    /// Every room is known: there is nothing to go on with.
    pub(super) fn forget(&self) {
        let state = self.seen().state.take();
        if let Some(Err(cause)) = state.map(State::remove) {
            self.say(&format!("warning: what --resume needs cannot be removed: {cause}\n"));
        }
    }

    /// Whether a later run has less to read.
    pub(super) fn remembers(&self) -> bool {
        self.seen().state.as_ref().is_some_and(|state| state.rooms() > 0)
    }

    /// Tells these rooms, but those that were told before. Whether all could be written.
    pub(super) fn tell_rest(&self, rows: &[Row]) -> Exit {
        let mut seen = self.seen();
        if self.stream != Stream::None {
            for row in rows {
                self.print(row, &mut seen);
            }
        }
        seen.written
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, row: &Row, seen: &mut Seen) {
        if seen.written == Exit::Fine && seen.told.insert(row.room.clone()) {
            seen.written = self.progress.aside(|| print(&line(row)));
        }
    }

    fn remember(&self, row: &Row, seen: &mut Seen) {
        let Some(Err(cause)) = seen.state.as_mut().map(|state| state.add(row)) else { return };
        // Half a memory is good for nothing more than none.
        seen.state = None;
        self.say(&cannot_resume(&self.bot, &cause));
    }
}

/// What nobody can help, and what follows.
pub(super) fn cannot_resume(bot: &str, cause: &std::io::Error) -> String {
    format!(
        "warning: {bot}: an interruption cannot be resumed: the state cannot be written: {cause}\n  \
         name a directory that can: --state-dir DIR\n"
    )
}

impl Watch for Watcher {
    fn listing(&self, rooms: usize) {
        self.seen().list(rooms, &self.progress);
    }

    fn begin(&self, rooms: usize, known: usize) {
        let mut seen = self.seen();
        (seen.rooms, seen.known) = (Some(rooms), known);
        seen.list(rooms.saturating_sub(known), &self.progress);
    }

    fn row(&self, row: &Row) {
        let mut seen = self.seen();
        self.remember(row, &mut seen);
        let open = matches!(row.action, Action::WouldLeave | Action::WouldHide);
        match self.stream {
            Stream::AtOnce => self.print(row, &mut seen),
            Stream::Decided if !open => self.print(row, &mut seen),
            Stream::Decided | Stream::None => {}
        }
        seen.rows.push(row.clone());
        self.progress.step();
    }
}
