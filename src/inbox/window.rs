//! Which events were seen a moment ago.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use moka::Expiry;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::gate::event::Facts;
use crate::report::Eviction;

/// Events remembered for each one that can be kept: at 10,000 kept ones, a window of ten minutes holds 160 events a
/// second before the oldest are forgotten early, at about 60 bytes each.
const SEEN_FOR_EACH_KEPT: u64 = 10;

/// Which event it is: a digest of route, resource, event, `data.id` and body. Webex gives deliveries no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of an authentic event.
    pub fn of(route: &str, facts: &Facts, body: &[u8]) -> Self {
        let words = [route, facts.resource.label(), facts.verb.label(), &facts.subject];
        let mut digest = Sha256::new();
        for word in words {
            digest.update(word.len().to_be_bytes());
            digest.update(word);
        }
        digest.update(body);
        let mut half = [0; 16];
        half.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
        Self(half)
    }
}

/// Whoever wants to know is told of fingerprints that go by themselves.
pub(super) type Forgot = Arc<dyn Fn(Eviction) + Send + Sync>;

/// Fingerprints of events that were kept, each for its own time.
pub(super) struct Window {
    seen: Cache<Fingerprint, Duration>,
    /// Kept events that it has places for.
    max_events: usize,
    forgot: Forgot,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Window").field(&self.seen).finish()
    }
}

struct OwnTime;

impl Expiry<Fingerprint, Duration> for OwnTime {
    #[expect(clippy::disallowed_types, reason = "moka's interface; the value is not used")]
    fn expire_after_create(
        &self,
        _: &Fingerprint,
        window: &Duration,
        _: std::time::Instant,
    ) -> Option<Duration> {
        Some(*window)
    }

    #[expect(clippy::disallowed_types, reason = "moka's interface; the value is not used")]
    fn expire_after_update(
        &self,
        _: &Fingerprint,
        window: &Duration,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(*window)
    }
}

impl Window {
    pub(super) fn new(max_events: usize, forgot: Forgot) -> Self {
        let capacity =
            u64::try_from(max_events).unwrap_or(u64::MAX).saturating_mul(SEEN_FOR_EACH_KEPT);
        // By default the newest would be turned away when it is full, and its repetition delivered again.
        let cache = Cache::builder().eviction_policy(EvictionPolicy::lru());
        let told = Arc::clone(&forgot);
        let cache = cache.eviction_listener(move |_, _, cause| match cause {
            RemovalCause::Expired => told(Eviction::Expired),
            RemovalCause::Size => told(Eviction::Size),
            RemovalCause::Explicit | RemovalCause::Replaced => {}
        });
        let seen = cache.max_capacity(capacity).expire_after(OwnTime).build();
        Self { seen, max_events, forgot }
    }

    /// The same with more places, if it has too few: it never shrinks, or what it knows would be forgotten early. Each
    /// event is remembered for its whole time once more: a little longer, never shorter.
    pub(super) fn grown(&self, max_events: usize) -> Option<Self> {
        let larger = (max_events > self.max_events)
            .then(|| Self::new(max_events, Arc::clone(&self.forgot)))?;
        for (event, window) in &self.seen {
            larger.seen.insert(*event, window);
        }
        Some(larger)
    }

    /// Whether it was not in the window yet; it is from now on.
    pub(super) fn enter(&self, event: Fingerprint, window: Duration) -> bool {
        self.seen.entry(event).or_insert(window).is_fresh()
    }

    /// How many events are remembered.
    pub(super) fn len(&self) -> u64 {
        // Without them, what is counted is as old as the last change.
        self.seen.run_pending_tasks();
        self.seen.entry_count()
    }

    /// It is over: for so long the same event is still a duplicate.
    pub(super) fn keep_for(&self, event: Fingerprint, rest: Duration) {
        if rest.is_zero() {
            self.seen.invalidate(&event);
        } else {
            self.seen.insert(event, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_larger_window_remembers_what_the_smaller_one_knew() {
        let window = Window::new(10, Arc::new(|_| ()));
        let event = |n: u8| Fingerprint([n; 16]);
        for n in 0..50 {
            assert!(window.enter(event(n), Duration::from_mins(1)));
        }
        let larger = window.grown(100).unwrap();
        assert!((0..50).all(|n| !larger.enter(event(n), Duration::from_mins(1))));
        assert!(larger.enter(event(50), Duration::from_mins(1)));
        assert!(larger.grown(99).is_none(), "it knows more than a smaller one can");
    }

    #[test]
    fn a_full_window_forgets_the_oldest_and_never_the_newest_and_tells_of_it() {
        let told = Arc::<Mutex<Vec<Eviction>>>::default();
        let telling = Arc::clone(&told);
        let window = Window::new(1, Arc::new(move |cause| telling.lock().unwrap().push(cause)));
        let event = |n: u8| Fingerprint([n; 16]);
        for n in 0..200 {
            assert!(window.enter(event(n), Duration::from_mins(1)), "{n} is new");
            window.seen.run_pending_tasks();
            assert!(!window.enter(event(n), Duration::from_mins(1)), "{n} was just seen");
        }
        assert_eq!(window.len(), SEEN_FOR_EACH_KEPT);
        assert_eq!(*told.lock().unwrap(), [Eviction::Size; 190]);
        window.keep_for(event(199), Duration::ZERO);
        assert_eq!(window.len(), SEEN_FOR_EACH_KEPT - 1);
        assert_eq!(told.lock().unwrap().len(), 190, "taken out on purpose");
    }
}
