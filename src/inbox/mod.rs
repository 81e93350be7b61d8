//! Where authentic events wait between the 200 and the bot: bounded, in order per room, side by side across rooms.
//!
//! In memory: a restart forgets what waits and which events were seen. What was answered 200 still ends in exactly
//! one way: delivered, refused with a record, or expired with a record; also when the gateway is stopped in between.

mod window;

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config;
use crate::gate::moment::Moment;
use crate::report::outage::{Kind, Outage};
use crate::rt::{self, Tasks};
pub use window::Fingerprint;
use window::Window;

/// What is done with kept events. Implemented by the flow.
pub trait Work: Send + Sync + 'static {
    /// One event, and what must be remembered between tries.
    type Letter: Send + 'static;

    /// One try. It may be cut short at any await; the letter stays here.
    fn attempt(&self, letter: &mut Self::Letter) -> impl Future<Output = Step> + Send;

    /// So many letters are kept now. Told in order.
    fn changed(&self, letters: usize);

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
    limits: config::Inbox,
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
}

impl<W: Work> Inbox<W> {
    /// An empty inbox, whose letters are given to `work`.
    pub fn new(work: Arc<W>, limits: config::Inbox, tasks: Tasks) -> Arc<Self> {
        let window = Window::new(limits.max_events);
        let lanes = Mutex::new(Lanes { waiting: HashMap::new(), events: 0, bytes: 0 });
        Arc::new(Self { work, limits, lanes, window, tasks, cut: CancellationToken::new() })
    }

    /// Keeps a letter; from here on it ends in a delivery or a record.
    pub fn keep(
        self: &Arc<Self>,
        label: Label,
        letter: W::Letter,
    ) -> Result<(), Unkept<W::Letter>> {
        let mut lanes = self.lanes();
        let bytes = lanes.bytes.saturating_add(label.size);
        if lanes.events >= self.limits.max_events
            || bytes > self.limits.max_bytes
            || self.cut.is_cancelled()
        {
            return Err(Unkept::Full(letter));
        }
        if !self.window.enter(label.fingerprint, label.window) {
            return Err(Unkept::Duplicate(letter));
        }
        lanes.events += 1;
        lanes.bytes = bytes;
        let idle = !lanes.waiting.contains_key(&label.lane);
        let lane = label.lane.clone();
        lanes.waiting.entry(lane.clone()).or_default().push_back((label, letter));
        self.work.changed(lanes.events);
        drop(lanes);
        if idle {
            self.go(lane);
        }
        Ok(())
    }

    /// Events that are kept now, being tried or waiting.
    pub fn len(&self) -> usize {
        self.lanes().events
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
            if !self.settle(&trying.label, letter).await {
                self.window.leave(trying.label.fingerprint);
            }
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
    async fn settle(&self, label: &Label, mut letter: W::Letter) -> bool {
        loop {
            let step = tokio::select! {
                biased;
                () = self.cut.cancelled() => Step::Again { outage: stopped(), wait: Duration::ZERO },
                step = self.work.attempt(&mut letter) => step,
            };
            let (outage, wait) = match step {
                Step::Delivered => return true,
                Step::Settled => return false,
                Step::Again { outage, wait } => (outage, wait),
            };
            if !self.pause(label, wait).await {
                let last = if self.cut.is_cancelled() { stopped() } else { outage };
                self.work.expire(letter, last);
                return false;
            }
        }
    }

    /// Waits; whether the letter has time left afterwards.
    async fn pause(&self, label: &Label, wait: Duration) -> bool {
        let left = self.limits.max_age.saturating_sub(rt::now().since(label.received));
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

/// Gives the place back. When a try panics, its letter is lost with the task, but those behind it in the lane must not
/// be, nor may the lane stay taken by nobody: all later events of the room would wait for ever.
struct Trying<'a, W: Work> {
    inbox: &'a Arc<Inbox<W>>,
    label: Label,
}

impl<W: Work> Drop for Trying<'_, W> {
    fn drop(&mut self) {
        let mut lanes = self.inbox.lanes();
        lanes.events -= 1;
        lanes.bytes -= self.label.size;
        self.inbox.work.changed(lanes.events);
        drop(lanes);
        if std::thread::panicking() {
            self.inbox.window.leave(self.label.fingerprint);
            self.inbox.go(self.label.lane.clone());
        }
    }
}

fn stopped() -> Outage {
    Outage::new(Kind::GatewayStopped, "the gateway was stopped before the event could be delivered")
}

#[cfg(test)]
mod tests;
