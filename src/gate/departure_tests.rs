use std::collections::BTreeSet;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::super::arrival::tests::noon;
use super::super::event::tests::{ANN, BOT, ROOM, uuid};
use super::super::id::{PersonId, RoomId};
use super::super::moment::Moment;
use super::super::policy::tests::{EXAMPLE, OTHER, audience, org};
use super::super::policy::{RoomVerdict, judge_room};
use super::super::roster::{Builder, End, Extent, Member};
use super::*;

const TOM: u128 = 4;
const TIM: u128 = 5;
/// As in the policy that the audience is made of.
const MOST: usize = 5;
const TTL: Duration = Duration::from_mins(1);

/// A member, as the test sees it: whether they may be in the room, by the words of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Us,
    Them,
    OurGuest,
    TheirGuest,
    Nobody,
}
use Of::{Nobody, OurGuest, TheirGuest, Them, Us};

impl Of {
    fn standing(self) -> Standing {
        match self {
            Us => Standing::Of(org(EXAMPLE)),
            Them => Standing::Of(org(OTHER)),
            OurGuest => Standing::GuestOf(org(EXAMPLE)),
            TheirGuest => Standing::GuestOf(org(OTHER)),
            Nobody => Standing::Unknown,
        }
    }
}

fn room(n: u128) -> Key<Room> {
    RoomId::parse(&uuid(n)).unwrap().key()
}

fn person(n: u128) -> Key<Person> {
    PersonId::parse(&uuid(n)).unwrap().key()
}

fn member((who, of): (u128, Of)) -> Member {
    Member { room: room(ROOM), person: person(who), standing: of.standing() }
}

/// Read to the end, as the audit reads.
fn read(audience: &Audience, began: Moment, members: &[Member], end: End) -> Roster {
    let mut builder = Builder::new(room(ROOM), audience, began).everybody();
    let broken = builder.page(members.iter().copied()).is_break();
    builder.finish(if broken { End::GaveUp } else { end })
}

fn at(began: Moment, members: &[(u128, Of)], end: End) -> Roster {
    let members: Vec<_> = members.iter().copied().map(member).collect();
    read(&audience(), began, &members, end)
}

fn list(members: &[(u128, Of)]) -> Roster {
    at(noon(), members, End::LastPage)
}

fn later(members: &[(u128, Of)]) -> Roster {
    at(noon().plus(APART), members, End::LastPage)
}

#[test]
fn a_room_is_clean_only_by_a_whole_list_of_people_who_are_all_allowed() {
    assert_eq!(class(&list(&[(BOT, Them), (ANN, Us)]), &audience()), Class::Clean);
    assert_eq!(class(&list(&[(BOT, Nobody)]), &audience()), Class::Clean, "the bot alone");
}

#[test]
fn somebody_who_surely_must_not_be_there_makes_it_a_room_with_outsiders() {
    for (who, reason) in [
        (Them, Refusal::OutsideOrg),
        (TheirGuest, Refusal::OutsideOrg),
        (OurGuest, Refusal::AppUser),
    ] {
        let list = list(&[(BOT, Them), (ANN, Us), (TOM, who)]);
        assert_eq!(class(&list, &audience()), Class::Outsiders(reason), "{who:?}");
    }
    let both = list(&[(BOT, Them), (ANN, Nobody), (TOM, Them)]);
    let expected = Class::Outsiders(Refusal::OutsideOrg);
    assert_eq!(class(&both, &audience()), expected, "one is sure, whatever the other is");
}

