//! The whole in a few numbers, for a line that people read.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::record::Verdict;
use super::scope::Scope;
use crate::gate::policy::Mode;
use crate::gate::refusal::Family;

/// The whole in a few numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Routes that enforce.
    pub enforcing: usize,
    /// Routes that observe.
    pub observing: usize,
    /// Events that were let through since the start, also by a route that only observes.
    pub allowed: u64,
    /// Events that were refused for who is in their room, or who sent them.
    pub denied: u64,
}

/// The same while it changes.
#[derive(Debug, Default)]
pub(super) struct Tallying {
    enforcing: AtomicUsize,
    observing: AtomicUsize,
    allowed: AtomicU64,
    denied: AtomicU64,
}

impl Tallying {
    pub(super) fn renew(&self, scope: &Scope) {
        let observes = |mode| matches!(mode, Mode::Observe { .. });
        let observing = scope.routes.iter().filter(|route| observes(route.mode)).count();
        self.observing.store(observing, Ordering::Relaxed);
        self.enforcing.store(scope.routes.len().saturating_sub(observing), Ordering::Relaxed);
    }

    pub(super) fn count(&self, verdict: Verdict) {
        let count = match verdict {
            Verdict::Allow { .. } => &self.allowed,
            Verdict::Refused(refusal) if refusal.family() == Family::Deny => &self.denied,
            Verdict::Refused(_) | Verdict::Expired(_) => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn so_far(&self) -> Tally {
        Tally {
            enforcing: self.enforcing.load(Ordering::Relaxed),
            observing: self.observing.load(Ordering::Relaxed),
            allowed: self.allowed.load(Ordering::Relaxed),
            denied: self.denied.load(Ordering::Relaxed),
        }
    }
}
