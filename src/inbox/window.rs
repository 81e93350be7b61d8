//! Which events were seen a moment ago.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::gate::event::Facts;
use crate::report::{BodyDigest, Eviction};

/// Events remembered for each one that can be kept: at 10,000 kept ones, a window of ten minutes holds 160 events a
/// second before the oldest are forgotten early, at about 40 bytes each.
const SEEN_FOR_EACH_KEPT: usize = 10;

/// Expired ones that are forgotten with each event: more than come with it, so that they become fewer, and few enough
/// that no event waits for a crowd of them.
const FORGOTTEN_AT_ONCE: usize = 16;

/// Which event it is: of a digest of route, resource, event, `data.id` and the digest of the body. Webex gives deliveries
/// no id. The first 64 bits: among 100,000 that are remembered, one new event in 10^14 is taken for another one, and nobody
/// can make one on purpose, since Webex chooses ids and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 8]);

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(&self.0);
    }
}

impl Fingerprint {
    /// Of an authentic event.
    pub fn of(route: &str, facts: &Facts, body: BodyDigest) -> Self {
        let words = [route, facts.resource.label(), facts.verb.label(), &facts.subject];
        let mut digest = Sha256::new();
        for word in words {
            digest.update(word.len().to_be_bytes());
            digest.update(word);
        }
        digest.update(body.bytes());
        let mut first = [0; 8];
        first.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
        Self(first)
    }
}

/// Whoever wants to know is told of fingerprints that go by themselves.
pub(super) type Forgot = Arc<dyn Fn(Eviction) + Send + Sync>;

/// Fingerprints of events that were kept, each for its own time.
pub(super) struct Window {
    seen: Mutex<Seen>,
    forgot: Forgot,
}

/// Twice, by event and by the end of its time: some 40 bytes for each. A general cache takes ten times that and two
/// microseconds for an event; this is the one thing that is remembered of every event.
struct Seen {
    until: HashMap<Fingerprint, Tick, BuildHasherDefault<First>>,
    /// In the order in which they came to their ticks.
    order: BTreeMap<Tick, VecDeque<Fingerprint>>,
    places: usize,
}

/// The first bytes of a digest are as good as any hash of it.
#[derive(Default)]
struct First(u64);

impl Hasher for First {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A tenth of a second of the monotonic clock, rounded up: an event is remembered a little longer, never shorter. There
/// are enough for thirteen years.
type Tick = u32;

/// Tenths of a second, in milliseconds.
const TENTH: u128 = 100;

fn tick(at: Duration) -> Tick {
    Tick::try_from(at.as_millis().div_ceil(TENTH)).unwrap_or(Tick::MAX)
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").finish_non_exhaustive()
    }
}

impl Window {
    pub(super) fn new(max_events: usize, forgot: Forgot) -> Self {
        let places = max_events.saturating_mul(SEEN_FOR_EACH_KEPT);
        let seen = Seen { until: HashMap::default(), order: BTreeMap::new(), places };
        Self { seen: Mutex::new(seen), forgot }
    }

    /// Places for so many kept events. It never shrinks: what it knows would be forgotten early.
    pub(super) fn grow(&self, max_events: usize) {
        let mut seen = self.seen();
        seen.places = seen.places.max(max_events.saturating_mul(SEEN_FOR_EACH_KEPT));
    }

    /// Whether it was not in the window yet; it is from now on.
    pub(super) fn enter(&self, event: Fingerprint, window: Duration, now: Duration) -> bool {
        let mut seen = self.seen();
        let expired = seen.forget(now, FORGOTTEN_AT_ONCE);
        let is_new = seen.until.get(&event).is_none_or(|until| *until < tick(now));
        if is_new {
            seen.put(event, tick(now.saturating_add(window)));
        }
        let too_many = seen.shrink();
        drop(seen);
        self.tell(Eviction::Expired, expired);
        self.tell(Eviction::Size, too_many);
        is_new
    }

    /// How many events are remembered.
    pub(super) fn len(&self, now: Duration) -> usize {
        let mut seen = self.seen();
        let expired = seen.forget(now, usize::MAX);
        let len = seen.until.len();
        drop(seen);
        self.tell(Eviction::Expired, expired);
        len
    }

    /// For so long from now on the same event is still a duplicate.
    pub(super) fn keep_for(&self, event: Fingerprint, rest: Duration, now: Duration) {
        let mut seen = self.seen();
        if rest.is_zero() {
            seen.take(event);
        } else {
            seen.put(event, tick(now.saturating_add(rest)));
        }
        let too_many = seen.shrink();
        drop(seen);
        self.tell(Eviction::Size, too_many);
    }

    fn tell(&self, cause: Eviction, events: usize) {
        (0..events).for_each(|_| (self.forgot)(cause));
    }

