use proptest::prelude::*;

use super::*;
use crate::gate::arrival::tests::noon;
use crate::gate::event::tests::uuid;
use crate::gate::id::{PersonId, RoomId};

const DAY: Duration = Duration::from_hours(24);

fn room(n: u128) -> Key<Room> {
    RoomId::parse(&uuid(n)).unwrap().key()
}

fn person(n: u128) -> Key<Person> {
    PersonId::parse(&uuid(n)).unwrap().key()
}

fn notices(notify: Notify) -> Notices {
    Notices {
        notify,
        text: "guests".into(),
        at_most_every: DAY,
        refused: Some("refused".into()),
        still_refused: Some("still".into()),
        allowed_again: Some("again".into()),
    }
}

fn silent(notify: Notify) -> Notices {
    Notices { refused: None, still_refused: None, allowed_again: None, ..notices(notify) }
}

fn ops() -> Notify {
    Notify::OpsRoom(RoomId::parse(&uuid(99)).unwrap())
}

/// What is said when these things are seen in one room, so many seconds after the start.
fn said(seen: &[(u64, What)], notices: &Notices) -> Vec<(u64, NoticeKind)> {
    let (mut state, mut said) = (State::default(), Vec::new());
    for &(second, what) in seen {
        let now = noon().plus(Duration::from_secs(second));
        let kinds = decide(&mut state, Seen { room: room(1), what }, now, notices);
        said.extend(kinds.into_iter().map(|kind| (second, kind)));
    }
    said
}

#[test]
fn the_three_texts_come_in_order_and_once_each() {
    use NoticeKind::{AllowedAgain, Refused, StillRefused};
    let spoken = What::Spoken(Some(person(7)));
    let all = notices(Notify::None);
    for (seen, expected) in [
        (vec![(0, What::Joined)], vec![(0, Refused)]),
        (vec![(0, spoken)], vec![(0, Refused)]),
        (vec![(0, What::Refused(None))], vec![(0, Refused)]),
        (vec![(0, What::Clean)], vec![]),
        (vec![(0, What::Joined), (1, spoken)], vec![(0, Refused)]),
        (vec![(0, spoken), (1, spoken)], vec![(0, Refused)]),
        (vec![(0, What::Joined), (2, spoken), (9, spoken)], vec![(0, Refused), (2, StillRefused)]),
        (vec![(0, What::Joined), (9, What::Refused(None)), (9, What::Joined)], vec![(0, Refused)]),
        (
            vec![(0, What::Joined), (9, spoken), (20, What::Clean), (21, What::Clean)],
            vec![(0, Refused), (9, StillRefused), (20, AllowedAgain)],
        ),
        (
            vec![(0, What::Joined), (5, What::Clean), (6, What::Joined), (9, What::Clean)],
            vec![(0, Refused), (5, AllowedAgain)],
        ),
        (
            vec![(0, What::Joined), (5, What::Clean), (86_400, What::Joined)],
            vec![(0, Refused), (5, AllowedAgain), (86_400, Refused)],
        ),
    ] {
        assert_eq!(said(&seen, &all), expected, "{seen:?}");
    }
}

#[test]
fn a_text_that_is_not_configured_is_not_said_and_holds_up_no_other() {
    let spoken = What::Spoken(None);
    let seen = [(0, spoken), (9, What::Clean)];
    let late = Notices { refused: None, ..notices(Notify::None) };
    assert_eq!(said(&seen, &late), [(0, NoticeKind::StillRefused), (9, NoticeKind::AllowedAgain)]);
    assert!(
        said(&[(0, What::Joined), (9, spoken), (12, What::Clean)], &silent(Notify::None))
            .is_empty()
    );
}

#[test]
fn each_person_is_told_once_in_each_room_and_only_of_what_they_caused() {
    let by = |n| What::Refused(Some(person(n)));
    let seen = [(0, by(7)), (1, by(7)), (2, by(8)), (3, What::Joined), (86_400, by(7))];
    let actor = NoticeKind::Actor;
    assert_eq!(said(&seen, &silent(Notify::Actor)), [(0, actor), (2, actor), (86_400, actor)]);
    assert!(said(&[(0, What::Refused(None))], &silent(Notify::Actor)).is_empty());
}

#[test]
fn the_operators_are_told_once_of_each_room() {
    let seen = [(0, What::Joined), (1, What::Spoken(Some(person(7)))), (86_401, What::Joined)];
    let told = NoticeKind::OpsRoom;
    assert_eq!(said(&seen, &silent(ops())), [(0, told), (86_401, told)]);
    let mut state = State::default();
    for n in 0..3 {
        let seen = Seen { room: room(n), what: What::Joined };
        assert_eq!(decide(&mut state, seen, noon(), &silent(ops())), [told]);
    }
}

fn what() -> impl Strategy<Value = What> {
    let who = || proptest::option::of((0..3_u128).prop_map(person));
    prop_oneof![
        Just(What::Clean),
        Just(What::Joined),
        who().prop_map(What::Refused),
        who().prop_map(What::Spoken),
    ]
}

proptest! {
    #[test]
    fn nothing_is_said_twice_within_the_time(
        seen in proptest::collection::vec((0..20_000_u64, what()), 0..60),
    ) {
        let mut seen = seen;
        let mut second = 0;
        for (at, _) in &mut seen {
            second += *at;
            *at = second;
        }
        let said = said(&seen, &notices(ops()));
        for (n, (second, kind)) in said.iter().enumerate() {
            let again = said[n + 1..].iter().find(|(_, other)| other == kind);
            prop_assert!(again.is_none_or(|(later, _)| later - second >= DAY.as_secs()));
        }
        let refusals: Vec<_> = said.iter().filter(|(_, kind)| *kind != NoticeKind::OpsRoom).collect();
        if let Some((_, first)) = refusals.first() {
            prop_assert_eq!(*first, NoticeKind::Refused);
        }
    }
}
