//! How far the writer is, and who waits for it.
//!
//! Each is woken once, when what it waits for is done. With a channel that all of them watch, each batch would wake
//! everybody, and most of them for nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// How many items are done, in their order.
#[derive(Debug)]
pub(super) struct Done {
    items: AtomicU64,
    /// No more than there are tickets that are not done; `None` once the writer is gone.
    waiting: Mutex<Option<Waiting>>,
}

/// By the item that it waits for.
type Waiting = BTreeMap<u64, oneshot::Sender<()>>;

/// The writer is gone, and it is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Default for Done {
    fn default() -> Self {
        Self { items: AtomicU64::new(0), waiting: Mutex::new(Some(Waiting::new())) }
    }
}

impl Done {
    /// So many.
    pub(super) fn items(&self) -> u64 {
        self.items.load(Ordering::Acquire)
    }

    /// So many more.
    pub(super) fn more(&self, items: usize) {
        let items = u64::try_from(items).unwrap_or(u64::MAX);
        let done = self.items.fetch_add(items, Ordering::AcqRel).saturating_add(items);
        let mut locked = self.waiting();
        let Some(waiting) = &mut *locked else { return };
        let later = waiting.split_off(&done.saturating_add(1));
        let reached = std::mem::replace(waiting, later);
        drop(locked);
        for tell in reached.into_values() {
            // Whoever asked may have stopped waiting.
            let _gone = tell.send(());
        }
    }

    /// Waits until this one is done. Only the last who waits for it is told.
    pub(super) async fn reached(&self, item: u64) -> Result<(), Gone> {
        let (tell, told) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            // Under the lock: what becomes done after this look finds who waits.
            if self.items() >= item {
                return Ok(());
            }
            waiting.as_mut().ok_or(Gone)?.insert(item, tell);
        }
        told.await.map_err(|_dropped| Gone)
    }

    /// Nothing more will be done.
    pub(super) fn end(&self) {
        *self.waiting() = None;
    }

    /// A panic elsewhere leaves the map whole: each change is one step.
    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(
        waiting: std::pin::Pin<&mut impl Future<Output = Result<(), Gone>>>,
    ) -> Poll<Result<(), Gone>> {
        waiting.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn each_is_told_when_its_own_is_done_and_not_before() {
        let done = Done::default();
        done.more(1);
        let [mut first, mut second, mut third] = [1, 2, 4].map(|item| Box::pin(done.reached(item)));
        assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(())), "done before anybody asked");
        assert_eq!([poll(second.as_mut()), poll(third.as_mut())], [Poll::Pending; 2]);
        done.more(2);
        assert_eq!(
            [poll(second.as_mut()), poll(third.as_mut())],
            [Poll::Ready(Ok(())), Poll::Pending]
        );
        done.more(1);
        assert_eq!(poll(third.as_mut()), Poll::Ready(Ok(())));
        assert_eq!(done.items(), 4);
    }

    #[test]
    fn who_waits_for_a_writer_that_ends_is_told() {
        let done = Done::default();
        let mut waiting = pin!(done.reached(1));
        assert_eq!(poll(waiting.as_mut()), Poll::Pending);
        done.end();
        assert_eq!(poll(waiting.as_mut()), Poll::Ready(Err(Gone)));
        assert_eq!(poll(pin!(done.reached(1))), Poll::Ready(Err(Gone)));
    }
}
