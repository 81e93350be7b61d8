//! The state, its lock, and the way from a change to the deliveries it causes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::deliver::{LONGEST_QUEUE, Parcel};
use super::state::State;

/// What the server, the deliveries and the control have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    parcels: mpsc::Sender<Parcel>,
    /// How many parcels are queued or on their way.
    pending: watch::Sender<usize>,
    /// Counts how often faults were cleared.
    amnesties: watch::Sender<u64>,
    /// `http://127.0.0.1:PORT`.
    pub(crate) origin: String,
    pub(crate) requests_per_minute: Option<u32>,
    pub(crate) delivery_timeout: Duration,
}

impl Shared {
    pub(crate) fn new(
        state: State,
        parcels: mpsc::Sender<Parcel>,
        origin: String,
        options: &super::Options,
    ) -> Self {
        Self {
            state: Mutex::new(state),
            parcels,
            pending: watch::Sender::new(0),
            amnesties: watch::Sender::new(0),
            origin,
            requests_per_minute: options.requests_per_minute,
            delivery_timeout: options.delivery_timeout,
        }
    }

    /// Reads or changes the state; what the change put into the outbox goes out in the order of the changes.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // A panic in a test must not hide the state from the other tests' assertions.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        state.outbox.drain(..).for_each(|parcel| self.queue(parcel));
        result
    }

    /// Ends all faults; deliveries and answers that were held back are sent.
    pub(crate) fn pardon(&self) {
        self.change(|state| {
            state.faults.clear();
            let held = std::mem::take(&mut state.held);
            state.outbox.extend(held.into_values());
        });
        self.amnesties.send_modify(|count| *count += 1);
    }

    /// Sees when faults are cleared from now on.
    pub(crate) fn amnesties(&self) -> watch::Receiver<u64> {
        self.amnesties.subscribe()
    }

    fn queue(&self, parcel: Parcel) {
        if *self.pending.borrow() >= LONGEST_QUEUE {
            tracing::warn!("too many deliveries wait; one is lost");
            return;
        }
        self.pending.send_modify(|count| *count += 1);
        // The channel is as long as the limit above, so it fails only after the simulator has stopped.
        if self.parcels.try_send(parcel).is_err() {
            self.parcel_done();
        }
    }

    pub(crate) fn parcel_done(&self) {
        self.pending.send_modify(|count| *count = count.saturating_sub(1));
    }

    /// Whether a parcel that waited is still wanted: its webhook may be gone or switched off by now.
    pub(crate) fn wants(&self, webhook: Option<Uuid>) -> bool {
        let active = |uuid| {
            self.change(|state| state.webhook_mut(uuid).is_some_and(|w| w.health.is_active()))
        };
        webhook.is_none_or(active)
    }

    /// Waits until no delivery is queued or on its way; false if that takes too long.
    pub(crate) async fn idle(&self, patience: Duration) -> bool {
        let mut pending = self.pending.subscribe();
        let idle = pending.wait_for(|count| *count == 0);
        tokio::time::timeout(patience, idle).await.is_ok_and(|seen| seen.is_ok())
    }
}
