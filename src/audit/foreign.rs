//! Organisations that are in the bot's rooms and must not be.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::gate::id::{Key, Person, Room};

/// One organisation over all rooms.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ForeignOrg {
    /// By its name in the configuration, or its id.
    pub org: Box<str>,
    /// Rooms that some of its people are in.
    pub rooms: usize,
    /// Their memberships: somebody who is in two rooms counts twice.
    pub members: usize,
    /// Different people.
    pub people: usize,
}

#[derive(Debug, Default)]
struct Tally {
    rooms: HashSet<Key<Room>>,
    members: usize,
    people: HashSet<Key<Person>>,
}

/// All of them. As large as there are outsiders.
#[derive(Debug, Default)]
pub struct ForeignOrgs(BTreeMap<Box<str>, Tally>);

impl ForeignOrgs {
    pub(super) fn add(&mut self, room: Key<Room>, outsiders: Vec<(Box<str>, Key<Person>)>) {
        for (org, person) in outsiders {
            let tally = self.0.entry(org).or_default();
            tally.rooms.insert(room);
            tally.members += 1;
            tally.people.insert(person);
        }
    }

    /// Takes those of another bot in. A room that both bots are in counts once, its members twice.
    pub fn absorb(&mut self, others: Self) {
        for (org, other) in others.0 {
            let tally = self.0.entry(org).or_default();
            tally.rooms.extend(other.rooms);
            tally.members += other.members;
            tally.people.extend(other.people);
        }
    }

    /// The organisation with most rooms first.
    pub fn lines(&self) -> Vec<ForeignOrg> {
        let lines = self.0.iter().map(|(org, tally)| ForeignOrg {
            org: org.clone(),
            rooms: tally.rooms.len(),
            members: tally.members,
            people: tally.people.len(),
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by(|one, other| {
            (other.rooms, other.people, &one.org).cmp(&(one.rooms, one.people, &other.org))
        });
        lines
    }
}
