//! What was asked and what was delivered, for tests and curious people. Tokens are never kept.

use std::collections::VecDeque;

use serde::Serialize;

/// Enough for any test, and a few ten megabytes at most.
pub(crate) const LONGEST_LOG: usize = 10_000;

/// The newest entries; beyond the limit the oldest go.
#[derive(Debug)]
pub(crate) struct Log<T> {
    entries: VecDeque<(u64, T)>,
    last: u64,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), last: 0 }
    }
}

impl<T: Clone> Log<T> {
    /// Adds an entry and returns its number.
    pub(crate) fn push(&mut self, entry: T) -> u64 {
        if self.entries.len() >= LONGEST_LOG {
            self.entries.pop_front();
        }
        self.last += 1;
        self.entries.push_back((self.last, entry));
        self.last
    }

    /// Changes the entry with that number, if it is still there.
    pub(crate) fn amend(&mut self, number: u64, change: impl FnOnce(&mut T)) {
        if let Some((_, entry)) = self.entries.iter_mut().rev().find(|(n, _)| *n == number) {
            change(entry);
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.iter().cloned().collect()
    }

    /// Forgets the entries; numbers go on from where they are.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// A call to the simulated API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// When it came.
    pub at: String,
    /// The HTTP method.
    pub method: String,
    /// The path below `/v1`.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// The handle of the person whose token was sent; none if the call was not authorised.
    pub person: Option<String>,
    /// The status of the answer; none if there was no answer.
    pub status: Option<u16>,
}

/// An attempt to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRecord {
    /// Counts deliveries from 1: the argument of `redeliver`.
    pub number: u64,
    /// When it was attempted.
    pub at: String,
    /// The id of the webhook; none if a test sent it by hand.
    pub webhook: Option<String>,
    /// The resource of the event.
    pub resource: String,
    /// The event.
    pub event: String,
    /// Where it went.
    pub target: String,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The exact body.
    pub body: String,
    /// The value of `X-Spark-Signature`.
    pub signature: Option<String>,
}
