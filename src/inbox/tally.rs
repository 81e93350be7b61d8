//! How many events of each route are kept, and since when.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::Label;
use crate::gate::moment::Moment;

/// Kept as events come and go: to look through all of them at each scrape would hold the inbox up.
#[derive(Debug, Default)]
pub(super) struct Tally(HashMap<Arc<str>, Received>);

/// Events by the moment at which they came, the oldest first.
type Received = BTreeMap<Duration, (Moment, usize)>;

/// The events of one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many there are.
    pub events: usize,
    /// How long ago the oldest came in; zero when there is none.
    pub oldest: Duration,
}

impl Tally {
    pub(super) fn enter(&mut self, label: &Label) {
        let route = self.0.entry(Arc::clone(&label.route)).or_default();
        route.entry(label.received.tick).or_insert((label.received, 0)).1 += 1;
    }

    /// A route without events takes no place: routes come and go with the configuration.
    pub(super) fn leave(&mut self, label: &Label) {
        let Some(route) = self.0.get_mut(&label.route) else { return };
        if let Some((_, events)) = route.get_mut(&label.received.tick) {
            *events -= 1;
            if *events == 0 {
                route.remove(&label.received.tick);
            }
        }
        if route.is_empty() {
            self.0.remove(&label.route);
        }
    }

    pub(super) fn backlog(&self, now: Moment) -> HashMap<Arc<str>, Backlog> {
        let backlog = |(route, events): (&Arc<str>, &Received)| {
            let oldest = events.values().next().map(|(received, _)| now.since(*received));
            let count = events.values().map(|(_, count)| count).sum();
            (Arc::clone(route), Backlog { events: count, oldest: oldest.unwrap_or_default() })
        };
        self.0.iter().map(backlog).collect()
    }
}
