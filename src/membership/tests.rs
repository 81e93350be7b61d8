use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::fake::{EVE, Fake, Pace, cache, effect, membership, room};
use super::*;
use crate::gate::event::tests::ANN;
use crate::gate::policy::tests::{EXAMPLE, OTHER};
use crate::gate::roster::Extent;
use crate::gate::secret::Secret;
use crate::webex::stub::{self, Stub, page, staff};

const EVEN: Pace = Pace { look: 10, tell: 10 };
const MINUTE: u64 = 60_000;

fn is_clean(roster: &Roster) -> bool {
    roster.extent() == Extent::Whole
}

fn with_eve(fake: &Fake) {
    fake.truth.lock().unwrap().dirty.insert(room(1).key());
}

fn eve_joins(fake: &Fake) -> Effect {
    with_eve(fake);
    effect("created", &room(1), EVE, Some(OTHER), fake.now())
}

fn ann_joins(fake: &Fake) -> Effect {
    effect("created", &room(1), ANN, Some(EXAMPLE), fake.now())
}

async fn later(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

#[expect(clippy::disallowed_methods, reason = "a test needs threads of its own")]
fn beside(task: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
    tokio::spawn(task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn gw_a10_a_thousand_events_for_a_cold_room_are_one_walk() {
    let stub = Stub::start(|n, _| match n {
        0 => page(&staff(100), Some("?cursor=x")),
        _ => page(&[], None),
    })
    .await;
    let (token, config) = (Secret::new(b"token".into()), stub::config(&stub.api));
    let client = Client::new("helpdesk".into(), &token, &config, Arc::default()).unwrap();
    let membership = membership(&Arc::new(client), &cache(MINUTE, MINUTE, MINUTE));
    let asked = rt::now();
    let mut events = JoinSet::new();
    for _ in 0..1000 {
        let membership = Arc::clone(&membership);
        events.spawn(async move { membership.roster(&stub::room(), asked).await.unwrap() });
    }
    let answers = events.join_all().await;
    assert!(answers.iter().all(|roster| is_clean(roster) && roster.members().len() == 100));
    assert_eq!(stub.calls().len(), 2, "{:?}", stub.targets());
}

#[tokio::test(start_paused = true)]
async fn a_leader_who_goes_away_strands_nobody() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(MINUTE, MINUTE, MINUTE));
    let (room, asked) = (room(1), fake.now());
    let leader = timeout(Duration::from_millis(5), membership.roster(&room, asked));
    let other = membership.roster(&room, asked);
    let (gone, answer) = tokio::join!(leader, other);
    assert!(gone.is_err() && is_clean(&answer.unwrap()));
    assert_eq!(fake.reads(), 1);
}

/// Panics the first time.
struct Panics(AtomicBool, Arc<Fake>);

impl Directory for Panics {
    async fn read(
        &self,
        room: &RoomId,
        audience: &Audience,
        claim: Claim,
    ) -> Result<Roster, Outage> {
        later(1).await;
        assert!(self.0.swap(true, Ordering::Relaxed), "a bug");
        self.1.read(room, audience, claim).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_panics_strands_nobody() {
    let fake = Fake::new(vec![EVEN]);
    let panics = Arc::new(Panics(AtomicBool::new(false), Arc::clone(&fake)));
    let membership = membership(&panics, &cache(MINUTE, MINUTE, MINUTE));
    let room = room(1);
    let (a, b) =
        tokio::join!(membership.roster(&room, fake.now()), membership.roster(&room, fake.now()));
    assert!(is_clean(&a.unwrap()) && is_clean(&b.unwrap()));
    assert_eq!(fake.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn invariant_3_an_outage_is_told_and_forgotten() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(MINUTE, MINUTE, MINUTE));
    fake.truth.lock().unwrap().out = true;
    let outage = membership.roster(&room(1), fake.now()).await.unwrap_err();
    assert_eq!(outage.kind, Kind::WebexUnavailable);
    fake.truth.lock().unwrap().out = false;
    assert!(is_clean(&membership.roster(&room(1), fake.now()).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn invariant_6_an_old_no_serves_in_an_outage_and_an_old_yes_never() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(100, 100, 1000));
    with_eve(&fake);
    membership.roster(&room(1), fake.now()).await.unwrap();
    membership.roster(&room(2), fake.now()).await.unwrap();
    fake.truth.lock().unwrap().out = true;
    later(50).await;
    assert!(is_clean(&membership.roster(&room(2), fake.now()).await.unwrap()), "still young");
    later(200).await;
    assert!(!is_clean(&membership.roster(&room(1), fake.now()).await.unwrap()));
    assert!(membership.roster(&room(2), fake.now()).await.is_err());
    later(1000).await;
    assert!(membership.roster(&room(1), fake.now()).await.is_err(), "not for ever");
}

#[tokio::test(start_paused = true)]
async fn each_answer_says_where_it_came_from() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(MINUTE, 100, MINUTE));
    with_eve(&fake);
    let room = room(1);
    let source = async || membership.sourced(&room, fake.now()).await.ok().map(|(_, from)| from);
    let together = tokio::join!(source(), source());
    assert_eq!(together, (Some(RosterSource::Miss), Some(RosterSource::Coalesced)));
    assert_eq!(source().await, Some(RosterSource::Hit));
    fake.truth.lock().unwrap().out = true;
    later(200).await;
    assert_eq!(source().await, Some(RosterSource::StaleDeny));
}

#[tokio::test(start_paused = true)]
async fn a_no_is_left_alone_for_its_time_and_then_read_again() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(0, 500, 500));
    with_eve(&fake);
    for (wait, reads) in [(0, 1), (400, 1), (200, 2)] {
        later(wait).await;
        assert!(!is_clean(&membership.roster(&room(1), fake.now()).await.unwrap()));
        assert_eq!(fake.reads(), reads);
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_allow_ttl_every_list_was_read_after_it_was_asked_for() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(0, 0, 0));
    let ask = |wait| {
        let (membership, fake) = (&membership, &fake);
        async move {
            later(wait).await;
            let asked = fake.now();
            let roster = membership.roster(&room(1), asked).await.unwrap();
            assert!(roster.read().tick >= asked.tick);
        }
    };
    tokio::join!(ask(0), ask(0), ask(5), ask(6), ask(7), ask(30), ask(100));
    assert_eq!(fake.reads(), 4, "who comes too late for one reading shares the next");
}

