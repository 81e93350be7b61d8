use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::gate::id::RoomId;
use crate::report::BodyDigest;

/// Work that does what each letter says, and writes down how it ended.
#[derive(Debug, Default)]
struct Script {
    log: Mutex<Vec<String>>,
    running: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Debug)]
struct Letter {
    name: &'static str,
    failures: usize,
    takes: Duration,
}

impl Work for Script {
    type Letter = Letter;

    async fn attempt(&self, letter: &mut Letter) -> Step {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        tokio::time::sleep(letter.takes).await;
        assert!(letter.name != "a bug", "a bug");
        self.running.fetch_sub(1, Ordering::SeqCst);
        if letter.failures > 0 {
            letter.failures -= 1;
            return Step::Again {
                outage: Outage::new(Kind::UpstreamUnreachable, "down"),
                wait: Duration::from_secs(1),
            };
        }
        self.log.lock().unwrap().push(format!("{} delivered", letter.name));
        if letter.name.starts_with("refused") { Step::Settled } else { Step::Delivered }
    }

    fn forgot(&self, _: Eviction) {}

    fn expire(&self, letter: Letter, last: Outage) {
        self.log.lock().unwrap().push(format!("{} expired: {}", letter.name, last.kind.label()));
    }
}

fn limits() -> config::Inbox {
    config::Inbox {
        max_events: 4,
        max_bytes: 1000,
        max_age: Duration::from_secs(30),
        order: config::Order::PerRoom,
        duplicates: Duration::from_mins(10),
    }
}

fn label(room: u128, event: u8) -> Label {
    let room = RoomId::parse(&uuid::Uuid::from_u128(room).to_string()).unwrap().key();
    Label {
        route: "r".into(),
        lane: Lane::Room("r".into(), room),
        fingerprint: Fingerprint::test(event),
        window: Duration::from_mins(10),
        size: 100,
        received: rt::now(),
    }
}

impl Fingerprint {
    fn test(n: u8) -> Self {
        Self::of(
            "r",
            &crate::gate::event::facts(
                br#"{"resource":"messages","event":"created","data":{"id":"x"}}"#,
            )
            .unwrap(),
            BodyDigest::of(&[n]),
        )
    }
}

fn letter(name: &'static str, failures: usize) -> Letter {
    Letter { name, failures, takes: Duration::from_millis(10) }
}

fn inbox() -> Arc<Inbox<Script>> {
    Inbox::new(Arc::new(Script::default()), limits(), Tasks::default())
}

#[derive(Debug, PartialEq)]
enum Keeping {
    Duplicate,
    Full,
    Kept,
}

fn keep(inbox: &Arc<Inbox<Script>>, label: Label, letter: Letter) -> Keeping {
    match inbox.keep(label, letter) {
        Ok(()) => Keeping::Kept,
        Err(Unkept::Duplicate(_)) => Keeping::Duplicate,
        Err(Unkept::Full(_)) => Keeping::Full,
    }
}