#[test]
fn everything_else_is_unknown_and_says_why() {
    let tom = (TOM, Them);
    let everybody: Vec<_> = (10..16).map(|who| (who, Us)).collect();
    for (list, reason) in [
        (list(&[(BOT, Them), (ANN, Nobody)]), Refusal::OrgMissing),
        (list(&[]), Refusal::RoomEmpty),
        (list(&[(ANN, Us), tom]), Refusal::RoomIncomplete),
        (list(&[(BOT, Them), (ANN, Us), (ANN, Us), tom]), Refusal::RoomIncomplete),
        (list(&[&[(BOT, Them), tom], &everybody[..]].concat()), Refusal::RoomTooLarge),
        (at(noon(), &[(BOT, Them), tom], End::GaveUp), Refusal::RoomIncomplete),
        (at(noon(), &[], End::NoSuchRoom), Refusal::RoomUnknown),
        (
            Builder::outsider_joined(room(ROOM), person(TOM), Them.standing(), noon()),
            Refusal::RoomIncomplete,
        ),
    ] {
        assert_eq!(class(&list, &audience()), Class::Unknown(reason), "{list:?}");
    }
}

#[test]
fn an_item_of_another_room_makes_the_list_incomplete_though_an_outsider_is_in_it() {
    let foreign = Member { room: room(ROOM + 1), ..member((TIM, Them)) };
    let members = [member((BOT, Them)), member((TOM, Them)), foreign];
    let list = read(&audience(), noon(), &members, End::LastPage);
    assert_eq!(class(&list, &audience()), Class::Unknown(Refusal::RoomIncomplete));
}

#[test]
fn trusted_bots_are_no_outsiders_and_guests_are_as_the_policy_says() {
    let mut policy = super::super::policy::tests::policy();
    policy.trusted_bots = [person(TOM)].into();
    policy.app_users = super::super::policy::AppUsers::Allow;
    let audience = policy.audience(person(BOT));
    let of = |members: &[(u128, Of)]| {
        let members: Vec<_> = members.iter().copied().map(member).collect();
        class(&read(&audience, noon(), &members, End::LastPage), &audience)
    };
    assert_eq!(of(&[(BOT, Them), (TOM, Them), (ANN, OurGuest)]), Class::Clean);
    assert_eq!(of(&[(BOT, Them), (TOM, Nobody)]), Class::Clean, "by id, whatever the list says");
    assert_eq!(of(&[(BOT, Them), (TIM, Them)]), Class::Outsiders(Refusal::OutsideOrg));
    assert_eq!(of(&[(BOT, Them), (TIM, TheirGuest)]), Class::Outsiders(Refusal::OutsideOrg));
}

#[test]
fn two_whole_lists_that_agree_are_a_departure() {
    let members = [(BOT, Them), (ANN, Us), (TOM, Them), (TIM, OurGuest)];
    let departure = confirm(&list(&members), &later(&members), &audience()).unwrap();
    assert_eq!((departure.room(), departure.outsiders()), (room(ROOM), 2));
    // Those who may be there come and go as they like.
    let other = later(&[(BOT, Them), (TOM, Them), (9, Us), (TIM, OurGuest)]);
    assert!(confirm(&list(&members), &other, &audience()).is_ok());
}

#[test]
fn a_confirmation_stands_for_a_few_seconds_by_either_clock() {
    let members = [(BOT, Them), (TOM, Them)];
    let departure = confirm(&list(&members), &later(&members), &audience()).unwrap();
    let began = noon().plus(APART);
    assert_eq!(departure.stands(began), Ok(STANDS));
    let last = Duration::from_nanos(1);
    assert_eq!(departure.stands(began.plus(STANDS.checked_sub(last).unwrap())), Ok(last));
    let late = began.plus(STANDS);
    for late in [late, Moment { wall: began.wall, ..late }, Moment { tick: began.tick, ..late }] {
        assert_eq!(departure.stands(late), Err(Unconfirmed::Stale));
    }
}

#[test]
fn each_reason_to_stay_has_its_own_word_and_sentence() {
    use Unconfirmed::{AnotherRoom, Clean, Differs, Incomplete, Odd, Stale, TooSoon};
    let all = [AnotherRoom, Clean, Differs, Incomplete, Odd, Stale, TooSoon];
    let words =
        "another_room clean_now lists_differ list_incomplete membership_odd list_stale too_soon";
    assert_eq!(all.map(Unconfirmed::label).join(" "), words);
    assert_eq!(all.map(|one| one.to_string()).into_iter().collect::<BTreeSet<_>>().len(), 7);
}

