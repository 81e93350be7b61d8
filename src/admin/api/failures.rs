//! Wrong tokens: how soon the next one is answered.

use std::collections::VecDeque;
use std::time::Duration;

/// Wrong tokens that are answered at once: somebody has mistyped, or holds that of the last start.
const AT_ONCE: usize = 5;

/// For so long they count.
const WITHIN: Duration = Duration::from_mins(1);

/// What each one costs after that. Together with the number of connections it bounds how many can be tried; what keeps
/// guessing hopeless is the length of tokens.
const PENALTY: Duration = Duration::from_secs(1);

/// The last wrong tokens. Only wrong ones ever wait: whoever has the right one cannot be locked out by others, and
/// their success does not give the others new tries.
#[derive(Debug, Default)]
pub(super) struct Failures(VecDeque<Duration>);

/// How a wrong token is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Without a wait.
    AtOnce,
    /// The first that waits for a while: worth a line in the log.
    Slowed(Duration),
    /// As slowly as the one before.
    Slow(Duration),
}

impl Failures {
    /// One more, at this moment of a clock that only goes on.
    pub(super) fn note(&mut self, now: Duration) -> Pace {
        self.0.retain(|then| now.saturating_sub(*then) < WITHIN);
        let before = self.0.len();
        self.0.push_back(now);
        if before > AT_ONCE {
            // How many there are beyond that makes no difference.
            self.0.pop_front();
        }
        match before {
            ..AT_ONCE => Pace::AtOnce,
            AT_ONCE => Pace::Slowed(PENALTY),
            _more => Pace::Slow(PENALTY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_mistakes_cost_nothing_and_guessing_costs_a_second_each() {
        let (mut failures, second) = (Failures::default(), Duration::from_secs(1));
        let paces: Vec<_> = (0..8).map(|n| failures.note(second * n)).collect();
        let (slowed, slow) = (Pace::Slowed(PENALTY), Pace::Slow(PENALTY));
        assert_eq!(paces[..5], [Pace::AtOnce; 5]);
        assert_eq!(paces[5..], [slowed, slow, slow]);
        assert!(failures.0.len() <= AT_ONCE + 1);
        assert_eq!(failures.note(second * 7 + WITHIN), Pace::AtOnce, "it is forgotten");
    }
}
