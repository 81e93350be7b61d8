//! What is remembered of one bot's rooms, oldest forgotten first.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::SystemTime;

use crate::gate::id::{Key, Org, Person, Room};

/// As many as the largest list of rooms that is read.
pub(super) const MOST_ROOMS: usize = 100_000;
/// Far more than any rail lets pass in a day.
const MOST_DEPARTURES: usize = 10_000;

/// Who it is that added the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody of this organisation.
    Org(Key<Org>),
    /// This person, whose organisation is not known yet: a survey finds it in the list of the room.
    Person(Key<Person>),
}

/// That the bot was added to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// By whom.
    pub by: Who,
    /// When the bot's membership was made: it tells this membership from an earlier one.
    pub at: SystemTime,
}

/// One thing to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Added(Added),
    Left(SystemTime),
    Told(SystemTime),
}

#[derive(Debug, Default)]
struct Remembered {
    added: Option<Added>,
    told: Option<SystemTime>,
    turn: u64,
}

/// The rooms of one bot.
#[derive(Debug, Default)]
pub(super) struct Known {
    rooms: HashMap<Key<Room>, Remembered>,
    turns: BTreeMap<u64, Key<Room>>,
    last_turn: u64,
    departures: VecDeque<(Option<Key<Room>>, SystemTime)>,
}

impl Known {
    pub(super) fn take(&mut self, room: Key<Room>, entry: Entry) {
        match entry {
            Entry::Added(added) => self.touch(room).added = Some(added),
            Entry::Told(at) => self.touch(room).told = Some(at),
            Entry::Left(at) => self.left(Some(room), at),
        }
    }

    pub(super) fn added(&self, room: Key<Room>) -> Option<Added> {
        self.rooms.get(&room)?.added
    }

    pub(super) fn told(&self, room: Key<Room>) -> Option<SystemTime> {
        self.rooms.get(&room)?.told
    }

    /// Each room once: whoever adds the bot to one room again and again must not use up what may be left. Which room it
    /// was is not in old files; each such line counts.
    pub(super) fn left_since(&self, since: SystemTime, beside: &HashSet<Key<Room>>) -> usize {
        let lately = || self.departures.iter().filter(|(_, at)| *at >= since);
        let rooms: HashSet<_> = lately().filter_map(|(room, _)| *room).collect();
        let nameless = lately().filter(|(room, _)| room.is_none()).count();
        rooms.difference(beside).count().saturating_add(nameless)
    }

    /// Everything, in the order in which it would be forgotten.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Option<Key<Room>>, Entry)> + '_ {
        let left = self.departures.iter().map(|(room, at)| (*room, Entry::Left(*at)));
        let rooms = self.turns.values().filter_map(|room| Some((*room, self.rooms.get(room)?)));
        let rooms = rooms.flat_map(|(room, known)| {
            let added = known.added.map(|added| (Some(room), Entry::Added(added)));
            let told = known.told.map(|at| (Some(room), Entry::Told(at)));
            added.into_iter().chain(told)
        });
        left.chain(rooms)
    }

    pub(super) fn left(&mut self, room: Option<Key<Room>>, at: SystemTime) {
        if self.departures.len() >= MOST_DEPARTURES {
            self.departures.pop_front();
        }
        self.departures.push_back((room, at));
    }

    fn touch(&mut self, room: Key<Room>) -> &mut Remembered {
        self.last_turn += 1;
        let known = self.rooms.entry(room).or_default();
        self.turns.remove(&known.turn);
        known.turn = self.last_turn;
        self.turns.insert(self.last_turn, room);
        while self.turns.len() > MOST_ROOMS {
            let oldest = self.turns.pop_first();
            oldest.and_then(|(_, room)| self.rooms.remove(&room));
        }
        self.rooms.entry(room).or_default()
    }
}