#[test]
fn a_wall_clock_that_is_set_forward_makes_no_second_list_later() {
    let members = [(BOT, Them), (TOM, Them)];
    let forward = Moment { wall: noon().wall + Duration::from_hours(1), ..noon() };
    let second = at(forward, &members, End::LastPage);
    assert_eq!(confirm(&list(&members), &second, &audience()).unwrap_err(), Unconfirmed::TooSoon);
}

#[test]
fn anything_less_is_none() {
    let members = [(BOT, Them), (ANN, Us), (TOM, Them)];
    let (first, clean) = (list(&members), [(BOT, Them), (ANN, Us)]);
    let soon =
        at(noon().plus(APART.saturating_sub(Duration::from_nanos(1))), &members, End::LastPage);
    let elsewhere = {
        let audience = audience();
        let mut builder = Builder::new(room(ROOM + 1), &audience, noon().plus(APART)).everybody();
        let moved = |one| Member { room: room(ROOM + 1), ..member(one) };
        assert_eq!(builder.page(members.map(moved)), ControlFlow::Continue(()));
        builder.finish(End::LastPage)
    };
    for (second, why) in [
        (elsewhere, Unconfirmed::AnotherRoom),
        (soon, Unconfirmed::TooSoon),
        (list(&members), Unconfirmed::TooSoon),
        (later(&clean), Unconfirmed::Clean),
        (later(&[(BOT, Them), (ANN, Us), (TIM, Them)]), Unconfirmed::Differs),
        (later(&[(BOT, Them), (TOM, TheirGuest)]), Unconfirmed::Differs),
        (later(&[(BOT, Them), (TOM, Them), (TIM, Them)]), Unconfirmed::Differs),
        (later(&[(BOT, Them), (ANN, Nobody), (TOM, Them)]), Unconfirmed::Incomplete),
        (later(&[(ANN, Us), (TOM, Them)]), Unconfirmed::Incomplete),
        (later(&[]), Unconfirmed::Incomplete),
        (at(noon().plus(APART), &members, End::GaveUp), Unconfirmed::Incomplete),
        (at(noon().plus(APART), &[], End::NoSuchRoom), Unconfirmed::Incomplete),
        (
            Builder::outsider_joined(room(ROOM), person(TOM), Them.standing(), noon().plus(APART)),
            Unconfirmed::Incomplete,
        ),
    ] {
        assert_eq!(confirm(&first, &second, &audience()).unwrap_err(), why, "{second:?}");
    }
    assert_eq!(
        confirm(&later(&members), &first, &audience()).unwrap_err(),
        Unconfirmed::TooSoon,
        "in the wrong order"
    );
    assert_eq!(
        confirm(&list(&clean), &later(&members), &audience()).unwrap_err(),
        Unconfirmed::Clean
    );
}

/// An event may say that an outsider joined; that is enough to refuse, and not to leave.
#[test]
fn a_list_that_an_event_made_is_no_first_list_either() {
    let event = Builder::outsider_joined(room(ROOM), person(TOM), Them.standing(), noon());
    let second = later(&[(BOT, Them), (TOM, Them)]);
    assert_eq!(confirm(&event, &second, &audience()).unwrap_err(), Unconfirmed::Incomplete);
}

#[test]
fn the_rules_about_a_room_say_no_by_any_list_and_yes_by_a_fresh_one_only() {
    let (clean, dirty) = (list(&[(BOT, Them), (ANN, Us)]), list(&[(BOT, Them), (TOM, Them)]));
    let verdict = |list, after| judge_room(list, &audience(), TTL, noon().plus(after));
    let too_old = TTL + Duration::from_nanos(1);
    assert_eq!(verdict(&clean, TTL), RoomVerdict::Clean);
    assert_eq!(verdict(&clean, too_old), RoomVerdict::TooOld);
    assert_eq!(verdict(&dirty, TTL), RoomVerdict::Refused(Refusal::OutsideOrg));
    assert_eq!(verdict(&dirty, too_old), RoomVerdict::Refused(Refusal::OutsideOrg));
    let half = at(noon(), &[(BOT, Them), (ANN, Us)], End::GaveUp);
    assert_eq!(verdict(&half, Duration::ZERO), RoomVerdict::Refused(Refusal::RoomIncomplete));
}

