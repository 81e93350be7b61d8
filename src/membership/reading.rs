//! Readings under way: one a room, and a mark on those that an event has spoiled.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Directory;
use super::known::{Entry, Known};
use crate::gate::id::{Key, Room, RoomId};
use crate::gate::moment::Moment;
use crate::gate::policy::Audience;
use crate::gate::roster::Roster;
use crate::report::outage::Outage;

/// How a reading ended.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// Webex could not tell.
    Failed(Outage),
    /// With a list.
    Read(Arc<Entry>),
    /// An event about the room came in between, or the reading itself broke down: nothing is known.
    Spoiled,
}

/// Where somebody who asks finds an answer.
#[derive(Debug)]
pub(super) enum Boarding {
    /// Somebody has read it in the meantime.
    Known(Arc<Entry>),
    /// Somebody is reading it.
    Joined(Waiting),
    /// Whoever gets this must start [`Readings::read`].
    Leads(Waiting),
}

/// A place among those who wait for a reading.
#[derive(Debug)]
pub(super) struct Waiting(watch::Receiver<Option<Ending>>);

impl Waiting {
    pub(super) async fn ending(mut self) -> Ending {
        match self.0.wait_for(Option::is_some).await {
            Ok(ending) => ending.clone().unwrap_or(Ending::Spoiled),
            Err(_nobody_reads_any_more) => Ending::Spoiled,
        }
    }
}

struct Reading {
    ending: watch::Sender<Option<Ending>>,
    spoiled: bool,
}

/// The readings of one bot, and what came of them.
pub(super) struct Readings<D> {
    directory: Arc<D>,
    audience: Arc<Audience>,
    known: Known,
    /// Nothing in `known` changes unless this is locked. As many as there are rooms that somebody asks about right
    /// now: no more than events are kept.
    under_way: Mutex<HashMap<Key<Room>, Reading>>,
}

impl<D> Readings<D> {
    pub(super) fn new(directory: Arc<D>, audience: Arc<Audience>, known: Known) -> Self {
        Self { directory, audience, known, under_way: Mutex::default() }
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// Finds an answer, or a place to wait for one.
    pub(super) fn board(&self, room: Key<Room>, asked: Moment) -> Boarding {
        let mut under_way = self.lock();
        if let Some(entry) = self.known.serving(room, asked) {
            return Boarding::Known(entry);
        }
        match under_way.entry(room) {
            Place::Occupied(reading) => Boarding::Joined(Waiting(reading.get().ending.subscribe())),
            Place::Vacant(place) => {
                let (ending, waiting) = watch::channel(None);
                place.insert(Reading { ending, spoiled: false });
                Boarding::Leads(Waiting(waiting))
            }
        }
    }

    /// What is known about the room is no longer true, and neither is what is being read. A spoiled reading goes on
    /// to its end before the next begins: a hundred people who join at once cost a few calls, not a hundred.
    pub(super) fn spoil(&self, room: Key<Room>, instead: Option<Roster>) {
        let entry = instead.map(|roster| Arc::new(Entry::new(roster, &self.audience)));
        let mut under_way = self.lock();
        if let Some(reading) = under_way.get_mut(&room) {
            reading.spoiled = true;
        }
        self.known.spoil(room, entry);
    }

    fn end(&self, room: Key<Room>, read: Result<Roster, Outage>) {
        let entry = read.map(|roster| Arc::new(Entry::new(roster, &self.audience)));
        let mut under_way = self.lock();
        let Some(reading) = under_way.remove(&room) else {
            return;
        };
        let ending = match entry {
            Err(outage) => Ending::Failed(outage),
            Ok(_) if reading.spoiled => Ending::Spoiled,
            Ok(entry) => {
                self.known.replace(room, Some(Arc::clone(&entry)));
                Ending::Read(entry)
            }
        };
        reading.ending.send_replace(Some(ending));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key<Room>, Reading>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Directory> Readings<D> {
    /// One reading, from the moment its place was taken to the moment everybody who waits is told.
    pub(super) async fn read(self: Arc<Self>, room: RoomId) {
        let mut place = Taken { readings: &*self, room: Some(room.key()) };
        let claim = self.known.claim(room.key());
        let read = self.directory.read(&room, &self.audience, claim).await;
        if let Some(key) = place.room.take() {
            self.end(key, read);
        }
    }
}

/// Gives the place up when a reading panics or is dropped, so that nobody waits for it and another can begin.
struct Taken<'a, D> {
    readings: &'a Readings<D>,
    room: Option<Key<Room>>,
}

impl<D> Drop for Taken<'_, D> {
    fn drop(&mut self) {
        if let Some(room) = self.room {
            self.readings.lock().remove(&room);
        }
    }
}

impl<D> fmt::Debug for Readings<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readings").field("known", &self.known).finish_non_exhaustive()
    }
}
