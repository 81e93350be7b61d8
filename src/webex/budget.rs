//! How often one token may call: so many calls a minute, so many at once, and none while Webex said to wait.
//!
//! Anybody can put a bot into a room of their own, and every such room costs calls. So there are two classes: rooms
//! that were clean when they were last read may use everything; all others together may use half, in whatever numbers
//! they come. Their half is a second pace and a second number of places that a stranger passes *before* the common
//! ones: what they wait for there is not taken from anybody, and the common pace never has more than half of them.
//!
//! What can wait (audits, webhooks, notices) has a third class of the same kind: at most a quarter. So a regular room
//! always finds a quarter of the calls for itself.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::line::Line;
use super::pace::Pace;
use crate::gate::id::{Key, Room};
use crate::report::outage::{Kind, Outage};

/// Who a call is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A room that was clean when it was last read, the bot itself, or somebody who sits before a terminal.
    Regular,
    /// Any other room.
    Stranger,
    /// Nobody waits for the answer: an audit, a look at webhooks.
    Survey,
}

/// How often Webex asked for silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silences {
    /// Answers 429.
    pub times: u64,
    /// What they asked for, overlaps counted once.
    pub waited: Duration,
}

/// The calls of one token.
#[derive(Debug)]
pub(super) struct Budget {
    turns: Mutex<Turns>,
    at_once: Semaphore,
    strangers_at_once: Semaphore,
    surveys_at_once: Semaphore,
    per_minute: u32,
}

#[derive(Debug)]
struct Turns {
    all: Pace,
    strangers: Pace,
    surveys: Pace,
    line: Line,
    silences: Silences,
    /// Webex asked for silence until then.
    silent_until: Instant,
}

/// The right to make one call, for as long as it is held.
#[derive(Debug)]
pub(super) struct Place<'a>(#[expect(dead_code, reason = "held")] [Option<SemaphorePermit<'a>>; 2]);

