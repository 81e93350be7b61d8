use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Budget, Claim};
use crate::report::outage::Kind;

fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn no_minute_has_more_calls_than_configured() {
    let budget = Budget::new(100, 8);
    let (start, mut calls) = (Instant::now(), Vec::new());
    for _ in 0..250 {
        drop(budget.turn(Claim::Regular, within(600)).await.unwrap());
        calls.push(start.elapsed());
    }
    assert_eq!(calls[9], Duration::ZERO, "a burst of ten");
    assert!(calls[10] > Duration::ZERO);
    for (n, from) in calls.iter().enumerate() {
        let minute = calls[n..].iter().take_while(|at| **at < *from + Duration::from_mins(1));
        assert!(minute.count() <= 100, "from {from:?}");
    }
    assert!(calls[249] < Duration::from_secs(165), "and not many fewer: {:?}", calls[249]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_after_the_deadline_is_refused_at_once_with_the_wait() {
    let budget = Budget::new(2, 8);
    drop(budget.turn(Claim::Regular, within(8)).await.unwrap());
    let before = Instant::now();
    let outage = budget.turn(Claim::Regular, within(8)).await.unwrap_err();
    assert_eq!(outage.kind, Kind::WebexRateLimited);
    assert_eq!(outage.retry_after, Some(Duration::from_mins(1)));
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_what_can_be_called_at_once() {
    let budget = Budget::new(100, 50);
    for taken in 0..10 {
        assert_eq!(budget.left(), Some((10 - taken, Duration::ZERO)));
        let before = Instant::now();
        drop(budget.turn(Claim::Regular, within(600)).await.unwrap());
        assert_eq!(before.elapsed(), Duration::ZERO, "{taken} taken");
    }
    assert_eq!(budget.left(), Some((0, Duration::ZERO)));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(budget.left(), Some((10, Duration::ZERO)));
    budget.hold_back(Duration::from_secs(4));
    assert_eq!(budget.left(), Some((0, Duration::from_secs(4))));
    let narrow = Budget::new(100, 2);
    let _held = narrow.turn(Claim::Regular, within(8)).await.unwrap();
    assert_eq!(narrow.left(), Some((1, Duration::ZERO)), "no more than may be under way");
}

#[tokio::test(start_paused = true)]
async fn when_webex_asks_for_silence_everybody_waits_also_who_had_a_turn() {
    let budget = Budget::new(600, 1);
    let held = budget.turn(Claim::Regular, within(8)).await.unwrap();
    let waiting = async {
        let permit = budget.turn(Claim::Regular, within(8)).await.unwrap();
        drop(permit);
        Instant::now()
    };
    let silence = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        budget.hold_back(Duration::from_secs(4));
        budget.hold_back(Duration::from_secs(1));
        drop(held);
        Instant::now()
    };
    let (called, asked) = tokio::join!(waiting, silence);
    assert_eq!(called - asked, Duration::from_secs(4));
    budget.hold_back(Duration::from_mins(5));
    let outage = budget.turn(Claim::Regular, within(8)).await.unwrap_err();
    assert_eq!(outage.retry_after, Some(Duration::from_mins(5)));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_place_past_the_deadline() {
    let budget = Budget::new(600, 1);
    let _held = budget.turn(Claim::Regular, within(8)).await.unwrap();
    let outage = budget.turn(Claim::Regular, within(8)).await.unwrap_err();
    assert_eq!(outage.kind, Kind::CheckTimeout);
}

/// Calls that never end to come, each as soon as the last is over.
async fn flood(budget: &Budget, claim: Claim, calls: &Mutex<Vec<Instant>>, took: Duration) {
    loop {
        match budget.turn(claim, within(8)).await {
            Ok(_place) => {
                calls.lock().unwrap().push(Instant::now());
                tokio::time::sleep(took).await;
            }
            Err(outage) => {
                let wait = outage.retry_after.unwrap_or(Duration::from_millis(100));
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// What strangers and surveys get while fifty of each want turns all the time.
async fn flooded(
    budget: &Budget,
    took: Duration,
    then: impl Future<Output = ()>,
) -> [Vec<Instant>; 2] {
    let calls = [Mutex::default(), Mutex::default()];
    let strangers = all_of(50, || flood(budget, Claim::Stranger, &calls[0], took));
    let surveys = all_of(50, || flood(budget, Claim::Survey, &calls[1], took));
    tokio::select! {
        () = strangers => unreachable!(),
        () = surveys => unreachable!(),
        () = then => {}
    }
    calls.map(|calls| calls.into_inner().unwrap())
}

fn most_in_a_minute(calls: &[Instant]) -> usize {
    let minute = |from: &Instant| {
        let end = *from + Duration::from_mins(1);
        calls.iter().filter(|at| (*from..end).contains(at)).count()
    };
    calls.iter().map(minute).max().unwrap_or_default()
}

async fn all_of<F: Future<Output = ()>>(count: usize, each: impl Fn() -> F) {
    let mut all: Vec<_> = (0..count).map(|_| Box::pin(each())).collect();
    std::future::poll_fn(|context| {
        for future in &mut all {
            let _never = future.as_mut().poll(context);
        }
        std::task::Poll::<()>::Pending
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn strangers_in_any_number_have_half_of_every_minute() {
    let budget = Budget::new(100, 8);
    let ten_minutes = tokio::time::sleep(Duration::from_mins(10));
    let [calls, _] = flooded(&budget, Duration::from_millis(50), ten_minutes).await;
    assert!(most_in_a_minute(&calls) <= 50);
    assert!(calls.len() > 440, "and not much less: {}", calls.len());
}

#[tokio::test(start_paused = true)]
async fn what_can_wait_has_a_quarter_of_every_minute_or_less_if_it_is_told() {
    let took = Duration::from_millis(50);
    let ten_minutes = || tokio::time::sleep(Duration::from_mins(10));
    let budget = Budget::new(100, 8);
    let [_, calls] = flooded(&budget, took, ten_minutes()).await;
    assert!(most_in_a_minute(&calls) <= 25);
    assert!(calls.len() > 220, "and not much less: {}", calls.len());
    for (told, most) in [(10, 10), (1000, 25)] {
        let budget = Budget::new(100, 8);
        budget.survey(told);
        let [_, calls] = flooded(&budget, took, ten_minutes()).await;
        assert!(most_in_a_minute(&calls) <= most, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_regular_finds_a_turn_at_once_whatever_strangers_do() {
    let budget = Budget::new(100, 8);
    let (start, mut slowest) = (Instant::now(), Duration::ZERO);
    let regular = async {
        while start.elapsed() < Duration::from_mins(5) {
            // Twenty a minute: less than the quarter that nobody else may take.
            tokio::time::sleep(Duration::from_secs(3)).await;
            let asked = Instant::now();
            drop(budget.turn(Claim::Regular, within(8)).await.unwrap());
            slowest = slowest.max(asked.elapsed());
        }
    };
    // Each of their calls hangs, so that they want all places too.
    let [calls, _] = flooded(&budget, Duration::from_secs(5), regular).await;
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
    assert!(calls.len() > 200, "{}", calls.len());
}

#[tokio::test(start_paused = true)]
async fn one_place_and_one_call_a_minute_are_there_for_strangers_too() {
    let budget = Budget::new(1, 1);
    drop(budget.turn(Claim::Stranger, within(8)).await.unwrap());
    drop(budget.turn(Claim::Stranger, within(100)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn silence_costs_nobody_their_place_in_the_line() {
    let budget = Budget::new(20, 8);
    let rooms: Vec<_> = (0..3).map(super::line::tests::room).collect();
    budget.line_up(rooms[0], within(1)).await.unwrap();
    let told = budget.line_up(rooms[1], within(1)).await.unwrap_err().retry_after.unwrap();
    budget.hold_back(Duration::from_secs(3));
    let wait = budget.line_up(rooms[1], within(1)).await.unwrap_err().retry_after;
    assert_eq!(wait, Some(Duration::from_secs(3)));
    tokio::time::sleep(told).await;
    let newcomer = budget.line_up(rooms[2], within(1)).await;
    assert!(newcomer.is_err(), "a newcomer stands behind");
    budget.line_up(rooms[1], within(1)).await.unwrap();
}
