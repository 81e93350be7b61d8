//! The lot of large bodies, or of slow ones: a newcomer takes the place of the one that has been read longest.
//!
//! A lot that says no when it is full belongs to whoever fills it first, and that costs one slow caller per place. So
//! the oldest is cut off instead: what Webex sends is there at once, what is sent slowly on purpose is old.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

use super::guests::{Guest, Guests};
use super::word::Word;

/// All places.
#[derive(Debug)]
pub(super) struct Lot {
    guests: Arc<Guests>,
    memory: Arc<Semaphore>,
}

/// The place of one body, or one's turn for it.
#[derive(Debug)]
pub(super) struct Place {
    turn: PollSemaphore,
    memory: Option<OwnedSemaphorePermit>,
    guest: Guest,
}

/// The place is needed for somebody else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evicted;

impl Lot {
    pub(super) fn new(places: usize) -> Self {
        Self { guests: Guests::new(places), memory: Arc::new(Semaphore::new(places)) }
    }

    /// A place, if need be that of the oldest.
    pub(super) fn enter(&self) -> Option<Place> {
        let guest = self.guests.enter()?;
        Some(Place { turn: PollSemaphore::new(Arc::clone(&self.memory)), memory: None, guest })
    }
}

impl Place {
    /// Ready when there is memory for this body: whoever was cut off for it may still hold theirs for a moment.
    pub(super) fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Evicted>> {
        if self.guest.poll_told(Word::Cut, cx).is_ready() {
            return Poll::Ready(Err(Evicted));
        }
        if self.memory.is_none() {
            self.memory = ready!(self.turn.poll_acquire(cx));
        }
        Poll::Ready(self.memory.as_ref().map(|_held| ()).ok_or(Evicted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(place: &mut Place) -> Poll<bool> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        place.poll_hold(&mut cx).map(|held| held.is_ok())
    }

    #[test]
    fn the_oldest_is_cut_and_its_memory_is_used_only_once_it_is_free() {
        let lot = Lot::new(2);
        let [mut oldest, mut older] = [(); 2].map(|()| lot.enter().unwrap());
        assert_eq!([hold(&mut oldest), hold(&mut older)], [Poll::Ready(true); 2]);
        let mut newcomer = lot.enter().unwrap();
        assert_eq!(hold(&mut oldest), Poll::Ready(false));
        assert_eq!(hold(&mut older), Poll::Ready(true));
        assert_eq!(hold(&mut newcomer), Poll::Pending, "the oldest still holds its memory");
        drop(oldest);
        assert_eq!(hold(&mut newcomer), Poll::Ready(true));
    }

    #[test]
    fn who_waits_for_memory_can_be_cut_as_well() {
        let lot = Lot::new(1);
        let mut reading = lot.enter().unwrap();
        assert_eq!(hold(&mut reading), Poll::Ready(true));
        let [mut waiting, mut newest] = [(); 2].map(|()| lot.enter().unwrap());
        assert_eq!([hold(&mut waiting), hold(&mut newest)], [Poll::Ready(false), Poll::Pending]);
        drop(reading);
        assert_eq!(hold(&mut newest), Poll::Ready(true));
    }
}
