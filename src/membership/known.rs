//! What is remembered, and for how long it serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::config;
use crate::gate::id::{Key, Room};
use crate::gate::moment::Moment;
use crate::gate::policy::Audience;
use crate::gate::roster::{Extent, Freshness, Roster};
use crate::report::{CacheName, Eviction, Happening, Reporter};
use crate::webex::Claim;

/// So many members count as one of `max_entries`. A member takes 35 bytes, twice that while the list has room to grow;
/// a list and its place in the cache about 500. So an entry is at most 7.5 kB, and the 10,000 of the default at most
/// 75 MB, however large the rooms are: one of 5,000 people counts as 51.
const MEMBERS_PER_ENTRY: usize = 100;

/// How long a room that was clean counts as a regular one. Long enough for a night; who comes back later waits with the
/// strangers once.
const REGULAR_FOR: Duration = Duration::from_hours(24);

/// A list, and what became of it.
#[derive(Debug)]
pub(super) struct Entry {
    roster: Arc<Roster>,
    clean: bool,
    /// An event has said since that it is no longer true.
    void: AtomicBool,
}

impl Entry {
    pub(super) fn new(roster: Roster, audience: &Audience) -> Self {
        let clean = roster.extent() == Extent::Whole
            && !roster.members().is_empty()
            && audience.outsiders(&roster).next().is_none();
        Self { roster: Arc::new(roster), clean, void: AtomicBool::new(false) }
    }

    pub(super) fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.roster)
    }

    fn weight(&self) -> usize {
        1 + self.roster.members().len() / MEMBERS_PER_ENTRY
    }
}

/// The lists of one bot. The cache only bounds them; whether one serves is asked of the core.
#[derive(Debug)]
pub(super) struct Known {
    rooms: Cache<Key<Room>, Arc<Entry>>,
    /// Rooms whose last list was clean, apart from the lists: an event that makes a list worthless, or its age, does
    /// not make the room a stranger's. An outsider would have to be in the room for that. No more than `max_entries`;
    /// each takes about 200 bytes.
    regulars: Cache<Key<Room>, ()>,
    allow_ttl: Duration,
    deny_ttl: Duration,
    stale_deny: Duration,
    reporter: Arc<Reporter>,
}

impl Known {
    /// Least recently used goes first: the newest list must never be the one that is turned away.
    pub(super) fn new(config: &config::Cache, reporter: Arc<Reporter>) -> Self {
        let config::Cache { allow_ttl, deny_ttl, stale_deny, max_entries } = *config;
        // One room may fill the cache, but it must fit.
        let largest = u32::try_from(max_entries).unwrap_or(u32::MAX);
        let weight = move |entry: &Arc<Entry>| u32::try_from(entry.weight()).unwrap_or(u32::MAX);
        let rooms = Cache::builder()
            .max_capacity(max_entries)
            .eviction_policy(EvictionPolicy::lru())
            .weigher(move |_, entry| weight(entry).min(largest))
            .time_to_live(allow_ttl.max(deny_ttl).max(stale_deny).max(Duration::from_secs(1)))
            .eviction_listener(teller(&reporter, CacheName::Members))
            .build();
        let regulars = Cache::builder()
            .max_capacity(max_entries)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(REGULAR_FOR)
            .eviction_listener(teller(&reporter, CacheName::RegularRooms))
            .build();
        Self { rooms, regulars, allow_ttl, deny_ttl, stale_deny, reporter }
    }

    /// What may answer somebody who asked then.
    pub(super) fn serving(&self, room: Key<Room>, asked: Moment) -> Option<Arc<Entry>> {
        self.rooms.get(&room).filter(|entry| self.serves(entry, asked))
    }

    /// Whether this list may answer somebody who asked then.
    pub(super) fn serves(&self, entry: &Entry, asked: Moment) -> bool {
        let ttl = if entry.clean { self.allow_ttl } else { self.deny_ttl };
        within(entry, asked, ttl)
    }

    /// A "no" that is too old to be left alone, but not too old while Webex cannot be asked.
    pub(super) fn last_resort(&self, room: Key<Room>, asked: Moment) -> Option<Arc<Entry>> {
        let ttl = self.stale_deny.max(self.deny_ttl);
        self.rooms.get(&room).filter(|entry| !entry.clean && within(entry, asked, ttl))
    }

    /// How its next reading stands in the line for a call.
    pub(super) fn claim(&self, room: Key<Room>) -> Claim {
        match self.regulars.get(&room) {
            Some(()) => Claim::Regular,
            None => Claim::Stranger,
        }
    }

    /// How many lists are remembered, and of how many rooms that they were clean.
    pub(super) fn sizes(&self) -> [(CacheName, u64); 2] {
        // Without them, what is counted is as old as the last change. They are few: changes leave no more than that.
        self.rooms.run_pending_tasks();
        self.regulars.run_pending_tasks();
        let (rooms, regulars) = (self.rooms.entry_count(), self.regulars.entry_count());
        [(CacheName::Members, rooms), (CacheName::RegularRooms, regulars)]
    }

    /// An event says that what is known is no longer true. Only who holds the lock of the readings may.
    pub(super) fn spoil(&self, room: Key<Room>, instead: Option<Arc<Entry>>) {
        if self.replace(room, instead) == Before::Known {
            let (cache, cause) = (CacheName::Members, Eviction::Event);
            self.reporter.emit(&Happening::Evicted { cache, cause });
        }
    }

