//! Who may stay when all places are taken.
//!
//! A connection that has shown an authentic event is known; all others are strangers. The stranger who has been here
//! longest makes room first, however busy: a caller who sends forgeries all day stays a stranger. Then a known
//! connection that has shown nothing authentic for a while. Never one whose authentic event is being worked on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use super::word::{Ear, Word};

/// Those who were cut off and still hold a socket and memory: as many as a burst brings before their tasks have run.
const LEAVING: usize = 64;

/// All places.
#[derive(Debug)]
pub(crate) struct Guests {
    most: usize,
    rows: Mutex<Rows>,
}

/// Both in the order in which they make room. They also hold places that were given up since.
#[derive(Debug, Default)]
struct Rows {
    open: usize,
    /// Also those who were cut off and have not left yet.
    present: usize,
    strangers: VecDeque<Weak<Place>>,
    known: VecDeque<Weak<Place>>,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    guests: Arc<Guests>,
    place: Arc<Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// Authentic events that are being worked on.
    working: AtomicUsize,
    /// It has shown an authentic event since it was last looked at.
    shown: AtomicBool,
    ear: Ear,
}

/// An authentic event is being worked on.
#[derive(Debug)]
pub(crate) struct Working(Arc<Place>);

impl Guests {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, rows: Mutex::default() })
    }

    /// A place, if need be that of somebody else; none if all others are at work.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Guest> {
        let place = Arc::new(Place::default());
        let mut rows = self.locked();
        if rows.open >= self.most && !rows.make_room() {
            return None;
        }
        rows.open += 1;
        rows.present += 1;
        rows.sweep(self.most);
        rows.strangers.push_back(Arc::downgrade(&place));
        drop(rows);
        Some(Guest { guests: Arc::clone(self), place })
    }

    /// Waits until those who were cut off have left, but for a few: what must be bounded is what they hold.
    pub(crate) async fn settled(&self) {
        while self.locked().present > self.most.saturating_add(LEAVING) {
            tokio::task::yield_now().await;
        }
    }

    /// Cuts somebody off, if there is anybody who may be.
    pub(crate) fn make_room(&self) -> bool {
        self.locked().make_room()
    }

    /// Tells everybody who is here.
    pub(super) fn tell(&self, word: Word) {
        let rows = self.locked();
        let all = rows.strangers.iter().chain(&rows.known).filter_map(Weak::upgrade);
        all.for_each(|place| place.ear.tell(word));
    }

    /// A panic elsewhere leaves the rows usable: at worst a place is counted that is gone.
    fn locked(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn make_room(&mut self) -> bool {
        let Some(place) = self.stranger().or_else(|| self.idle()) else {
            return false;
        };
        place.ear.tell(Word::Cut);
        self.open = self.open.saturating_sub(1);
        true
    }

    /// The oldest stranger. Whoever turns out to be known by now moves on to the other row.
    fn stranger(&mut self) -> Option<Arc<Place>> {
        while let Some(weak) = self.strangers.pop_front() {
            match weak.upgrade() {
                Some(place) if place.is_over() => {}
                Some(place) if place.shown.load(Ordering::Relaxed) => self.known.push_back(weak),
                Some(place) => return Some(place),
                None => {}
            }
        }
        None
    }

    /// A known one that is not at work and has shown nothing since it was looked at last: everybody has two chances.
    fn idle(&mut self) -> Option<Arc<Place>> {
        for _ in 0..self.known.len().saturating_mul(2) {
            let weak = self.known.pop_front()?;
            let Some(place) = weak.upgrade().filter(|place| !place.is_over()) else {
                continue;
            };
            let recent = place.shown.swap(false, Ordering::Relaxed);
            if !recent && place.working.load(Ordering::Relaxed) == 0 {
                return Some(place);
            }
            self.known.push_back(weak);
        }
        None
    }

    /// Forgets places that were given up, when there may be more of them than of others.
    fn sweep(&mut self, most: usize) {
        for row in [&mut self.strangers, &mut self.known] {
            if row.len() >= most.saturating_mul(2) {
                row.retain(|weak| weak.strong_count() > 0);
            }
        }
    }
}

impl Place {
    /// It was given up or taken away: a guest who leaves is in the rows for a moment longer, and must not count twice.
    fn is_over(&self) -> bool {
        self.ear.heard(Word::Cut)
    }
}

impl Guest {
    /// Ends when the place is needed for somebody else.
    pub(crate) async fn cut(&self) {
        std::future::poll_fn(|cx| self.poll_told(Word::Cut, cx)).await;
    }

    /// Ready when this was said to the guest. One task may ask.
    pub(super) fn poll_told(&self, word: Word, cx: &Context<'_>) -> Poll<()> {
        self.place.ear.poll_heard(word, cx)
    }

    /// Whether this was said to the guest. Who only asks whether is woken by [`Self::cut`].
    pub(super) fn told(&self, word: Word) -> bool {
        self.place.ear.heard(word)
    }

    /// An event of this connection is authentic, and is worked on from here on.
    pub(crate) fn working(&self) -> Working {
        self.place.shown.store(true, Ordering::Relaxed);
        self.place.working.fetch_add(1, Ordering::Relaxed);
        Working(Arc::clone(&self.place))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut rows = self.guests.locked();
        rows.present = rows.present.saturating_sub(1);
        if !self.place.is_over() {
            rows.open = rows.open.saturating_sub(1);
            self.place.ear.tell(Word::Cut);
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_cut(guest: &Guest) -> bool {
        guest.place.ear.heard(Word::Cut)
    }

    #[test]
    fn the_oldest_stranger_makes_room_then_the_known_never_the_working() {
        let guests = Guests::new(3);
        let [busy, known, stranger] = [(); 3].map(|()| guests.enter().unwrap());
        let work = busy.working();
        drop(known.working());
        let first = guests.enter().unwrap();
        assert!(is_cut(&stranger) && !is_cut(&known), "strangers go first");
        drop(first.working());
        let second = guests.enter().unwrap();
        assert!(is_cut(&known) && !is_cut(&busy), "then the known, longest first");
        let _more = [first.working(), second.working()];
        assert!(guests.enter().is_none(), "everybody is at work");
        drop(work);
        assert!(guests.enter().is_some() && is_cut(&busy));
    }

    #[test]
    fn places_are_given_back_once() {
        let guests = Guests::new(2);
        for _ in 0..100 {
            let _both = [guests.enter().unwrap(), guests.enter().unwrap()];
            let newcomer = guests.enter().unwrap();
            assert!(!is_cut(&newcomer));
        }
        let rows = guests.locked();
        assert_eq!((rows.open, rows.present), (0, 0));
        assert!(rows.strangers.len() <= 4, "{}", rows.strangers.len());
    }

    /// Between the two steps of a drop, somebody on another thread may find it in the rows.
    #[test]
    fn a_place_that_is_being_given_up_makes_room_for_nobody_else() {
        let guests = Guests::new(1);
        for known in [false, true] {
            let leaving = guests.enter().unwrap();
            let found = Arc::clone(&leaving.place);
            found.shown.store(known, Ordering::Relaxed);
            drop(leaving);
            let stays = guests.enter().unwrap();
            let newcomer = guests.enter().unwrap();
            assert!(is_cut(&stays) && !is_cut(&newcomer), "there is one place");
            assert_eq!(guests.locked().open, 1);
        }
    }
}
