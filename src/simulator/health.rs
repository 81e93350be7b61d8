//! When Webex switches a webhook off, and what it takes to be switched on again.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Published: 100 failed deliveries …
const FAILURES: usize = 100;
/// … within five minutes switch a webhook off; and within five minutes of that, one more does it again.
const WINDOW: Duration = Duration::from_mins(5);

/// The failures of one webhook.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// Never longer than `FAILURES`: the last of them empties it.
    failures: VecDeque<Instant>,
    off_since: Option<Instant>,
    probation_until: Option<Instant>,
}

impl Health {
    pub(crate) const fn is_active(&self) -> bool {
        self.off_since.is_none()
    }

    pub(crate) const fn status(&self) -> &'static str {
        if self.is_active() { "active" } else { "inactive" }
    }

    /// Counts a failed delivery.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.failures.retain(|at| now.duration_since(*at) < WINDOW);
        self.failures.push_back(now);
        let on_probation = self.probation_until.is_some_and(|until| now < until);
        if self.is_active() && (on_probation || self.failures.len() >= FAILURES) {
            self.switched_off(now);
        }
    }

    /// Switches it off, as a hundred failures do.
    pub(crate) fn switched_off(&mut self, now: Instant) {
        self.failures.clear();
        self.off_since.get_or_insert(now);
    }

    /// The owner switches it on. Soon after it was switched off, that is only a second chance.
    pub(crate) fn reactivated(&mut self, now: Instant) {
        let Some(off) = self.off_since.take() else {
            return;
        };
        self.failures.clear();
        self.probation_until = (now.duration_since(off) < WINDOW).then(|| now + WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(times: usize, at: Instant) -> Health {
        let mut health = Health::default();
        (0..times).for_each(|_| health.failed(at));
        health
    }

    #[test]
    fn the_hundredth_failure_within_five_minutes_switches_off() {
        let now = Instant::now();
        assert!(failing(99, now).is_active());
        assert!(!failing(100, now).is_active());
    }

    #[test]
    fn failures_older_than_five_minutes_do_not_count() {
        let now = Instant::now();
        let mut health = failing(99, now);
        health.failed(now + WINDOW);
        assert!(health.is_active());
    }

    #[test]
    fn a_second_chance_ends_with_one_failure() {
        let now = Instant::now();
        let mut health = failing(100, now);
        health.reactivated(now + WINDOW / 2);
        assert!(health.is_active());
        health.failed(now + WINDOW / 2);
        assert!(!health.is_active());
    }

    #[test]
    fn a_patient_owner_starts_afresh() {
        let now = Instant::now();
        let mut health = failing(100, now);
        health.reactivated(now + WINDOW);
        health.failed(now + WINDOW);
        assert!(health.is_active());
    }
}
