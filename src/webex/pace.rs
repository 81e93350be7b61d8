//! Evenly spread turns, a few of them at once.

use std::time::Duration;

use tokio::time::Instant;

/// A tenth of a minute's turns may go at once; the rest are spread over the minute, so that no minute has more than
/// was configured.
const BURST: u32 = 10;

/// When turns come.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    slack: Duration,
    /// When the next turn is due if turns came evenly; up to `slack` ahead of it is the burst.
    due: Instant,
}

impl Pace {
    /// At least one turn a minute.
    pub(super) fn new(per_minute: u32, now: Instant) -> Self {
        let burst = (per_minute / BURST).max(1);
        let spread = per_minute.saturating_sub(burst).max(1);
        let interval = Duration::from_mins(1) / spread;
        Self { interval, slack: interval * (burst - 1), due: now }
    }

    /// The earliest turn.
    pub(super) fn next(&self, now: Instant) -> Instant {
        self.due.checked_sub(self.slack).unwrap_or(now).max(now)
    }

    /// Turns that could be taken at this moment.
    pub(super) fn left(&self, now: Instant) -> u32 {
        let spare = (now + self.slack).checked_duration_since(self.due.max(now));
        let more = spare.map(|spare| spare.as_nanos() / self.interval.as_nanos().max(1));
        more.map_or(0, |more| u32::try_from(more + 1).unwrap_or(u32::MAX))
    }

    /// Takes a turn at this moment, which is [`next`](Self::next) or later.
    pub(super) fn take(&mut self, at: Instant) {
        self.due = self.due.max(at) + self.interval;
    }
}
