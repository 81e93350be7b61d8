//! Where authentic events wait between the 200 and the bot: bounded, in order per room, side by side across rooms.
//!
//! In memory: a restart forgets what waits and which events were seen. What was answered 200 still ends in exactly
//! one way: delivered, refused with a record, or expired with a record; also when the gateway is stopped in between.

mod tally;
mod window;

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config;
use crate::gate::moment::Moment;
use crate::report::Eviction;
use crate::report::outage::{Kind, Outage};
use crate::rt::{self, Tasks};
pub use tally::Backlog;
use tally::Tally;
pub use window::Fingerprint;
use window::Window;

/// What is done with kept events. Implemented by the flow.
pub trait Work: Send + Sync + 'static {
    /// One event, and what must be remembered between tries.
    type Letter: Send + 'static;

    /// One try. It may be cut short at any await; the letter stays here.
    fn attempt(&self, letter: &mut Self::Letter) -> impl Future<Output = Step> + Send;

    /// It is not remembered any more that an event was seen.
    fn forgot(&self, cause: Eviction);

    /// The letter's time is up: write the record.
    fn expire(&self, letter: Self::Letter, last: Outage);
}

/// How a try ended.
#[derive(Debug)]
pub enum Step {
    /// The bot has it: the same event again is a duplicate.
    Delivered,
    /// It is settled, and the bot does not have it: the same event again is judged anew.
    Settled,
    /// Not yet.
    Again {
        /// Why.
        outage: Outage,
        /// When to try again.
        wait: Duration,
    },
}

/// Why a letter was not kept; it comes back.
#[derive(Debug)]
pub enum Unkept<L> {
    /// It was kept before, within the window.
    Duplicate(L),
    /// There is no place.
    Full(L),
}

/// What the inbox needs to know of a letter.
#[derive(Clone, Debug)]
pub struct Label {
    /// Its route.
    pub route: Arc<str>,
    /// Events of one lane are delivered one after the other.
    pub lane: Lane,
    /// Which event it is.
    pub fingerprint: Fingerprint,
    /// For how long the same event is a duplicate.
    pub window: Duration,
    /// Bytes held by it.
    pub size: usize,
    /// When it came in.
    pub received: Moment,
}

/// What is kept in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// One room on one route.
    Room(Arc<str>, crate::gate::id::Key<crate::gate::id::Room>),
    /// By itself.
    Alone(uuid::Uuid),
}

/// The inbox in memory.
#[derive(Debug)]
pub struct Inbox<W: Work> {
    work: Arc<W>,
    lanes: Mutex<Lanes<W::Letter>>,
    window: Window,
    tasks: Tasks,
    cut: CancellationToken,
}

#[derive(Debug)]
struct Lanes<L> {
    waiting: HashMap<Lane, VecDeque<(Label, L)>>,
    events: usize,
    bytes: usize,
    limits: config::Inbox,
    tally: Tally,
}

impl<L> Lanes<L> {
    /// While it is here it is a duplicate, however long it must wait, and a last try may take.
    fn while_here(&self, label: &Label) -> Duration {
        label.window.max(self.limits.max_age.saturating_mul(2))
    }
}

impl<W: Work> Inbox<W> {
    /// An empty inbox, whose letters are given to `work`.
    pub fn new(work: Arc<W>, limits: config::Inbox, tasks: Tasks) -> Arc<Self> {
        let hearing = Arc::clone(&work);
        let forgot = Arc::new(move |cause| hearing.forgot(cause));
        let window = Window::new(limits.max_events, forgot);
        let empty =
            Lanes { waiting: HashMap::new(), events: 0, bytes: 0, limits, tally: Tally::default() };
        let lanes = Mutex::new(empty);
        Arc::new(Self { work, lanes, window, tasks, cut: CancellationToken::new() })
    }

    /// Other limits from now on. What is kept stays, also where it would have no place any more; which events were seen
    /// is remembered as before.
    pub fn renew(&self, limits: config::Inbox) {
        let mut lanes = self.lanes();
        // Each kept event must have its place in the window. A smaller inbox does well with a larger one.
        self.window.grow(limits.max_events);
        lanes.limits = limits;
    }

    /// Keeps a letter; from here on it ends in a delivery or a record.
    pub fn keep(
        self: &Arc<Self>,
        label: Label,
        letter: W::Letter,
    ) -> Result<(), Unkept<W::Letter>> {
        let mut lanes = self.lanes();
        let bytes = lanes.bytes.saturating_add(label.size);
        if lanes.events >= lanes.limits.max_events
            || bytes > lanes.limits.max_bytes
            || self.cut.is_cancelled()
        {
            return Err(Unkept::Full(letter));
        }
        let window = lanes.while_here(&label);
        if !self.window.enter(label.fingerprint, window, label.received.tick) {
            return Err(Unkept::Duplicate(letter));
        }
        lanes.events += 1;
        lanes.bytes = bytes;
        lanes.tally.enter(&label);
        // A lane that is there has a task.
        let idle = match lanes.waiting.entry(label.lane.clone()) {
            Entry::Occupied(mut lane) => {
                lane.get_mut().push_back((label, letter));
                None
            }
            Entry::Vacant(lane) => {
                let idle = label.lane.clone();
                lane.insert(VecDeque::from([(label, letter)]));
                Some(idle)
            }
        };
        drop(lanes);
        if let Some(lane) = idle {
            self.go(lane);
        }
        Ok(())
    }

