//! Order: what one room says on one route reaches the bot one after the other, in the order in which Webex told it.

use std::collections::{BTreeMap, BTreeSet};

use crate::book::{Book, Key};
use crate::clock::At;

/// A room on a route.
#[derive(Debug, Default)]
struct Lane {
    current: Option<String>,
    over: BTreeSet<String>,
    /// The number of the last call of each webhook whose event came to the bot.
    last: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Lanes {
    hits: Vec<(At, String, Key)>,
    lanes: BTreeMap<(String, String), Lane>,
}

/// Decisions remembered of a lane; one that is older would have expired.
const MOST: usize = 2000;

impl Lanes {
    pub(crate) fn hit(&mut self, at: At, decision: String, key: Key) {
        self.hits.push((at, decision, key));
    }

    /// Looks at the calls until then. What is wrong with them.
    pub(crate) fn check(&mut self, book: &Book, until: At) -> Vec<String> {
        self.hits.sort_by_key(|(at, ..)| *at);
        let end = self.hits.partition_point(|(at, ..)| *at <= until);
        let due: Vec<_> = self.hits.drain(..end).collect();
        due.into_iter().filter_map(|(_, decision, key)| self.one(book, &decision, &key)).collect()
    }

    fn one(&mut self, book: &Book, decision: &str, key: &Key) -> Option<String> {
        let event = book.events.get(key)?;
        let tale = event.tale.as_ref()?;
        let lane = self.lanes.entry((key.0.clone(), tale.room.clone())).or_default();
        if lane.current.as_deref() == Some(decision) {
            return None;
        }
        lane.over.extend(lane.current.replace(decision.to_owned()));
        if lane.over.len() > MOST {
            // Their ids begin with the time.
            lane.over.pop_first();
        }
        if lane.over.contains(decision) {
            return Some(format!("{} came again after another of its room", &key.1[..8]));
        }
        // What came several times may be the first or the last of them.
        let [arrival] = event.arrivals.as_slice() else { return None };
        let last = lane.last.insert(tale.hook.clone(), arrival.number);
        let overtaken = last.is_some_and(|last| last > arrival.number);
        overtaken.then(|| format!("{} overtook another of its room and webhook", &key.1[..8]))
    }
}
