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