    /// Replaces what is known. Only who holds the lock of the readings may.
    pub(super) fn replace(&self, room: Key<Room>, entry: Option<Arc<Entry>>) -> Before {
        let old = self.rooms.remove(&room);
        if let Some(old) = &old {
            old.void.store(true, Ordering::Release);
        }
        if let Some(entry) = entry {
            // Alone with the bot anybody is clean: an outsider could have made the room, and come back.
            if entry.clean && entry.roster.members().len() > 1 {
                self.regulars.insert(room, ());
            } else {
                self.regulars.invalidate(&room);
            }
            self.rooms.insert(room, entry);
        }
        if old.is_some() { Before::Known } else { Before::Unknown }
    }
}

/// Whether there was anything to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Known,
    Unknown,
}

/// Tells what goes by itself. What is replaced or taken out on purpose does not.
fn teller<K, V>(
    reporter: &Arc<Reporter>,
    cache: CacheName,
) -> impl Fn(Arc<K>, V, RemovalCause) + Send + Sync + 'static {
    let reporter = Arc::clone(reporter);
    move |_, _, cause| {
        let cause = match cause {
            RemovalCause::Expired => Eviction::Expired,
            RemovalCause::Size => Eviction::Size,
            RemovalCause::Explicit | RemovalCause::Replaced => return,
        };
        reporter.emit(&Happening::Evicted { cache, cause });
    }
}

fn within(entry: &Entry, asked: Moment, ttl: Duration) -> bool {
    let is_void = entry.void.load(Ordering::Acquire);
    !is_void && entry.roster.freshness(asked, ttl) == Freshness::Fresh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::policy::tests::{EXAMPLE, org};
    use crate::gate::roster::{Builder, End, Member, Standing};
    use crate::report::Exposition;
    use crate::webex::stub::{audience, room};

    const NOW: Moment = Moment { wall: std::time::UNIX_EPOCH, tick: Duration::ZERO };

    fn person(n: u128) -> Member {
        let person = crate::gate::id::PersonId::parse(&crate::gate::event::tests::uuid(n));
        let standing = Standing::Of(org(EXAMPLE));
        Member { room: room().key(), person: person.unwrap().key(), standing }
    }

    /// The list of a room that the bot and others are in.
    fn entry(people: u128) -> Arc<Entry> {
        let audience = audience();
        let mut builder = Builder::new(room().key(), &audience, NOW);
        assert!(builder.page((1..=people).map(person)).is_continue());
        Arc::new(Entry::new(builder.finish(End::LastPage), &audience))
    }

    fn known(max_entries: u64, reporter: &Arc<Reporter>) -> Known {
        let (allow_ttl, deny_ttl, stale_deny) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let config = config::Cache { allow_ttl, deny_ttl, stale_deny, max_entries };
        Known::new(&config, Arc::clone(reporter))
    }

    #[test]
    fn the_arithmetic_of_memory_holds() {
        let member = size_of::<(Key<crate::gate::id::Person>, Standing)>();
        assert!(member <= 35, "{member}");
        let fixed = size_of::<Roster>() + size_of::<Entry>();
        assert!(fixed <= 200, "{fixed}, and as much again for the cache");
    }

    #[test]
    fn a_large_room_weighs_more_and_always_fits() {
        let entry = entry(1500);
        assert_eq!((entry.weight(), entry.clean), (16, true));
        let known = known(4, &Arc::default());
        known.replace(room().key(), Some(entry));
        known.rooms.run_pending_tasks();
        assert!(known.serving(room().key(), NOW).is_some());
    }

    #[test]
    fn alone_with_the_bot_a_room_is_no_regular() {
        let known = known(4, &Arc::default());
        for (people, claim) in [(1, Claim::Stranger), (2, Claim::Regular), (1, Claim::Stranger)] {
            let entry = entry(people);
            assert!(entry.clean);
            known.replace(room().key(), Some(entry));
            assert_eq!(known.claim(room().key()), claim, "{people}");
        }
    }

    /// How often this cause was told of this cache.
    fn told(reporter: &Reporter, cache: &str, cause: &str) -> String {
        let page = reporter.scrape(Exposition::OpenMetrics, NOW.wall);
        let [cache, cause] = [cache, cause].map(|label| format!("=\"{label}\""));
        let mut lines = page.lines().filter(|line| line.contains("cache_evictions_total{"));
        let line = lines.find(|line| line.contains(&cache) && line.contains(&cause));
        line.and_then(|line| line.rsplit(' ').next()).unwrap().to_owned()
    }

    #[test]
    fn what_goes_for_want_of_room_or_by_its_age_is_told() {
        let reporter = Arc::default();
        let known = known(2, &reporter);
        for n in 1..=5 {
            let id = crate::gate::event::tests::uuid(500 + n);
            let room = crate::gate::id::RoomId::parse(&id).unwrap();
            known.replace(room.key(), Some(entry(2)));
            known.sizes();
        }
        let of = |cause| {
            [CacheName::Members, CacheName::RegularRooms]
                .map(|cache| told(&reporter, cache.label(), cause))
        };
        assert_eq!(of("size"), ["3", "3"]);
        // The shortest age is a second; a test that never sees its end is ended by its runner.
        while of("expired") != ["2", "0"] {
            known.sizes();
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(known.sizes().map(|(_, entries)| entries), [0, 2]);
    }

    #[test]
    fn an_event_is_told_as_the_cause_only_where_something_was_known() {
        let reporter = Arc::default();
        let known = known(4, &reporter);
        let told = || told(&reporter, "members", "event");
        known.spoil(room().key(), None);
        assert_eq!(told(), "0");
        known.replace(room().key(), Some(entry(2)));
        known.spoil(room().key(), None);
        assert_eq!(told(), "1");
        known.spoil(room().key(), Some(entry(2)));
        assert_eq!(told(), "1", "nothing was known");
        known.spoil(room().key(), Some(entry(2)));
        assert_eq!(told(), "2");
    }
}