async fn emptied(inbox: &Inbox<Script>) -> Vec<String> {
    let counted = |inbox: &Inbox<Script>| {
        let backlog = inbox.backlog(rt::now()).unwrap();
        backlog.values().map(|route| route.events).sum::<usize>()
    };
    assert_eq!(counted(inbox), inbox.len());
    while !inbox.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(counted(inbox), 0);
    inbox.work.log.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn events_of_one_room_keep_their_order_even_when_the_first_fails() {
    let inbox = inbox();
    for (event, (name, failures)) in [("a", 3), ("b", 0), ("c", 0)].into_iter().enumerate() {
        assert_eq!(
            keep(&inbox, label(1, u8::try_from(event).unwrap()), letter(name, failures)),
            Keeping::Kept
        );
    }
    assert_eq!(emptied(&inbox).await, ["a delivered", "b delivered", "c delivered"]);
    assert_eq!(inbox.work.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_waits_does_not_hold_up_another() {
    let inbox = inbox();
    keep(&inbox, label(1, 1), letter("a", 5));
    keep(&inbox, label(2, 2), letter("b", 0));
    assert_eq!(emptied(&inbox).await, ["b delivered", "a delivered"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_delivered_in_time_expires_with_a_record() {
    let inbox = inbox();
    let before = rt::now();
    keep(&inbox, label(1, 1), letter("a", usize::MAX));
    assert_eq!(emptied(&inbox).await, ["a expired: upstream_unreachable"]);
    let took = rt::now().tick.checked_sub(before.tick).unwrap();
    assert!(took >= Duration::from_secs(29) && took < Duration::from_secs(32), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_says_so_by_count_and_by_bytes_and_has_room_again_afterwards() {
    let inbox = inbox();
    for event in 0..4 {
        assert_eq!(keep(&inbox, label(1, event), letter("a", 0)), Keeping::Kept);
    }
    assert_eq!(keep(&inbox, label(1, 9), letter("b", 0)), Keeping::Full);
    emptied(&inbox).await;
    assert_eq!(keep(&inbox, Label { size: 1001, ..label(1, 9) }, letter("b", 0)), Keeping::Full);
    assert_eq!(
        keep(&inbox, label(1, 9), letter("b", 0)),
        Keeping::Kept,
        "a refused letter leaves no trace in the window"
    );
    emptied(&inbox).await;
    let lanes = inbox.lanes();
    assert_eq!((lanes.bytes, lanes.waiting.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn gw_a11_the_same_event_is_kept_once_but_may_come_again_when_it_was_not_delivered() {
    let inbox = inbox();
    assert_eq!(keep(&inbox, label(1, 1), letter("a", 0)), Keeping::Kept);
    assert_eq!(keep(&inbox, label(1, 1), letter("a again", 0)), Keeping::Duplicate);
    emptied(&inbox).await;
    assert_eq!(keep(&inbox, label(1, 1), letter("a late", 0)), Keeping::Duplicate);
    for name in ["refused", "refused again"] {
        assert_eq!(keep(&inbox, label(1, 2), letter(name, 0)), Keeping::Kept, "{name}");
        emptied(&inbox).await;
    }
    assert_eq!(keep(&inbox, label(1, 3), letter("late", usize::MAX)), Keeping::Kept);
    emptied(&inbox).await;
    assert_eq!(keep(&inbox, label(1, 3), letter("redelivered", 0)), Keeping::Kept);
}

#[tokio::test(start_paused = true)]
async fn invariant_11_stopping_turns_what_is_left_into_records() {
    let inbox = inbox();
    keep(&inbox, label(1, 1), Letter { takes: Duration::from_hours(1), ..letter("running", 0) });
    keep(&inbox, label(1, 2), letter("behind", 0));
    keep(&inbox, label(2, 3), letter("waiting", usize::MAX));
    tokio::time::sleep(Duration::from_secs(2)).await;
    inbox.cut();
    let mut log = emptied(&inbox).await;
    log.sort_unstable();
    assert_eq!(
        log,
        [
            "behind expired: gateway_stopped",
            "running expired: gateway_stopped",
            "waiting expired: gateway_stopped"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_letter_over_which_a_try_panics_does_not_block_its_room() {
    let inbox = inbox();
    for (event, name) in [(1, "a bug"), (2, "behind")] {
        assert_eq!(keep(&inbox, label(1, event), letter(name, 0)), Keeping::Kept);
    }
    assert_eq!(emptied(&inbox).await, ["a bug expired: bug", "behind delivered"]);
    assert_eq!(keep(&inbox, label(1, 3), letter("later", 0)), Keeping::Kept);
    assert_eq!(keep(&inbox, label(1, 1), letter("a bug, sent again", 0)), Keeping::Kept);
    let log = emptied(&inbox).await;
    assert_eq!(
        log,
        [
            "a bug expired: bug",
            "behind delivered",
            "later delivered",
            "a bug, sent again delivered"
        ]
    );
    let lanes = inbox.lanes();
    assert_eq!((lanes.bytes, lanes.waiting.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_stood_behind_others_for_too_long_is_not_delivered_late() {
    let inbox = inbox();
    keep(&inbox, label(1, 1), Letter { takes: Duration::from_secs(40), ..letter("slow", 0) });
    keep(&inbox, label(1, 2), letter("behind", 0));
    assert_eq!(emptied(&inbox).await, ["slow delivered", "behind expired: behind_others"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_still_waits_is_a_duplicate_beyond_its_window() {
    let inbox = inbox();
    let short = |event| Label { window: Duration::from_secs(1), ..label(1, event) };
    keep(&inbox, short(1), Letter { takes: Duration::from_secs(20), ..letter("slow", 0) });
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(keep(&inbox, short(1), letter("again", 0)), Keeping::Duplicate);
    emptied(&inbox).await;
    assert_eq!(keep(&inbox, short(1), letter("toggled back", 0)), Keeping::Kept);
    emptied(&inbox).await;
}

#[tokio::test(start_paused = true)]
async fn other_limits_count_from_now_on_and_nothing_kept_is_lost() {
    let (work, tasks) = (Arc::new(Script::default()), Tasks::default());
    let inbox = Inbox::new(Arc::clone(&work), limits(), tasks);
    let slow = |name| Letter { name, failures: 0, takes: Duration::from_secs(1) };
    for event in 0..4 {
        inbox.keep(label(1, event), slow("one")).unwrap();
    }
    assert!(matches!(inbox.keep(label(1, 4), slow("two many")), Err(Unkept::Full(_))));
    inbox.renew(config::Inbox { max_events: 5, ..limits() });
    inbox.keep(label(1, 4), slow("one")).unwrap();
    assert!(matches!(
        inbox.keep(label(1, 4), slow("again")),
        Err(Unkept::Duplicate(_) | Unkept::Full(_))
    ));
    inbox.renew(config::Inbox { max_events: 1, ..limits() });
    assert!(matches!(inbox.keep(label(2, 9), slow("new")), Err(Unkept::Full(_))));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(work.log.lock().unwrap().len(), 5, "all that were kept came to their end");
    assert!(matches!(inbox.keep(label(1, 0), slow("seen")), Err(Unkept::Duplicate(_))));
}

#[tokio::test(start_paused = true)]
async fn an_inbox_that_was_small_in_between_knows_what_the_large_one_saw() {
    let (work, tasks) = (Arc::new(Script::default()), Tasks::default());
    let of = |max_events| config::Inbox { max_events, ..limits() };
    let inbox = Inbox::new(work, of(100), tasks);
    let seen =
        |n: u8| inbox.window.enter(Fingerprint::test(n), Duration::from_mins(1), rt::now().tick);
    assert!((0..200).all(seen), "all of them are new");
    inbox.renew(of(5));
    inbox.renew(of(6));
    assert_eq!(inbox.remembered(), 200);
    assert!(!(0..200).any(seen), "and none of them a second time");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_may_wait_longer_by_now_is_a_duplicate_for_as_long() {
    let of = |max_age| config::Inbox { max_age, ..limits() };
    let short = Duration::from_millis(1500);
    let inbox = Inbox::new(Arc::new(Script::default()), of(short), Tasks::default());
    let brief = || Label { window: Duration::ZERO, ..label(1, 1) };
    assert_eq!(keep(&inbox, brief(), letter("waits", 6)), Keeping::Kept);
    inbox.renew(of(Duration::from_hours(1)));
    // A second after each try; of its first entry nothing is left after three.
    tokio::time::sleep(short * 2 + Duration::from_millis(500)).await;
    assert_eq!(keep(&inbox, brief(), letter("again", 0)), Keeping::Duplicate);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_life_counts_for_what_waits_already() {
    let (work, tasks) = (Arc::new(Script::default()), Tasks::default());
    let inbox = Inbox::new(Arc::clone(&work), limits(), tasks);
    let failing = Letter { name: "waits", failures: 100, takes: Duration::ZERO };
    inbox.keep(label(1, 0), failing).unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    inbox.renew(config::Inbox { max_age: Duration::from_secs(3), ..limits() });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(*work.log.lock().unwrap(), ["waits expired: upstream_unreachable"]);
}

#[tokio::test(start_paused = true)]
async fn each_route_knows_how_long_its_oldest_event_is_there() {
    let inbox = inbox();
    let of = |route: &str, event: u8| Label { route: route.into(), ..label(event.into(), event) };
    let oldest = |route: &str| inbox.backlog(rt::now()).unwrap().get(route).copied();
    assert_eq!(keep(&inbox, of("a", 1), letter("first", 5)), Keeping::Kept);
    assert_eq!(keep(&inbox, of("b", 2), letter("other", 1)), Keeping::Kept);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(keep(&inbox, of("a", 3), letter("second", 0)), Keeping::Kept);
    let waited = |route| oldest(route).map(|backlog| (backlog.events, backlog.oldest.as_millis()));
    assert_eq!(waited("a"), Some((2, 500)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(waited("a"), Some((1, 2500)), "the second is delivered");
    assert_eq!(waited("b"), None, "nothing is left");
}