#[test]
fn who_must_know_everybody_reads_behind_an_outsider() {
    let audience = audience();
    let members = [(BOT, Them), (TOM, Them), (ANN, Us), (TIM, Them)].map(member);
    let whole = read(&audience, noon(), &members, End::LastPage);
    assert_eq!((whole.members().len(), whole.extent()), (4, Extent::Whole));
    let mut gate = Builder::new(room(ROOM), &audience, noon());
    assert_eq!(gate.page(members), ControlFlow::Break(()));
    let part = gate.finish(End::GaveUp);
    assert_eq!((part.members().len(), part.extent()), (2, Extent::UpToOutsider));
    let verdict = |list| judge_room(list, &audience, TTL, noon());
    assert_eq!(verdict(&whole), verdict(&part));
}

fn any_of() -> impl Strategy<Value = Of> {
    prop_oneof![4 => Just(Us), 2 => Just(Them), 1 => Just(OurGuest), 1 => Just(TheirGuest), 1 => Just(Nobody)]
}

fn any_list() -> impl Strategy<Value = (Vec<(u128, Of)>, End)> {
    let somebody = (prop_oneof![3 => Just(BOT), 7 => 10_u128..20], any_of());
    let end = prop_oneof![6 => Just(End::LastPage), 1 => Just(End::GaveUp)];
    (prop::collection::vec(somebody, 0..8), end)
}

/// What a person would say who looks at the list.
fn sure_outsiders((members, end): &(Vec<(u128, Of)>, End)) -> Option<BTreeSet<(u128, Of)>> {
    let people: BTreeSet<_> = members.iter().map(|(who, _)| *who).collect();
    let whole = *end == End::LastPage && people.len() == members.len() && members.len() <= MOST;
    let others = || members.iter().filter(|(who, _)| *who != BOT);
    let readable = whole && people.contains(&BOT) && others().all(|(_, of)| *of != Nobody);
    readable.then(|| others().filter(|(_, of)| *of != Us).copied().collect())
}

proptest! {
    #[test]
    fn nothing_but_two_readable_lists_that_agree_makes_a_departure(
        first in any_list(),
        second in prop_oneof![any_list().prop_map(Some), Just(None)],
        apart in prop_oneof![Just(APART), Just(Duration::ZERO), Just(Duration::from_mins(1))],
    ) {
        let second = second.unwrap_or_else(|| first.clone());
        let lists = (
            at(noon(), &first.0, first.1),
            at(noon().plus(apart), &second.0, second.1),
        );
        let (before, now) = (sure_outsiders(&first), sure_outsiders(&second));
        let agree = before == now && before.is_some_and(|outsiders| !outsiders.is_empty());
        let confirmed = confirm(&lists.0, &lists.1, &audience());
        prop_assert_eq!(confirmed.is_ok(), agree && apart >= APART, "{:?}", confirmed);
    }

    #[test]
    fn clean_and_outsiders_are_never_said_of_a_list_that_nobody_could_read_whole(list in any_list()) {
        let class = class(&at(noon(), &list.0, list.1), &audience());
        let people: BTreeSet<_> = list.0.iter().map(|(who, _)| *who).collect();
        let whole = list.1 == End::LastPage && people.len() == list.0.len()
            && list.0.len() <= MOST && people.contains(&BOT);
        match sure_outsiders(&list) {
            Some(outsiders) if outsiders.is_empty() => prop_assert_eq!(class, Class::Clean),
            Some(_) => prop_assert!(matches!(class, Class::Outsiders(_)), "{:?}", class),
            None => prop_assert!(!whole || class != Class::Clean, "{:?}", class),
        }
        if !whole {
            prop_assert!(matches!(class, Class::Unknown(_)), "{:?}", class);
        }
    }
}
