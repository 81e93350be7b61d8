//! How often one token may call: so many calls a minute, so many at once, and none while Webex said to wait.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::report::outage::{Kind, Outage};

/// A tenth of a minute's calls may go at once; the rest are spread over the minute, so that no minute has more than
/// was configured.
const BURST: u32 = 10;

/// The calls of one token.
#[derive(Debug)]
pub(super) struct Budget {
    interval: Duration,
    slack: Duration,
    turns: Mutex<Turns>,
    at_once: Semaphore,
}

#[derive(Debug)]
struct Turns {
    /// When the next call is due if calls came evenly; up to `slack` ahead of it is the burst.
    due: Instant,
    /// Webex asked for silence until then.
    silent_until: Instant,
}

impl Budget {
    /// At least one call a minute and one at once, whatever is configured: none would be a deadlock.
    pub(super) fn new(requests_per_minute: u32, max_in_flight: usize) -> Self {
        let burst = (requests_per_minute / BURST).max(1);
        let spread = requests_per_minute.saturating_sub(burst).max(1);
        let interval = Duration::from_mins(1) / spread;
        let now = Instant::now();
        Self {
            interval,
            slack: interval * (burst - 1),
            turns: Mutex::new(Turns { due: now, silent_until: now }),
            at_once: Semaphore::new(max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    /// Waits for a turn, but not past `deadline`: when the turn is later than that, says so at once.
    pub(super) async fn turn(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Outage> {
        sleep_until(self.reserve(deadline)?).await;
        let permit = timeout_at(deadline, self.at_once.acquire()).await;
        let Ok(Ok(permit)) = permit else {
            let cause = "too many calls to Webex are already under way";
            return Err(Outage::new(Kind::CheckTimeout, cause));
        };
        self.silence(deadline).await?;
        Ok(permit)
    }

    /// Nobody calls for this long. A shorter wait does not cut a longer one short.
    pub(super) fn hold_back(&self, wait: Duration) {
        let mut turns = self.turns();
        turns.silent_until = turns.silent_until.max(Instant::now() + wait);
    }

    fn reserve(&self, deadline: Instant) -> Result<Instant, Outage> {
        let now = Instant::now();
        let mut turns = self.turns();
        let burst_from = turns.due.checked_sub(self.slack).unwrap_or(now);
        let start = burst_from.max(turns.silent_until).max(now);
        if start > deadline {
            return Err(used_up(start - now));
        }
        turns.due = turns.due.max(start) + self.interval;
        Ok(start)
    }

    /// Webex may have asked for silence since the turn was given.
    async fn silence(&self, deadline: Instant) -> Result<(), Outage> {
        loop {
            let (now, until) = (Instant::now(), self.turns().silent_until);
            if until <= now {
                return Ok(());
            }
            if until > deadline {
                return Err(used_up(until - now));
            }
            sleep_until(until).await;
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn used_up(wait: Duration) -> Outage {
    let cause = "the calls that this token may make are used up for now";
    Outage::new(Kind::WebexRateLimited, cause).after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_calls_than_configured() {
        let budget = Budget::new(100, 8);
        let (start, mut calls) = (Instant::now(), Vec::new());
        for _ in 0..250 {
            drop(budget.turn(within(600)).await.unwrap());
            calls.push(start.elapsed());
        }
        assert_eq!(calls[9], Duration::ZERO, "a burst of ten");
        assert!(calls[10] > Duration::ZERO);
        for (n, from) in calls.iter().enumerate() {
            let minute = calls[n..].iter().take_while(|at| **at < *from + Duration::from_mins(1));
            assert!(minute.count() <= 100, "from {from:?}");
        }
        assert!(calls[249] < Duration::from_secs(165), "and not many fewer: {:?}", calls[249]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_after_the_deadline_is_refused_at_once_with_the_wait() {
        let budget = Budget::new(2, 8);
        drop(budget.turn(within(8)).await.unwrap());
        let before = Instant::now();
        let outage = budget.turn(within(8)).await.unwrap_err();
        assert_eq!(outage.kind, Kind::WebexRateLimited);
        assert_eq!(outage.retry_after, Some(Duration::from_mins(1)));
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn when_webex_asks_for_silence_everybody_waits_also_who_had_a_turn() {
        let budget = Budget::new(600, 1);
        let held = budget.turn(within(8)).await.unwrap();
        let waiting = async {
            let permit = budget.turn(within(8)).await.unwrap();
            drop(permit);
            Instant::now()
        };
        let silence = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            budget.hold_back(Duration::from_secs(4));
            budget.hold_back(Duration::from_secs(1));
            drop(held);
            Instant::now()
        };
        let (called, asked) = tokio::join!(waiting, silence);
        assert_eq!(called - asked, Duration::from_secs(4));
        budget.hold_back(Duration::from_mins(5));
        let outage = budget.turn(within(8)).await.unwrap_err();
        assert_eq!(outage.retry_after, Some(Duration::from_mins(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_place_past_the_deadline() {
        let budget = Budget::new(600, 1);
        let _held = budget.turn(within(8)).await.unwrap();
        let outage = budget.turn(within(8)).await.unwrap_err();
        assert_eq!(outage.kind, Kind::CheckTimeout);
    }
}
