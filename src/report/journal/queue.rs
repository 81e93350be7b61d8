//! What waits for the writer.
//!
//! To wake a thread costs as much as to make a record, so the writer is not woken for a record that somebody is about to
//! wait for: who waits lets all others go first that can, and then wakes it once for all of them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Ticket;
use super::writer::Item;

/// Items in their order. It takes memory for what waits only.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    more: Condvar,
}

struct Inner {
    items: VecDeque<Item>,
    /// How many may wait, with those that are being written.
    longest: u64,
    /// How many were taken in: the order of tickets is that of lines.
    taken: u64,
    writer: State,
    /// It was woken while it worked, for what is not here any more: somebody took it out, and cannot write it.
    called: bool,
    /// Nobody will put anything in any more.
    closed: bool,
}

/// What the writer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Working,
    Asleep,
    Gone,
}

/// Whether the writer must see to it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// Nobody else will wake it.
    Now,
    /// Somebody will wait for it, and wake the writer.
    Soon,
}

/// Nothing will come any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl Queue {
    pub(super) fn new(longest: u64) -> Self {
        let (items, writer) = (VecDeque::new(), State::Working);
        let inner = Inner { items, longest, taken: 0, writer, called: false, closed: false };
        Self { inner: Mutex::new(inner), more: Condvar::new() }
    }

    /// Puts it in, if there is a place: `done` of those before are written.
    pub(super) fn put(&self, item: Item, done: u64, haste: Haste) -> Option<Ticket> {
        let mut inner = self.inner();
        let waiting = inner.taken.saturating_sub(done);
        if inner.writer == State::Gone || waiting >= inner.longest {
            return None;
        }
        inner.items.push_back(item);
        inner.taken += 1;
        let ticket = Ticket(inner.taken);
        if haste == Haste::Now {
            self.rouse(&mut inner);
        }
        Some(ticket)
    }

    /// Wakes the writer, if it sleeps; else it does not go to sleep before it has looked once more.
    pub(super) fn wake(&self) {
        let mut inner = self.inner();
        inner.called |= inner.writer == State::Working && inner.items.is_empty();
        self.rouse(&mut inner);
    }

    /// Waits for something, or to be woken, but not longer than this.
    pub(super) fn wait(&self, within: Duration) -> Result<(), Closed> {
        let mut inner = self.inner();
        let called = std::mem::take(&mut inner.called);
        if inner.items.is_empty() && !inner.closed && !called {
            inner.writer = State::Asleep;
            let waited = self.more.wait_timeout(inner, within);
            (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
            inner.writer = State::Working;
        }
        if inner.items.is_empty() && inner.closed { Err(Closed) } else { Ok(()) }
    }

    /// What waits, so many at most.
    pub(super) fn items(&self, most: usize) -> Vec<Item> {
        let mut inner = self.inner();
        let most = most.min(inner.items.len());
        inner.items.drain(..most).collect()
    }

    /// The lines among it that come first, so many at most.
    pub(super) fn lines(&self, most: usize) -> Vec<Item> {
        let mut inner = self.inner();
        let lines = inner.items.iter().take_while(|item| matches!(item, Item::Line(..)));
        let most = lines.take(most).count();
        inner.items.drain(..most).collect()
    }

    /// Nobody will put anything in any more: what waits is still written.
    pub(super) fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        self.rouse(&mut inner);
    }

    /// The writer is gone, and takes nothing any more.
    pub(super) fn desert(&self) {
        let mut inner = self.inner();
        inner.writer = State::Gone;
        inner.items.clear();
    }

    fn rouse(&self, inner: &mut Inner) {
        if inner.writer == State::Asleep {
            inner.writer = State::Working;
            self.more.notify_one();
        }
    }

    /// A panic elsewhere leaves it whole: each change is one step.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn line() -> Item {
        Item::Line("line\n".to_owned(), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn no_more_wait_than_may_with_those_that_are_being_written() {
        let queue = Queue::new(2);
        assert_eq!(
            [0, 0, 0].map(|done| queue.put(line(), done, Haste::Soon).is_some()),
            [true, true, false]
        );
        assert_eq!(queue.items(10).len(), 2);
        assert!(queue.put(line(), 0, Haste::Now).is_none(), "they are not written yet");
        assert_eq!(queue.put(line(), 1, Haste::Now), Some(Ticket(3)));
    }

    #[test]
    fn what_waits_is_taken_a_batch_at_a_time_and_then_the_end_is_told() {
        let queue = Queue::new(10);
        for _ in 0..3 {
            queue.put(line(), 0, Haste::Soon).unwrap();
        }
        queue.close();
        for expected in [2, 1] {
            assert_eq!((queue.wait(LONG), queue.items(2).len()), (Ok(()), expected));
        }
        assert_eq!(queue.wait(LONG), Err(Closed));
    }

    #[test]
    fn lines_are_taken_up_to_what_is_none() {
        let queue = Queue::new(10);
        for item in [line(), line(), Item::Begin(SystemTime::UNIX_EPOCH), line()] {
            queue.put(item, 0, Haste::Soon).unwrap();
        }
        assert_eq!([1, 9, 9].map(|most| queue.lines(most).len()), [1, 1, 0]);
        assert_eq!(queue.items(9).len(), 2, "they stay");
    }

    #[test]
    fn a_writer_that_sleeps_is_woken_by_who_waits_or_when_there_is_haste() {
        let queue = Arc::new(Queue::new(10));
        for haste in [Haste::Soon, Haste::Now] {
            let writer = Arc::clone(&queue);
            let taking = std::thread::spawn(move || (writer.wait(LONG), writer.items(10).len()));
            while queue.inner().writer != State::Asleep {
                std::thread::yield_now();
            }
            queue.put(line(), 0, haste).unwrap();
            if haste == Haste::Soon {
                assert_eq!(queue.inner().writer, State::Asleep);
                queue.wake();
            }
            assert_eq!(taking.join().unwrap(), (Ok(()), 1), "{haste:?}");
        }
    }

    #[test]
    fn a_writer_that_is_woken_while_it_works_looks_once_more_before_it_sleeps() {
        let (queue, began) = (Queue::new(10), tokio::time::Instant::now());
        queue.put(line(), 0, Haste::Soon).unwrap();
        assert_eq!(queue.lines(10).len(), 1, "somebody else has it, and cannot write it");
        queue.wake();
        assert_eq!(queue.wait(LONG), Ok(()));
        assert!(began.elapsed() < LONG, "not for the time alone");
        assert_eq!(queue.wait(Duration::from_millis(1)), Ok(()), "and then it sleeps");
        assert!(!queue.inner().called);
    }

    #[test]
    fn a_writer_that_is_gone_takes_nothing() {
        let queue = Queue::new(10);
        queue.desert();
        assert!(queue.put(line(), 0, Haste::Now).is_none());
    }
}
