use proptest::prelude::*;

use super::*;

const YEAR: Duration = Duration::from_hours(365 * 24);

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

fn wall(text: &str) -> SystemTime {
    humantime::parse_rfc3339_weak(text).unwrap()
}

fn moment(wall: SystemTime) -> Moment {
    Moment { wall, tick: hours(1) }
}

fn timetable(every: Duration, at: Option<u16>) -> Timetable {
    Timetable { every, at }
}

#[test]
fn with_a_time_of_day_audits_stand_on_a_grid() {
    let night = Some(180);
    for (every, at, now, next) in [
        (hours(24), night, "2026-11-22 02:59:59", "2026-11-22 03:00:00"),
        (hours(24), night, "2026-11-22 03:00:00", "2026-11-23 03:00:00"),
        (hours(24), night, "2026-11-22 14:00:00", "2026-11-23 03:00:00"),
        (hours(24), night, "2026-12-31 23:59:59", "2027-01-01 03:00:00"),
        (hours(24), Some(0), "2028-02-28 00:00:01", "2028-02-29 00:00:00"),
        (hours(24), Some(1439), "2026-11-22 23:58:59", "2026-11-22 23:59:00"),
        (hours(6), night, "2026-11-22 03:00:00", "2026-11-22 09:00:00"),
        (hours(6), night, "2026-11-22 22:00:00", "2026-11-23 03:00:00"),
        (hours(1), Some(30), "2026-11-22 10:29:00", "2026-11-22 10:30:00"),
        (hours(12), night, "2026-11-22 04:00:00", "2026-11-22 15:00:00"),
        // 1970-01-01 was a Thursday.
        (hours(168), night, "2026-11-22 04:00:00", "2026-11-26 03:00:00"),
        (hours(1), night, "1970-01-01 00:10:00", "1970-01-01 01:00:00"),
        (hours(48), Some(0), "1970-01-01 00:00:00", "1970-01-03 00:00:00"),
        (hours(24), night, "1970-01-01 00:00:00", "1970-01-01 03:00:00"),
    ] {
        for turn in [Turn::First, Turn::Later] {
            let due = timetable(every, at).next(moment(wall(now)), turn, 0);
            assert_eq!(due, Due::At(wall(next)), "{every:?} {at:?} {now}");
        }
    }
}

#[test]
fn without_a_time_of_day_the_first_comes_by_chance_and_the_rest_after_the_last() {
    let (table, now) = (timetable(hours(24), None), moment(wall("2026-11-22 12:00:00")));
    let after = |turn, entropy| match table.next(now, turn, entropy) {
        Due::After(since, wait) if since == now => wait,
        due @ (Due::At(_) | Due::After(..)) => panic!("{due:?}"),
    };
    assert_eq!((after(Turn::First, 0), after(Turn::First, 10_000)), (hours(0), hours(24)));
    assert_eq!(after(Turn::First, 5000), hours(12));
    assert_eq!(after(Turn::Later, 0), hours(24));
    assert_eq!(after(Turn::Later, 10_000), hours(24) + MOST_JITTER);
    let short = timetable(Duration::from_mins(10), None);
    assert_eq!(short.next(now, Turn::Later, 10_000), Due::After(now, Duration::from_mins(11)));
}

#[test]
fn nothing_is_audited_where_nothing_is_asked_for() {
    let audit = |every| Audit {
        every,
        at: None,
        requests_per_second: 4,
        reports: None,
        leave: crate::config::Leave::Never,
        max_leave: crate::config::MaxLeave::Rooms(1),
        farewell: None,
    };
    for every in [None, Some(Duration::ZERO)] {
        assert!(Timetable::new(&audit(every)).is_none());
    }
    let table = Timetable::new(&audit(Some(Duration::MAX))).unwrap();
    assert_eq!(table.every, LONGEST);
}

/// Follows a clock until the audit begins; how long that took by a clock that nobody sets.
fn follow(table: Timetable, from: SystemTime, set: impl Fn(Duration) -> i64) -> Duration {
    let (mut passed, mut now) = (Duration::ZERO, moment(from));
    let mut due = table.next(now, Turn::Later, 7);
    loop {
        match table.step(due, now) {
            Step::Begin => return passed,
            Step::Recount => due = table.next(now, Turn::Later, 7),
            Step::Sleep(sleep) => passed += sleep,
        }
        let wall = from + passed;
        let offset = Duration::from_secs(set(passed).unsigned_abs());
        let wall = if set(passed) < 0 { wall - offset } else { wall + offset };
        now = Moment { wall, tick: hours(1) + passed };
        assert!(passed < 3 * YEAR, "it never begins");
    }
}

#[test]
fn a_clock_that_is_set_neither_stalls_nor_hurries_more_than_one_audit() {
    let noon = wall("2026-11-22 12:00:00");
    let jump = |by: i64| move |passed| if passed >= hours(1) { by } else { 0 };
    let year = i64::try_from(YEAR.as_secs()).unwrap();
    for at in [Some(180), None] {
        let table = timetable(hours(24), at);
        for by in [0, -3600, 3600, -year, year] {
            let passed = follow(table, noon, jump(by));
            assert!(passed <= hours(48) + 2 * MOST_JITTER, "{at:?} {by}: {passed:?}");
        }
        // The audit that began because of the jump is one, and the next is a whole turn away.
        assert!(follow(table, noon, jump(year)) <= hours(1) + SLICE);
        let after = moment(noon + YEAR);
        let Step::Sleep(_) = table.step(table.next(after, Turn::Later, 7), after) else {
            panic!("a storm");
        };
    }
}

proptest! {
    #[test]
    fn the_next_is_always_later_and_never_too_late(
        every in 1..=LONGEST.as_secs(), at in proptest::option::of(0..1440_u16),
        now in 0..4_000_000_000_u64, entropy: u64,
    ) {
        let table = timetable(Duration::from_secs(every), at);
        let now = moment(SystemTime::UNIX_EPOCH + Duration::from_secs(now));
        let due = table.next(now, Turn::Later, entropy);
        let wait = match due {
            Due::At(instant) => instant.duration_since(now.wall).unwrap(),
            Due::After(_, wait) => wait,
        };
        prop_assert!(wait > Duration::ZERO);
        prop_assert!(wait <= table.every + table.jitter());
        if let (Some(at), Due::At(instant)) = (at, due) {
            let first = SystemTime::UNIX_EPOCH + Duration::from_mins(at.into());
            let since = (instant + LONGEST).duration_since(first).unwrap().as_nanos();
            let shift = LONGEST.as_nanos() % table.every.as_nanos();
            let off = (since - shift) % table.every.as_nanos();
            prop_assert!(off <= table.jitter().as_nanos(), "not on the grid");
        }
        let Step::Sleep(sleep) = table.step(due, now) else { panic!("{due:?}") };
        prop_assert!(sleep <= SLICE && sleep > Duration::ZERO);
    }
}