    /// Events that are kept now, being tried or waiting.
    pub fn len(&self) -> usize {
        self.lanes().events
    }

    /// What is kept of each route that has any; `None` when that cannot be told.
    pub fn backlog(&self, now: Moment) -> Option<HashMap<Arc<str>, Backlog>> {
        self.lanes.lock().ok().map(|lanes| lanes.tally.backlog(now))
    }

    /// How many events it is remembered of that they were seen.
    pub fn remembered(&self) -> u64 {
        u64::try_from(self.window.len(rt::now().tick)).unwrap_or(u64::MAX)
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends every try and every wait; what is left expires with a record.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    async fn run(self: Arc<Self>, lane: Lane) {
        while let Some((label, letter)) = self.next(&lane) {
            let trying = Trying { inbox: &self, label };
            let held = Held { work: &*self.work, letter: Some(letter) };
            let delivered = self.settle(&trying.label, held).await;
            let now = rt::now();
            let rest = if delivered {
                trying.label.window.saturating_sub(now.since(trying.label.received))
            } else {
                Duration::ZERO
            };
            self.window.keep_for(trying.label.fingerprint, rest, now.tick);
        }
    }

    fn go(self: &Arc<Self>, lane: Lane) {
        let inbox = Arc::clone(self);
        self.tasks.spawn("inbox lane", async move { inbox.run(lane).await });
    }

    /// A lane without letters is forgotten under the same lock that would add one: no letter is left without a task.
    fn next(&self, lane: &Lane) -> Option<(Label, W::Letter)> {
        let mut lanes = self.lanes();
        let letter = lanes.waiting.get_mut(lane).and_then(VecDeque::pop_front);
        if letter.is_none() {
            lanes.waiting.remove(lane);
        }
        letter
    }

    /// Tries until it is settled. Whether the bot has it.
    async fn settle(&self, label: &Label, mut held: Held<'_, W>) -> bool {
        let mut last = behind_others();
        let mut wait = Duration::ZERO;
        while self.pause(label, wait).await {
            let Some(letter) = &mut held.letter else { return false };
            let step = tokio::select! {
                biased;
                () = self.cut.cancelled() => break,
                step = self.work.attempt(letter) => step,
            };
            (last, wait) = match step {
                Step::Again { outage, wait } => {
                    // It may stay longer by now than when it came.
                    let while_here = self.lanes().while_here(label);
                    self.window.keep_for(label.fingerprint, while_here, rt::now().tick);
                    (outage, wait)
                }
                Step::Delivered | Step::Settled => {
                    held.letter = None;
                    return matches!(step, Step::Delivered);
                }
            };
        }
        held.expire(if self.cut.is_cancelled() { stopped() } else { last });
        false
    }

    /// Waits; whether the letter has time left afterwards.
    async fn pause(&self, label: &Label, wait: Duration) -> bool {
        let max_age = self.lanes().limits.max_age;
        let left = max_age.saturating_sub(rt::now().since(label.received));
        if wait.is_zero() {
            // Not even a timer: its ticks are a millisecond apart, and most events are tried once.
            return !left.is_zero() && !self.cut.is_cancelled();
        }
        tokio::select! {
            biased;
            () = self.cut.cancelled() => false,
            () = tokio::time::sleep(wait.min(left)) => wait < left,
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<W::Letter>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A letter that is being tried. Should a try panic, or the runtime end, it ends with a record like any other.
struct Held<'a, W: Work> {
    work: &'a W,
    letter: Option<W::Letter>,
}

impl<W: Work> Held<'_, W> {
    fn expire(&mut self, last: Outage) {
        if let Some(letter) = self.letter.take() {
            self.work.expire(letter, last);
        }
    }
}

impl<W: Work> Drop for Held<'_, W> {
    fn drop(&mut self) {
        self.expire(if std::thread::panicking() { bug() } else { stopped() });
    }
}

/// Gives the place back. When a try panics, those behind it in the lane must not be lost, nor may the lane stay taken by
/// nobody: all later events of the room would wait for ever.
struct Trying<'a, W: Work> {
    inbox: &'a Arc<Inbox<W>>,
    label: Label,
}

impl<W: Work> Drop for Trying<'_, W> {
    fn drop(&mut self) {
        let mut lanes = self.inbox.lanes();
        lanes.events -= 1;
        lanes.bytes -= self.label.size;
        lanes.tally.leave(&self.label);
        drop(lanes);
        if std::thread::panicking() {
            self.inbox.window.keep_for(self.label.fingerprint, Duration::ZERO, rt::now().tick);
            self.inbox.go(self.label.lane.clone());
        }
    }
}

fn behind_others() -> Outage {
    Outage::new(Kind::BehindOthers, "it waited behind others of its room until its time was up")
}

fn bug() -> Outage {
    Outage::new(Kind::Bug, "a try to deliver the event panicked")
}

fn stopped() -> Outage {
    Outage::new(Kind::GatewayStopped, "the gateway was stopped before the event could be delivered")
}

#[cfg(test)]
mod tests;
