//! A moment, handed in: the core never reads a clock.

use std::time::{Duration, SystemTime};

/// One reading of both clocks. The wall clock says how old an event is; the monotonic one says how old evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock (UTC).
    pub wall: SystemTime,
    /// Monotonic time since some point in the past, the same for the life of the process.
    pub tick: Duration,
}

impl Moment {
    /// How long ago `earlier` was, by whichever clock says more.
    ///
    /// The monotonic clock stands still while a machine is suspended and the wall clock may be set back, so neither
    /// alone may call evidence young. Zero when `earlier` is not in the past.
    pub fn since(self, earlier: Self) -> Duration {
        let by_wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        self.tick.saturating_sub(earlier.tick).max(by_wall)
    }

    /// How long ago `earlier` was at least, by the monotonic clock alone: for what must not happen too soon. A wall clock
    /// that is set forward would make it longer.
    pub fn surely_since(self, earlier: Self) -> Duration {
        self.tick.saturating_sub(earlier.tick)
    }

    /// This moment, later by `by`.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self { wall: self.wall + by, tick: self.tick.saturating_add(by) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_that_says_more_decides() {
        let then = Moment {
            wall: SystemTime::UNIX_EPOCH + Duration::from_mins(5),
            tick: Duration::from_secs(10),
        };
        let suspended = Moment { wall: then.wall + Duration::from_mins(1), tick: then.tick };
        let set_back =
            Moment { wall: SystemTime::UNIX_EPOCH, tick: then.tick + Duration::from_secs(30) };
        assert_eq!(suspended.since(then), Duration::from_mins(1));
        assert_eq!(set_back.since(then), Duration::from_secs(30));
        assert_eq!(then.since(suspended), Duration::ZERO);
        assert_eq!(suspended.surely_since(then), Duration::ZERO);
        assert_eq!(set_back.surely_since(then), Duration::from_secs(30));
        assert_eq!(then.surely_since(set_back), Duration::ZERO);
    }
}
