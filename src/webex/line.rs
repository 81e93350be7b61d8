//! The line of strangers: first come, first served.
//!
//! A reading waits seconds for its turn and not longer, so most of a flood must be sent away. If all who are sent away
//! came back to the same door, chance would decide, and somebody could lose to newcomers for ever. So whoever is sent
//! away has a turn of their own: the wait that they are told ends at a moment that is given to nobody else, and is
//! kept for their room. Newcomers get later ones. One number a room is all that it costs, and there are no more of
//! them than turns in [`FURTHEST`]. Who does not come in time loses the turn; it is not passed on.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::pace::Pace;
use crate::gate::id::{Key, Room};

/// Turns are kept so far ahead: events do not live much longer. Who finds no turn by then comes again as a newcomer.
const FURTHEST: Duration = Duration::from_mins(10);
/// A turn is kept so long after it was due: letters that were tried often come up to half a minute after the time that
/// they were told.
const LATE: Duration = Duration::from_secs(45);

/// Rooms that were told to come back, and when.
#[derive(Debug)]
pub(super) struct Line {
    pace: Pace,
    kept: HashMap<Key<Room>, Instant>,
}

impl Line {
    /// Each place in the line is the first call of a question. One of five calls is left for further pages and second
    /// tries: otherwise they would delay first calls a little more each time, until every question of strangers
    /// outlived its deadline.
    pub(super) fn new(calls_per_minute: u32, now: Instant) -> Self {
        let first_calls = calls_per_minute - calls_per_minute / 5;
        Self { pace: Pace::new(first_calls, now), kept: HashMap::new() }
    }

    /// The room's turn if it comes by `deadline`; else it is kept, and this is how long to wait.
    pub(super) fn place(
        &mut self,
        room: Key<Room>,
        now: Instant,
        deadline: Instant,
    ) -> Result<Instant, Duration> {
        let turn = self.kept.remove(&room).filter(|turn| *turn + LATE > now);
        let turn = turn.or_else(|| self.newcomer(now)).ok_or(FURTHEST)?;
        if turn <= deadline {
            return Ok(turn.max(now));
        }
        self.kept.retain(|_, turn| *turn + LATE > now);
        self.kept.insert(room, turn);
        Err(turn - now)
    }

    fn newcomer(&mut self, now: Instant) -> Option<Instant> {
        let turn = self.pace.next(now);
        if turn > now + FURTHEST {
            return None;
        }
        self.pace.take(turn);
        Some(turn)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::gate::event::tests::uuid;
    use crate::gate::id::RoomId;

    pub(crate) fn room(n: u128) -> Key<Room> {
        RoomId::parse(&uuid(5000 + n)).unwrap().key()
    }

    const PATIENCE: Duration = Duration::from_secs(8);

    #[tokio::test(start_paused = true)]
    async fn who_comes_back_as_told_goes_before_newcomers_in_the_order_of_coming() {
        let start = Instant::now();
        let mut line = Line::new(60, start);
        let first = (0..200).map(|n| (start, n));
        let newcomers =
            (1..600).map(|n| (start + Duration::from_millis(500) * n, 200 + u128::from(n)));
        let mut coming: BTreeSet<_> = first.chain(newcomers).collect();
        let mut served = Vec::new();
        while served.len() < 200 {
            let (now, n) = coming.pop_first().unwrap();
            match line.place(room(n), now, now + PATIENCE) {
                Ok(turn) => served.push((turn, n)),
                Err(wait) => _ = coming.insert((now + wait, n)),
            }
        }
        served.sort_unstable();
        let order: Vec<_> = served.iter().map(|(_, n)| *n).collect();
        assert_eq!(order, (0..200).collect::<Vec<_>>());
        let minutes = (served[199].0 - start).as_secs_f64() / 60.0;
        assert!((4.0..4.6).contains(&minutes), "200 at 48 a minute took {minutes}");
    }

    #[tokio::test(start_paused = true)]
    async fn asking_again_too_early_changes_nothing_and_too_late_loses_the_turn() {
        let start = Instant::now();
        let mut line = Line::new(60, start);
        let mut ask = |n, now: Instant| line.place(room(n), now, now);
        while ask(999, start).is_ok() {}
        let wait = ask(1, start).unwrap_err();
        for _ in 0..10 {
            assert_eq!(ask(1, start), Err(wait));
        }
        assert!(ask(2, start).unwrap_err() > wait);
        let (late, too_late) = (LATE.mul_f32(0.9), LATE.mul_f32(1.1));
        assert_eq!(ask(1, start + wait + late), Ok(start + wait + late));
        let next = ask(3, start).unwrap_err();
        let now = start + next + too_late;
        while ask(999, now).is_ok() {}
        assert!(ask(3, now).is_err(), "its turn is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_any_size_costs_little_memory_and_nobody_is_told_more_than_the_furthest() {
        let start = Instant::now();
        let mut line = Line::new(600, start);
        for n in 0..20_000 {
            let wait = line.place(room(n), start, start).err().unwrap_or_default();
            assert!(wait <= FURTHEST, "{wait:?}");
        }
        assert!((4300..5000).contains(&line.kept.len()), "{}", line.kept.len());
        let later = start + FURTHEST + LATE + PATIENCE;
        for n in 30_000..30_100 {
            let _turn = line.place(room(n), later, later);
        }
        assert!(line.kept.len() < 100, "{}", line.kept.len());
    }
}
