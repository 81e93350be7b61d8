//! Series that events find without a look-up by all their labels: a family hashes and copies each of them, and an event
//! counts in a dozen families.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::labels::{Name, exists};

/// So many of one name are held; they are searched in turn. A route has a handful of kinds of events, whatever could be.
const HELD: usize = 32;

pub(super) type Counters<K, S> = Series<K, S, Counter>;
pub(super) type Gauges<K, S> = Series<K, S, Gauge>;
pub(super) type Histograms<K, S> = Series<K, S, Histogram>;

/// A family whose first label is a name from the configuration, and whose others follow from words of closed lists.
#[derive(Debug)]
pub(super) struct Series<K, S, M> {
    family: Family<S, M, fn() -> M>,
    labels: fn(&Name, K) -> S,
    held: RwLock<BTreeMap<Name, Vec<(K, M)>>>,
}

impl<K, S, M> Series<K, S, M>
where
    K: Copy + PartialEq,
    S: Clone + Hash + Eq,
    M: Clone,
{
    /// Each series begins as `new` makes it.
    pub(super) fn new(labels: fn(&Name, K) -> S, new: fn() -> M) -> Self {
        Self { family: Family::new_with_constructor(new), labels, held: RwLock::default() }
    }

    /// To be registered.
    pub(super) fn family(&self) -> Family<S, M, fn() -> M> {
        self.family.clone()
    }

    /// The series exists from now on; what it has counted so far stays.
    pub(super) fn exists(&self, name: &Name, words: K) {
        exists(&self.family, &(self.labels)(name, words));
    }

    /// Does this with the series.
    pub(super) fn with(&self, name: &str, words: K, act: impl FnOnce(&M)) {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let known = held.get(name).and_then(|row| row.iter().find(|(known, _)| *known == words));
        if let Some((_, series)) = known {
            return act(series);
        }
        drop(held);
        act(&self.hold(name, words));
    }

    /// A panic elsewhere leaves the rows whole: each change is one insertion.
    fn hold(&self, name: &str, words: K) -> M {
        let name = Name::from(name);
        let series = self.family.get_or_create(&(self.labels)(&name, words)).clone();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let row = held.entry(name).or_default();
        if row.len() < HELD && !row.iter().any(|(known, _)| *known == words) {
            row.push((words, series.clone()));
        }
        series
    }
}
