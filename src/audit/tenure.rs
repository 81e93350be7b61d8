//! Whether what an auditor judges by is still in force. Rules:
//!
//! 1. Once a tenure has ended, nobody begins to leave a room by it: that is looked at in the same step that makes others
//!    wait, so there is no moment in between.
//! 2. Who ends it waits until a departure that had begun is over and recorded: it is one call, and takes seconds.
//! 3. What takes long before that, lists and waits, is given up at once.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

/// The time in which one configuration is in force for a bot. The default never ends.
#[derive(Clone, Debug, Default)]
pub struct Tenure {
    over: CancellationToken,
    departing: Arc<Mutex<()>>,
}

/// A room is being left. Who ends the tenure waits for it.
#[derive(Debug)]
pub(super) struct Departing(
    #[expect(dead_code, reason = "held, never looked at")] OwnedMutexGuard<()>,
);

/// Whether a tenure has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It goes on.
    InForce,
    /// It has.
    Over,
}

impl Tenure {
    /// From now on nobody begins to leave a room by it.
    pub fn end(&self) {
        self.over.cancel();
    }

    /// Waits until nobody is leaving a room. With [`Self::end`] before it, nobody will.
    pub async fn settled(&self) {
        drop(self.departing.lock().await);
    }

    /// How it is now.
    pub fn state(&self) -> State {
        if self.over.is_cancelled() { State::Over } else { State::InForce }
    }

    /// Does something for as long as it lasts; `None` when it ended before that was done.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.over.run_until_cancelled(work).await
    }

    /// `None` once it has ended.
    pub(super) async fn depart(&self) -> Option<Departing> {
        let alone = Arc::clone(&self.departing).lock_owned().await;
        (self.state() == State::InForce).then_some(Departing(alone))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_a_departure_and_lets_none_begin() {
        let tenure = Tenure::default();
        let departing = tenure.depart().await.unwrap();
        tenure.end();
        let soon = Duration::from_secs(1);
        assert!(timeout(soon, tenure.settled()).await.is_err(), "somebody is leaving a room");
        drop(departing);
        assert!(timeout(soon, tenure.settled()).await.is_ok());
        assert!(tenure.depart().await.is_none());
        assert_eq!(tenure.during(std::future::pending::<()>()).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_to_leave_a_room_when_it_ends_stays() {
        let tenure = Tenure::default();
        let first = tenure.depart().await.unwrap();
        let (second, ()) = tokio::join!(tenure.depart(), async {
            tenure.end();
            drop(first);
        });
        assert!(second.is_none());
    }
}