impl Budget {
    /// At least one call a minute and one at once, for strangers too, whatever is configured: none would be a deadlock.
    pub(super) fn new(requests_per_minute: u32, max_in_flight: usize) -> Self {
        let (half, now) = (requests_per_minute / 2, Instant::now());
        let at_once = max_in_flight.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            turns: Mutex::new(Turns {
                all: Pace::new(requests_per_minute, now),
                strangers: Pace::new(half, now),
                surveys: Pace::new(requests_per_minute / 4, now),
                line: Line::new(half, now),
                silences: Silences::default(),
                silent_until: now,
            }),
            at_once: Semaphore::new(at_once),
            strangers_at_once: Semaphore::new((at_once / 2).max(1)),
            surveys_at_once: Semaphore::new((at_once / 4).max(1)),
            per_minute: requests_per_minute,
        }
    }

    /// A stranger's place in the line of strangers, once for each question, before its first [`turn`](Self::turn).
    /// When it comes after `deadline` it is kept for the room, and the outage says when to come back.
    pub(super) async fn line_up(&self, room: Key<Room>, deadline: Instant) -> Result<(), Outage> {
        sleep_until(self.line_place(room, deadline)?).await;
        Ok(())
    }

    /// Waits for a turn, but not past `deadline`: when the turn is later than that, says so at once.
    pub(super) async fn turn(&self, claim: Claim, deadline: Instant) -> Result<Place<'_>, Outage> {
        let among_its_kind = match claim {
            Claim::Regular => None,
            Claim::Stranger => Some(self.turn_of_strangers(deadline).await?),
            Claim::Survey => Some(self.turn_of_surveys(deadline).await?),
        };
        sleep_until(self.reserve(|turns| &mut turns.all, deadline)?).await;
        let place = place(&self.at_once, deadline).await?;
        self.silence(deadline).await?;
        Ok(Place([among_its_kind, Some(place)]))
    }

    /// Nobody calls for this long. A shorter wait does not cut a longer one short.
    pub(super) fn hold_back(&self, wait: Duration) {
        let (mut turns, now) = (self.turns(), Instant::now());
        let until = turns.silent_until.max(now + wait);
        let more = until - turns.silent_until.max(now);
        turns.silences.times += 1;
        turns.silences.waited += more;
        turns.silent_until = until;
    }

    pub(super) fn silences(&self) -> Silences {
        self.turns().silences
    }

    /// Calls that a regular room could make at this moment without waiting, and for how long Webex still wants none.
    /// `None` when that cannot be told.
    pub(super) fn left(&self) -> Option<(u32, Duration)> {
        let now = Instant::now();
        let turns = self.turns.lock().ok()?;
        let silent_for = turns.silent_until.saturating_duration_since(now);
        let places = u32::try_from(self.at_once.available_permits()).unwrap_or(u32::MAX);
        let left = if silent_for.is_zero() { turns.all.left(now).min(places) } else { 0 };
        Some((left, silent_for))
    }

    /// How many calls a minute surveys may make, up to a quarter of all.
    pub(super) fn survey(&self, per_minute: u32) {
        self.turns().surveys = Pace::new(per_minute.min(self.per_minute / 4), Instant::now());
    }

    async fn turn_of_strangers(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Outage> {
        sleep_until(self.reserve(|turns| &mut turns.strangers, deadline)?).await;
        place(&self.strangers_at_once, deadline).await
    }

    async fn turn_of_surveys(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Outage> {
        sleep_until(self.reserve(|turns| &mut turns.surveys, deadline)?).await;
        place(&self.surveys_at_once, deadline).await
    }

    fn line_place(&self, room: Key<Room>, deadline: Instant) -> Result<Instant, Outage> {
        let now = Instant::now();
        let mut turns = self.turns();
        // Silence costs nobody their place.
        if turns.silent_until > deadline {
            return Err(used_up(turns.silent_until - now));
        }
        turns.line.place(room, now, deadline).map_err(used_up)
    }

    fn reserve(
        &self,
        pace: impl FnOnce(&mut Turns) -> &mut Pace,
        deadline: Instant,
    ) -> Result<Instant, Outage> {
        let now = Instant::now();
        let mut turns = self.turns();
        let silent_until = turns.silent_until;
        let pace = pace(&mut turns);
        let start = pace.next(now).max(silent_until);
        if start > deadline {
            return Err(used_up(start - now));
        }
        pace.take(start);
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

async fn place(places: &Semaphore, deadline: Instant) -> Result<SemaphorePermit<'_>, Outage> {
    let Ok(Ok(permit)) = timeout_at(deadline, places.acquire()).await else {
        let cause = "too many calls to Webex are already under way";
        return Err(Outage::new(Kind::CheckTimeout, cause));
    };
    Ok(permit)
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
            drop(budget.turn(Claim::Regular, within(600)).await.unwrap());
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
        drop(budget.turn(Claim::Regular, within(8)).await.unwrap());
        let before = Instant::now();
        let outage = budget.turn(Claim::Regular, within(8)).await.unwrap_err();
        assert_eq!(outage.kind, Kind::WebexRateLimited);
        assert_eq!(outage.retry_after, Some(Duration::from_mins(1)));
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_what_can_be_called_at_once() {
        let budget = Budget::new(100, 50);
        for taken in 0..10 {
            assert_eq!(budget.left(), Some((10 - taken, Duration::ZERO)));
            let before = Instant::now();
            drop(budget.turn(Claim::Regular, within(600)).await.unwrap());
            assert_eq!(before.elapsed(), Duration::ZERO, "{taken} taken");
        }
        assert_eq!(budget.left(), Some((0, Duration::ZERO)));
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(budget.left(), Some((10, Duration::ZERO)));
        budget.hold_back(Duration::from_secs(4));
        assert_eq!(budget.left(), Some((0, Duration::from_secs(4))));
        let narrow = Budget::new(100, 2);
        let _held = narrow.turn(Claim::Regular, within(8)).await.unwrap();
        assert_eq!(narrow.left(), Some((1, Duration::ZERO)), "no more than may be under way");
    }

    #[tokio::test(start_paused = true)]
    async fn when_webex_asks_for_silence_everybody_waits_also_who_had_a_turn() {
        let budget = Budget::new(600, 1);
        let held = budget.turn(Claim::Regular, within(8)).await.unwrap();
        let waiting = async {
            let permit = budget.turn(Claim::Regular, within(8)).await.unwrap();
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
        let outage = budget.turn(Claim::Regular, within(8)).await.unwrap_err();
        assert_eq!(outage.retry_after, Some(Duration::from_mins(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_place_past_the_deadline() {
        let budget = Budget::new(600, 1);
        let _held = budget.turn(Claim::Regular, within(8)).await.unwrap();
        let outage = budget.turn(Claim::Regular, within(8)).await.unwrap_err();
        assert_eq!(outage.kind, Kind::CheckTimeout);
    }

    /// Calls that never end to come, each as soon as the last is over.
    async fn flood(budget: &Budget, claim: Claim, calls: &Mutex<Vec<Instant>>, took: Duration) {
        loop {
            match budget.turn(claim, within(8)).await {
                Ok(_place) => {
                    calls.lock().unwrap().push(Instant::now());
                    tokio::time::sleep(took).await;
                }
                Err(outage) => {
                    let wait = outage.retry_after.unwrap_or(Duration::from_millis(100));
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// What strangers and surveys get while fifty of each want turns all the time.
    async fn flooded(
        budget: &Budget,
        took: Duration,
        then: impl Future<Output = ()>,
    ) -> [Vec<Instant>; 2] {
        let calls = [Mutex::default(), Mutex::default()];
        let strangers = all_of(50, || flood(budget, Claim::Stranger, &calls[0], took));
        let surveys = all_of(50, || flood(budget, Claim::Survey, &calls[1], took));
        tokio::select! {
            () = strangers => unreachable!(),
            () = surveys => unreachable!(),
            () = then => {}
        }
        calls.map(|calls| calls.into_inner().unwrap())
    }

    fn most_in_a_minute(calls: &[Instant]) -> usize {
        let minute = |from: &Instant| {
            let end = *from + Duration::from_mins(1);
            calls.iter().filter(|at| (*from..end).contains(at)).count()
        };
        calls.iter().map(minute).max().unwrap_or_default()
    }

    async fn all_of<F: Future<Output = ()>>(count: usize, each: impl Fn() -> F) {
        let mut all: Vec<_> = (0..count).map(|_| Box::pin(each())).collect();
        std::future::poll_fn(|context| {
            for future in &mut all {
                let _never = future.as_mut().poll(context);
            }
            std::task::Poll::<()>::Pending
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_in_any_number_have_half_of_every_minute() {
        let budget = Budget::new(100, 8);
        let ten_minutes = tokio::time::sleep(Duration::from_mins(10));
        let [calls, _] = flooded(&budget, Duration::from_millis(50), ten_minutes).await;
        assert!(most_in_a_minute(&calls) <= 50);
        assert!(calls.len() > 440, "and not much less: {}", calls.len());
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_wait_has_a_quarter_of_every_minute_or_less_if_it_is_told() {
        let took = Duration::from_millis(50);
        let ten_minutes = || tokio::time::sleep(Duration::from_mins(10));
        let budget = Budget::new(100, 8);
        let [_, calls] = flooded(&budget, took, ten_minutes()).await;
        assert!(most_in_a_minute(&calls) <= 25);
        assert!(calls.len() > 220, "and not much less: {}", calls.len());
        for (told, most) in [(10, 10), (1000, 25)] {
            let budget = Budget::new(100, 8);
            budget.survey(told);
            let [_, calls] = flooded(&budget, took, ten_minutes()).await;
            assert!(most_in_a_minute(&calls) <= most, "{told}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_regular_finds_a_turn_at_once_whatever_strangers_do() {
        let budget = Budget::new(100, 8);
        let (start, mut slowest) = (Instant::now(), Duration::ZERO);
        let regular = async {
            while start.elapsed() < Duration::from_mins(5) {
                // Twenty a minute: less than the quarter that nobody else may take.
                tokio::time::sleep(Duration::from_secs(3)).await;
                let asked = Instant::now();
                drop(budget.turn(Claim::Regular, within(8)).await.unwrap());
                slowest = slowest.max(asked.elapsed());
            }
        };
        // Each of their calls hangs, so that they want all places too.
        let [calls, _] = flooded(&budget, Duration::from_secs(5), regular).await;
        assert!(slowest < Duration::from_millis(100), "{slowest:?}");
        assert!(calls.len() > 200, "{}", calls.len());
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_and_one_call_a_minute_are_there_for_strangers_too() {
        let budget = Budget::new(1, 1);
        drop(budget.turn(Claim::Stranger, within(8)).await.unwrap());
        drop(budget.turn(Claim::Stranger, within(100)).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_costs_nobody_their_place_in_the_line() {
        let budget = Budget::new(20, 8);
        let rooms: Vec<_> = (0..3).map(super::super::line::tests::room).collect();
        budget.line_up(rooms[0], within(1)).await.unwrap();
        let told = budget.line_up(rooms[1], within(1)).await.unwrap_err().retry_after.unwrap();
        budget.hold_back(Duration::from_secs(3));
        let wait = budget.line_up(rooms[1], within(1)).await.unwrap_err().retry_after;
        assert_eq!(wait, Some(Duration::from_secs(3)));
        tokio::time::sleep(told).await;
        let newcomer = budget.line_up(rooms[2], within(1)).await;
        assert!(newcomer.is_err(), "a newcomer stands behind");
        budget.line_up(rooms[1], within(1)).await.unwrap();
    }
}
