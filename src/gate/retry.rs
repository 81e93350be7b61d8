//! When to try again: doubling steps with jitter.

use std::time::Duration;

/// A schedule of waits: `from`, doubled each time, never more than `up_to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The first wait.
    pub from: Duration,
    /// The longest wait.
    pub up_to: Duration,
}

impl Schedule {
    /// The wait after the `attempt`-th failure (counted from 0). `entropy` takes up to a quarter off, so that events
    /// that failed together do not come back together.
    pub fn delay(&self, attempt: u32, entropy: u64) -> Duration {
        let doubled =
            self.from.saturating_mul(1_u32.checked_shl(attempt.min(31)).unwrap_or(u32::MAX));
        let longest = doubled.min(self.up_to);
        let per_mille = u32::try_from(entropy % 251).unwrap_or(0);
        longest.saturating_sub(longest / 1000 * per_mille)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCHEDULE: Schedule =
        Schedule { from: Duration::from_millis(250), up_to: Duration::from_secs(30) };

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<_> = (0..9).map(|attempt| SCHEDULE.delay(attempt, 0).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    }

    #[test]
    fn up_to_a_quarter_is_taken_off_in_steps_of_a_thousandth() {
        let waits = [0, 1, 100, 250, 251, 501, u64::MAX].map(|entropy| {
            assert_eq!(SCHEDULE.delay(2, entropy).as_millis(), 1000 - u128::from(entropy % 251));
            SCHEDULE.delay(9, entropy).as_millis()
        });
        assert_eq!(waits, [30_000, 29_970, 27_000, 22_500, 30_000, 22_500, 27_960]);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_under_three_quarters_nor_over_the_longest(attempt: u32, entropy: u64) {
            let wait = SCHEDULE.delay(attempt, entropy);
            prop_assert!(wait <= SCHEDULE.up_to);
            prop_assert!(wait + Duration::from_millis(1) >= SCHEDULE.delay(attempt, 0) * 3 / 4);
        }
    }
}
