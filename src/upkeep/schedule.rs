//! When the next audit begins. Rules, in order:
//!
//! 1. With `at`, at the instants `at` + k·`every`, counted from 1970-01-01 at that time of day (UTC), whatever the
//!    gateway did before: `every: 24h` is once a day, `every: 6h` four times a day, `every: 7d` once a week.
//! 2. The next of them is later than now. What was missed is not made up for.
//! 3. Without `at`, the first begins somewhere within `every` after the start, so that gateways that restart together
//!    do not audit together; each one after it begins `every` after the one before has ended.
//! 4. Each begins a little later than that: up to a tenth of `every`, at most [`MOST_JITTER`].
//! 5. The next is looked for when the last has ended: audits never overlap.
//! 6. A clock that is set forward makes one audit begin early, not all that it skipped. One that is set back makes
//!    nobody wait longer than they would have from there: an instant that is too far away is looked for again.

use std::time::{Duration, SystemTime};

use crate::config::Audit;
use crate::gate::moment::Moment;

/// Enough to keep many gateways apart; more would make `at` say nothing.
pub(super) const MOST_JITTER: Duration = Duration::from_mins(15);

/// A clock that was set, or a machine that slept, is noticed within this.
pub(super) const SLICE: Duration = Duration::from_mins(1);

/// Nobody audits less often; and sums of instants stay within what clocks can tell.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// What is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timetable {
    every: Duration,
    at: Option<u16>,
}

/// Whether the gateway has just started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has.
    #[default]
    First,
    /// An audit has ended.
    Later,
}

/// When the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// When the wall clock shows this.
    At(SystemTime),
    /// This long after a moment, by whichever clock says more.
    After(Moment, Duration),
}

/// What to do until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is time.
    Begin,
    /// The clock was set back: look for the next one again.
    Recount,
    /// Sleep this long, and look at the clock again.
    Sleep(Duration),
}

impl Timetable {
    /// None where nothing is to be audited.
    pub(super) fn new(audit: &Audit) -> Option<Self> {
        let every = audit.every.filter(|every| !every.is_zero())?;
        Some(Self { every: every.min(LONGEST), at: audit.at })
    }

    /// Rules 1 to 4.
    pub(super) fn next(self, now: Moment, turn: Turn, entropy: u64) -> Due {
        let jitter = part(self.jitter(), entropy);
        match (self.at, turn) {
            (Some(at), _) => Due::At(self.instant(at, now.wall) + jitter),
            (None, Turn::First) => Due::After(now, part(self.every, entropy)),
            (None, Turn::Later) => Due::After(now, self.every + jitter),
        }
    }

    /// Rule 6.
    pub(super) fn step(self, due: Due, now: Moment) -> Step {
        let left = match due {
            Due::At(instant) => instant.duration_since(now.wall).unwrap_or_default(),
            Due::After(since, wait) => wait.saturating_sub(now.since(since)),
        };
        if left.is_zero() {
            Step::Begin
        } else if left > self.every + self.jitter() {
            Step::Recount
        } else {
            Step::Sleep(left.min(SLICE))
        }
    }

    fn jitter(self) -> Duration {
        (self.every / 10).min(MOST_JITTER)
    }

    /// Never further away than `every`, also on a machine whose clock has not been set yet.
    fn instant(self, at: u16, now: SystemTime) -> SystemTime {
        let first = SystemTime::UNIX_EPOCH + Duration::from_mins(at.into());
        let left = match now.duration_since(first) {
            Ok(since) => self.every.saturating_sub(remainder(since, self.every)),
            Err(early) => remainder(early.duration(), self.every),
        };
        now + if left.is_zero() { self.every } else { left }
    }
}

fn remainder(of: Duration, by: Duration) -> Duration {
    let nanos = of.as_nanos().checked_rem(by.as_nanos()).unwrap_or_default();
    let second = 1_000_000_000;
    let (seconds, nanos) = (nanos / second, nanos % second);
    Duration::new(seconds.try_into().unwrap_or(u64::MAX), nanos.try_into().unwrap_or(0))
}

/// A random part of it, in ten-thousandths.
fn part(of: Duration, entropy: u64) -> Duration {
    of / 10_000 * u32::try_from(entropy % 10_001).unwrap_or(0)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
