//! Readings, joins, leaves, outages and time in any order, against a model that is too simple to be wrong: *once an
//! outsider's event was taken in, and until they leave, nobody is told anything that can be judged clear.*

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::fake::{EVE, Fake, Pace, cache, effect, membership, room};
use super::*;
use crate::gate::event::tests::{ANN, message, notice};
use crate::gate::id::{Key, Room};
use crate::gate::policy::tests::{EXAMPLE, OTHER};
use crate::gate::policy::{Demand, Demands, Evidence, Policy, Rules, Verdict, judge};
use crate::gate::roster::{Extent, Freshness};
use crate::webex::stub::{audience, policy};

const ROOMS: u128 = 2;

/// One thing that happens. Events arrive `lag` milliseconds after what they tell.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask { room: u128 },
    AnnJoins { room: u128, lag: u64 },
    EveJoins { room: u128, lag: u64, at: Option<u128> },
    EveLeaves { room: u128, lag: u64 },
    Breaks,
    Mends,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lag = || prop_oneof![Just(0_u64), 0..60_u64];
    let step = prop_oneof![
        8 => (0..ROOMS).prop_map(|room| Step::Ask { room }),
        1 => (0..ROOMS, lag()).prop_map(|(room, lag)| Step::AnnJoins { room, lag }),
        3 => (0..ROOMS, lag(), prop_oneof![Just(None), Just(Some(OTHER))]).prop_map(|(room, lag, at)| Step::EveJoins { room, lag, at }),
        2 => (0..ROOMS, lag()).prop_map(|(room, lag)| Step::EveLeaves { room, lag }),
        1 => prop_oneof![Just(Step::Breaks), Just(Step::Mends)],
        6 => (0..40_u64).prop_map(Step::Wait),
        1 => (40..400_u64).prop_map(Step::Wait),
    ];
    vec(step, 5..60)
}

fn paces() -> impl Strategy<Value = Vec<Pace>> {
    vec((0..30_u64, 0..30_u64).prop_map(|(look, tell)| Pace { look, tell }), 1..6)
}

fn caches() -> impl Strategy<Value = Cache> {
    let ttl = || prop_oneof![Just(0_u64), 1..50_u64, Just(300)];
    (ttl(), ttl(), ttl()).prop_map(|(allow, deny, stale)| cache(allow, deny, stale))
}

/// What everybody may know: the rooms that an event told to be dirty and that nobody has left since, and how often
/// anything happened to a room.
#[derive(Default)]
struct Reference {
    told_dirty: HashSet<Key<Room>>,
    stays: [u64; 2],
    events: usize,
    was_out: bool,
}

struct World {
    fake: Arc<Fake>,
    membership: Arc<Membership<Fake>>,
    cache: Cache,
    policy: Policy,
    audience: Audience,
    reference: Mutex<Reference>,
    tasks: Mutex<JoinSet<()>>,
}

impl World {
    fn new(cache: Cache, paces: Vec<Pace>) -> Arc<Self> {
        let fake = Fake::new(paces);
        let demands = Demands { others: Some(Demand::Room), ..Demands::default() };
        Arc::new(Self {
            membership: membership(&fake, &cache),
            fake,
            cache,
            policy: Policy { demands, ..policy() },
            audience: audience(),
            reference: Mutex::default(),
            tasks: Mutex::default(),
        })
    }

    async fn run(self: &Arc<Self>, steps: &[Step]) {
        for &step in steps {
            let world = Arc::clone(self);
            match step {
                Step::Ask { room } => self.beside(async move { world.ask(room).await }),
                Step::AnnJoins { room, lag } => world.event(room, ANN, Some(EXAMPLE), lag),
                Step::EveJoins { room, lag, at } => world.eve_joins(room, lag, at),
                Step::EveLeaves { room, lag } => world.eve_leaves(room, lag),
                Step::Breaks => self.breaks(),
                Step::Mends => self.mends(),
                Step::Wait(millis) => sleep(Duration::from_millis(millis)).await,
            }
        }
        timeout(Duration::from_hours(1), self.all_end()).await.expect("nobody is stranded");
    }

    fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap().spawn(task);
    }

    /// A failed assertion in any of them fails the test.
    async fn all_end(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    }

    fn breaks(&self) {
        self.fake.truth.lock().unwrap().out = true;
        self.reference.lock().unwrap().was_out = true;
    }

    fn mends(&self) {
        self.fake.truth.lock().unwrap().out = false;
    }

    fn eve_joins(self: Arc<Self>, n: u128, lag: u64, at: Option<u128>) {
        self.fake.truth.lock().unwrap().dirty.insert(room(n).key());
        self.event(n, EVE, at, lag);
    }

    /// Somebody's event arrives later. If it tells of Eve and she is still there, the room is now told to be dirty.
    fn event(self: Arc<Self>, n: u128, who: u128, at: Option<u128>, lag: u64) {
        let stay = self.stay(n);
        Arc::clone(&self).beside(async move {
            sleep(Duration::from_millis(lag)).await;
            self.apply(effect("created", &room(n), who, at, self.fake.now()));
            if who == EVE && self.stay(n) == stay {
                self.reference.lock().unwrap().told_dirty.insert(room(n).key());
            }
        });
    }

    fn eve_leaves(self: Arc<Self>, n: u128, lag: u64) {
        self.fake.truth.lock().unwrap().dirty.remove(&room(n).key());
        self.reference.lock().unwrap().told_dirty.remove(&room(n).key());
        self.reference.lock().unwrap().stays[usize::try_from(n).unwrap()] += 1;
        Arc::clone(&self).beside(async move {
            sleep(Duration::from_millis(lag)).await;
            self.apply(effect("deleted", &room(n), EVE, Some(OTHER), self.fake.now()));
        });
    }

    fn apply(&self, effect: Effect) {
        self.reference.lock().unwrap().events += 1;
        self.membership.apply(effect);
    }

    fn stay(&self, n: u128) -> u64 {
        self.reference.lock().unwrap().stays[usize::try_from(n).unwrap()]
    }

    async fn ask(&self, n: u128) {
        let asked = self.fake.now();
        let answer = self.membership.roster(&room(n), asked).await;
        let reference = self.reference.lock().unwrap();
        let Ok(roster) = answer else {
            assert!(
                reference.was_out || reference.events >= READINGS - 1,
                "an outage from nothing"
            );
            return;
        };
        if reference.told_dirty.contains(&room(n).key()) {
            assert!(!self.is_clear(n, &roster, asked), "told clean after the event: {roster:?}");
        }
        let clean = roster.extent() == Extent::Whole;
        let longest = if clean {
            self.cache.allow_ttl
        } else {
            self.cache.deny_ttl.max(self.cache.stale_deny)
        };
        assert_eq!(roster.freshness(asked, longest), Freshness::Fresh, "too old: {roster:?}");
    }

    /// The core's own judgement.
    fn is_clear(&self, n: u128, roster: &Roster, asked: Moment) -> bool {
        let rules = Rules {
            policy: &self.policy,
            audience: &self.audience,
            allow_ttl: self.cache.allow_ttl,
        };
        let mut envelope = message();
        envelope["data"]["roomId"] = room(n).as_str().into();
        let verdict = judge(notice(&envelope).unwrap(), Evidence::Roster(roster), rules, asked);
        matches!(verdict, Verdict::Clear(_))
    }

    /// When all events have arrived and Webex works, everybody is told the truth.
    async fn settle(&self) {
        self.mends();
        assert!(!self.fake.truth.lock().unwrap().overlapped, "a room is read once at a time");
        sleep(Duration::from_secs(1)).await;
        for n in 0..ROOMS {
            let asked = self.fake.now();
            let roster = self.membership.roster(&room(n), asked).await.unwrap();
            let dirty = self.fake.truth.lock().unwrap().dirty.contains(&room(n).key());
            assert_eq!(self.is_clear(n, &roster, asked), !dirty);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_told_clean_once_an_outsider_was_seen(cache in caches(), paces in paces(), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let world = World::new(cache, paces);
            world.run(&steps).await;
            world.settle().await;
        });
    }
}
