//! Who really was in which room, and when: the test made the changes itself.

use std::collections::{BTreeSet, VecDeque};

use crate::clock::At;

/// A person, by place in [`PEOPLE`].
pub(crate) type Who = usize;

/// Handle and organisation.
pub(crate) const PEOPLE: [(&str, &str); 10] = [
    ("ann", "example"),
    ("bob", "example"),
    ("cat", "example"),
    ("tom", "contoso"),
    ("tim", "contoso"),
    ("fred", "public"),
    ("gus", "guests of example"),
    ("other", "bots"),
    ("helpdesk", "bots"),
    ("clerk", "bots"),
];

pub(crate) fn who(handle: &str) -> Who {
    PEOPLE.iter().position(|(name, _)| *name == handle).unwrap()
}

/// A change happened somewhere between `from` and `until`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) from: At,
    pub(crate) until: At,
    pub(crate) who: Who,
    pub(crate) joins: bool,
}

/// A room through time.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) handle: String,
    pub(crate) uuid: String,
    /// Handle of the bot that belongs here.
    pub(crate) bot: &'static str,
    first: BTreeSet<Who>,
    changes: Vec<Change>,
    history: VecDeque<(At, String)>,
}

/// What a failure shows of a room.
const HISTORY: usize = 60;

impl Room {
    pub(crate) fn new(handle: &str, uuid: String, bot: &'static str, first: BTreeSet<Who>) -> Self {
        let handle = handle.to_owned();
        Self { handle, uuid, bot, first, changes: Vec::new(), history: VecDeque::new() }
    }

    pub(crate) fn changed(&mut self, change: Change) {
        let at = self.changes.partition_point(|other| other.from <= change.from);
        self.changes.insert(at, change);
        let how = if change.joins { "joins" } else { "leaves" };
        self.note(change.from, format!("{} {how}", PEOPLE[change.who].0));
    }

    /// Whether the room was so at any moment from `from` until `until`.
    pub(crate) fn ever(&self, from: At, until: At, so: impl Fn(&BTreeSet<Who>) -> bool) -> bool {
        let (mut members, mut since) = (self.first.clone(), At::MIN);
        for change in &self.changes {
            if since <= until && change.until >= from && so(&members) {
                return true;
            }
            if change.joins {
                members.insert(change.who);
            } else {
                members.remove(&change.who);
            }
            since = change.from;
        }
        since <= until && so(&members)
    }

    /// Nobody will ask about anything before that moment.
    pub(crate) fn forget(&mut self, before: At) {
        let old = self.changes.partition_point(|change| change.until < before);
        for change in self.changes.drain(..old) {
            if change.joins {
                self.first.insert(change.who);
            } else {
                self.first.remove(&change.who);
            }
        }
    }

    pub(crate) fn note(&mut self, at: At, what: String) {
        self.history.push_back((at, what));
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    pub(crate) fn story(&self, start: At) -> String {
        let mut lines: Vec<_> = self.history.iter().collect();
        lines.sort_by_key(|(at, _)| *at);
        let line = |(at, what): &&(At, String)| format!("    {:>8} ms  {what}\n", at - start);
        lines.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_was_what_it_was() {
        let mut room = Room::new("r", String::new(), "helpdesk", [who("ann")].into());
        let tom = who("tom");
        room.changed(Change { from: 200, until: 201, who: tom, joins: false });
        room.changed(Change { from: 100, until: 101, who: tom, joins: true });
        let dirty = |members: &BTreeSet<Who>| members.contains(&tom);
        let clean = |members: &BTreeSet<Who>| !members.contains(&tom);
        assert!(!room.ever(0, 99, dirty) && room.ever(0, 100, dirty));
        assert!(room.ever(101, 150, clean) && !room.ever(102, 199, clean));
        assert!(room.ever(102, 200, clean) && !room.ever(202, 900, dirty));
        room.forget(150);
        assert!(!room.ever(150, 199, clean) && room.ever(150, 300, clean));
    }
}