    /// A panic elsewhere leaves it usable: at worst an event stands in one of the two and is forgotten early.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn put(&mut self, event: Fingerprint, until: Tick) {
        self.take(event);
        self.until.insert(event, until);
        self.order.entry(until).or_default().push_back(event);
    }

    fn take(&mut self, event: Fingerprint) {
        let Some(until) = self.until.remove(&event) else { return };
        let Some(same) = self.order.get_mut(&until) else { return };
        // What is taken out came a moment ago, mostly.
        if let Some(at) = same.iter().rposition(|other| *other == event) {
            same.remove(at);
        }
        if same.is_empty() {
            self.order.remove(&until);
        }
    }

    /// Those whose time is up, so many at most. How many there were.
    fn forget(&mut self, now: Duration, most: usize) -> usize {
        let mut gone = 0;
        while gone < most
            && self.order.first_key_value().is_some_and(|(until, _)| *until < tick(now))
        {
            self.drop_first();
            gone += 1;
        }
        gone
    }

    /// What has no place, those first that would go first: what still waits in the inbox has more time than what was
    /// delivered. How many there were.
    fn shrink(&mut self) -> usize {
        let too_many = self.until.len().saturating_sub(self.places);
        (0..too_many).for_each(|_| self.drop_first());
        too_many
    }

    fn drop_first(&mut self) {
        let Some(mut first) = self.order.first_entry() else { return };
        if let Some(event) = first.get_mut().pop_front() {
            self.until.remove(&event);
        }
        if first.get().is_empty() {
            first.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn event(n: u32) -> Fingerprint {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
        Fingerprint(bytes)
    }

    /// A window, and what it has told.
    fn window(max_events: usize) -> (Window, Arc<Mutex<Vec<Eviction>>>) {
        let told = Arc::<Mutex<Vec<Eviction>>>::default();
        let telling = Arc::clone(&told);
        (Window::new(max_events, Arc::new(move |cause| telling.lock().unwrap().push(cause))), told)
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_event_is_new_once_within_its_own_time() {
        let (window, told) = window(10);
        assert!(window.enter(event(1), MINUTE, at(0)) && window.enter(event(2), 2 * MINUTE, at(0)));
        assert!(!window.enter(event(1), MINUTE, at(60)), "to the last moment");
        assert_eq!(window.len(at(60)), 2);
        assert!(window.enter(event(1), MINUTE, at(61)) && !window.enter(event(2), MINUTE, at(61)));
        assert_eq!(*told.lock().unwrap(), [Eviction::Expired]);
        assert_eq!(window.len(at(1000)), 0);
    }

    #[test]
    fn what_is_over_stays_for_the_rest_of_its_time_or_not_at_all() {
        let (window, told) = window(10);
        assert!(
            window.enter(event(1), 10 * MINUTE, at(0)) && window.enter(event(2), MINUTE, at(0))
        );
        window.keep_for(event(1), MINUTE, at(0));
        window.keep_for(event(2), Duration::ZERO, at(0));
        assert!(!window.enter(event(1), MINUTE, at(59)) && window.enter(event(2), MINUTE, at(0)));
        assert!(window.enter(event(1), MINUTE, at(61)));
        assert_eq!(
            *told.lock().unwrap(),
            [Eviction::Expired; 2],
            "taken out on purpose is not told"
        );
    }

    #[test]
    fn a_larger_window_remembers_what_it_knew_and_it_never_shrinks() {
        let (window, told) = window(1);
        assert!((0..10).all(|n| window.enter(event(n), MINUTE, at(0))));
        window.grow(10);
        window.grow(9);
        assert!((10..100).all(|n| window.enter(event(n), MINUTE, at(0))));
        assert!((0..100).all(|n| !window.enter(event(n), MINUTE, at(0))));
        assert!(told.lock().unwrap().is_empty());
    }

    #[test]
    fn a_full_window_forgets_the_oldest_and_never_the_newest_and_tells_of_it() {
        let (window, told) = window(1);
        for n in 0..200 {
            assert!(window.enter(event(n), MINUTE, at(u64::from(n) / 10)), "{n} is new");
            assert!(!window.enter(event(n), MINUTE, at(u64::from(n) / 10)), "{n} was just seen");
        }
        assert_eq!(window.len(at(20)), SEEN_FOR_EACH_KEPT);
        assert_eq!(*told.lock().unwrap(), [Eviction::Size; 190]);
        assert!(!window.enter(event(199), MINUTE, at(20)));
    }

    #[test]
    fn what_is_still_in_the_inbox_outlasts_what_was_delivered() {
        let (window, _) = window(1);
        assert!(window.enter(event(0), 30 * MINUTE, at(0)), "it waits");
        for n in 1..100 {
            assert!(window.enter(event(n), 30 * MINUTE, at(1)));
            window.keep_for(event(n), 10 * MINUTE, at(1));
        }
        assert!(!window.enter(event(0), MINUTE, at(2)));
    }

    #[test]
    fn a_crowd_that_expires_at_once_is_forgotten_a_few_at_a_time() {
        let (window, told) = window(1000);
        assert!((0..5000).all(|n| window.enter(event(n), MINUTE, at(0))));
        assert!(window.enter(event(4999), MINUTE, at(100)), "not there any more, gone or not");
        assert_eq!(told.lock().unwrap().len(), FORGOTTEN_AT_ONCE);
        assert_eq!(window.len(at(100)), 1);
    }
}