#[tokio::test(start_paused = true)]
async fn invariant_5_a_list_whose_reading_spans_an_event_is_thrown_away() {
    let fake = Fake::new(vec![Pace { look: 1, tell: 50 }]);
    let membership = membership(&fake, &cache(MINUTE, MINUTE, MINUTE));
    let (room, asked) = (room(1), fake.now());
    let event = async {
        later(20).await;
        with_eve(&fake);
        membership.apply(effect("created", &room, EVE, None, fake.now()));
    };
    let (a, b, ()) =
        tokio::join!(membership.roster(&room, asked), membership.roster(&room, asked), event);
    assert!(!is_clean(&a.unwrap()) && !is_clean(&b.unwrap()));
    assert_eq!(fake.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outsider_who_joins_is_refused_without_a_call_and_not_overwritten() {
    let fake = Fake::new(vec![Pace { look: 1, tell: 50 }]);
    let membership = membership(&fake, &cache(MINUTE, MINUTE, MINUTE));
    let (room, asked) = (room(1), fake.now());
    let event = async {
        later(20).await;
        membership.apply(eve_joins(&fake));
        let began = Instant::now();
        assert!(!is_clean(&membership.roster(&room, fake.now()).await.unwrap()));
        assert_eq!(began.elapsed(), Duration::ZERO);
    };
    let (before, ()) = tokio::join!(membership.roster(&room, asked), event);
    assert!(!is_clean(&before.unwrap()));
    assert!(!is_clean(&membership.roster(&room, fake.now()).await.unwrap()));
    assert_eq!(fake.reads(), 1);
    fake.truth.lock().unwrap().dirty.clear();
    membership.apply(effect("deleted", &room, EVE, Some(OTHER), fake.now()));
    assert!(
        is_clean(&membership.roster(&room, fake.now()).await.unwrap()),
        "and when she leaves, it is read again"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_counted_and_shown_without_a_name_of_a_room() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(MINUTE, MINUTE, MINUTE));
    with_eve(&fake);
    for n in 1..4 {
        membership.roster(&room(n), fake.now()).await.unwrap();
    }
    let expected = [(CacheName::Members, 3), (CacheName::RegularRooms, 2)];
    assert_eq!(membership.remembered(), expected);
    assert_eq!(format!("{membership:?}"), r#"Membership { bot: "helpdesk", .. }"#);
    assert!(format!("{:?}", membership.readings).starts_with("Readings { known: Known {"));
}

#[tokio::test(start_paused = true)]
async fn a_room_is_a_regular_from_a_clean_list_until_one_that_is_not() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(100, 100, 100));
    let reads_as = async |claim| {
        let _either = membership.roster(&room(1), fake.now()).await;
        assert_eq!(fake.truth.lock().unwrap().claims.pop(), Some(claim));
    };
    reads_as(Claim::Stranger).await;
    later(500).await;
    reads_as(Claim::Regular).await; // its list is too old
    membership.apply(ann_joins(&fake));
    reads_as(Claim::Regular).await; // its list was forgotten
    fake.truth.lock().unwrap().out = true;
    later(500).await;
    reads_as(Claim::Regular).await;
    reads_as(Claim::Regular).await; // nobody could tell
    fake.truth.lock().unwrap().out = false;
    with_eve(&fake);
    reads_as(Claim::Regular).await;
    fake.truth.lock().unwrap().dirty.clear();
    later(500).await;
    reads_as(Claim::Stranger).await; // Eve was there
    membership.apply(eve_joins(&fake));
    fake.truth.lock().unwrap().dirty.clear();
    later(500).await;
    reads_as(Claim::Stranger).await; // an event said that she was
}

#[tokio::test(start_paused = true)]
async fn who_was_told_a_list_and_has_not_looked_yet_does_not_get_it_after_an_event() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(MINUTE, MINUTE, MINUTE));
    let room = room(1);
    let mut waiting = Box::pin(membership.roster(&room, fake.now()));
    assert!(timeout(Duration::from_millis(1), &mut waiting).await.is_err());
    later(100).await; // the reading ends; nobody polls who waits for it
    membership.apply(eve_joins(&fake));
    assert!(!is_clean(&waiting.await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_never_rests_is_tried_again_later() {
    let fake = Fake::new(vec![EVEN]);
    let membership = membership(&fake, &cache(MINUTE, MINUTE, MINUTE));
    let room = room(1);
    let asking = membership.roster(&room, fake.now());
    let coming_and_going = async {
        loop {
            later(7).await;
            membership.apply(ann_joins(&fake));
        }
    };
    let outage = tokio::select! {
        answer = asking => answer.unwrap_err(),
        () = coming_and_going => unreachable!(),
    };
    assert_eq!((outage.kind, fake.reads()), (Kind::CheckTimeout, READINGS));
}

/// Looks at once, and tells after giving others a turn.
struct Quick(Arc<Fake>, AtomicUsize);

impl Directory for Quick {
    async fn read(
        &self,
        room: &RoomId,
        audience: &Audience,
        claim: Claim,
    ) -> Result<Roster, Outage> {
        let roster = self.0.read(room, audience, claim).await;
        for _ in 0..self.1.fetch_add(1, Ordering::Relaxed) % 5 {
            tokio::task::yield_now().await;
        }
        roster
    }
}

/// Long enough for others to ask and be answered.
async fn rest() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// The same promise on real threads: who asks after an outsider's event was taken in is never told "clean".
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn threads_do_not_break_the_promise() {
    let fake = Fake::new(vec![Pace { look: 0, tell: 0 }]);
    let quick = Arc::new(Quick(Arc::clone(&fake), AtomicUsize::new(0)));
    let membership = membership(&quick, &cache(MINUTE, MINUTE, MINUTE));
    let dirty = Arc::new(Mutex::new((false, 0_u64)));
    // By the number of readings, not by time: a busy machine takes longer and finds as much.
    let (mut askers, patience) = (Vec::new(), Instant::now() + Duration::from_secs(40));
    let over = move |fake: &Fake| fake.reads() > 500 || Instant::now() > patience;
    for _ in 0..6 {
        let (membership, fake, dirty) =
            (Arc::clone(&membership), Arc::clone(&fake), Arc::clone(&dirty));
        askers.push(beside(async move {
            while !over(&fake) {
                let before = *dirty.lock().unwrap();
                let answer = membership.roster(&room(1), fake.now()).await;
                let unchanged = *dirty.lock().unwrap() == before;
                let clear = answer.is_ok_and(|roster| is_clean(&roster));
                assert!(!(clear && before.0 && unchanged), "told clean in change {}", before.1);
                tokio::task::yield_now().await;
            }
        }));
    }
    let seen = Arc::clone(&fake);
    askers.push(beside(async move {
        for change in 0.. {
            if over(&fake) {
                return;
            }
            let silent = effect("created", &room(1), EVE, None, fake.now());
            let event = if change % 2 == 0 { silent } else { eve_joins(&fake) };
            with_eve(&fake);
            membership.apply(event);
            *dirty.lock().unwrap() = (true, change);
            rest().await;
            *dirty.lock().unwrap() = (false, change);
            fake.truth.lock().unwrap().dirty.clear();
            membership.apply(effect("deleted", &room(1), EVE, Some(OTHER), fake.now()));
            rest().await;
        }
    }));
    for asker in askers {
        asker.await.unwrap();
    }
    assert!(seen.reads() > 200, "{}", seen.reads());
}
