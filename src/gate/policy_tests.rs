use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::arrival::tests::noon;
use super::super::event::tests::{ANN, BOT, ROOM, message, notice, uuid};
use super::super::id::{OrgId, PersonId};
use super::super::roster::{Builder, End, Member, Standing};
use super::*;

pub(crate) const EXAMPLE: u128 = 100;
pub(crate) const SERVICES: u128 = 101;
pub(crate) const OTHER: u128 = 102;
const BOB: u128 = 3;
const TOM: u128 = 4;
const TTL: Duration = Duration::from_mins(1);

pub(crate) fn org(n: u128) -> Key<Org> {
    OrgId::parse(&uuid(n)).unwrap().key()
}

fn person(n: u128) -> Key<Person> {
    PersonId::parse(&uuid(n)).unwrap().key()
}

pub(crate) fn policy() -> Policy {
    let room =
        [Resource::Messages, Resource::AttachmentActions, Resource::Memberships, Resource::Rooms];
    Policy {
        mode: Mode::Enforce,
        allowed_orgs: [org(EXAMPLE), org(SERVICES)].into(),
        trusted_bots: HashSet::new(),
        app_users: AppUsers::Deny,
        max_members: 5,
        max_event_age: Duration::from_mins(10),
        demands: Demands {
            events: [((Resource::Memberships, Verb::Deleted), Demand::Deny)].into(),
            resources: room.map(|resource| (resource, Demand::Room)).into(),
            others: None,
        },
    }
}

pub(crate) fn audience() -> Audience {
    policy().audience(person(BOT))
}

fn of(who: u128, standing: Standing) -> Member {
    Member { room: RoomId::parse(&uuid(ROOM)).unwrap().key(), person: person(who), standing }
}

fn roster_with(members: &[Member], end: End) -> Roster {
    let audience = audience();
    let mut builder = Builder::new(RoomId::parse(&uuid(ROOM)).unwrap().key(), &audience, noon());
    let end = if builder.page(members.iter().copied()).is_break() { End::GaveUp } else { end };
    builder.finish(end)
}

fn roster(members: &[(u128, u128)]) -> Roster {
    let members: Vec<_> = members.iter().map(|&(who, at)| of(who, Standing::Of(org(at)))).collect();
    roster_with(&members, End::LastPage)
}

fn verdict_by(policy: &Policy, envelope: &Value, roster: &Roster, now: Moment) -> Verdict {
    let audience = policy.audience(person(BOT));
    let rules = Rules { policy, audience: &audience, allow_ttl: TTL };
    let notice = notice(envelope).unwrap();
    match ask(&notice, rules) {
        Question::Nothing => judge(notice, Evidence::Nothing, rules, now),
        Question::Room(_) => judge(notice, Evidence::Roster(roster), rules, now),
    }
}

fn verdict(envelope: &Value, roster: &Roster) -> Option<Refusal> {
    match verdict_by(&policy(), envelope, roster, noon()) {
        Verdict::Clear(_) => None,
        Verdict::Refuse(_, refusal) => Some(refusal),
        Verdict::Undecided(_) => panic!("undecided"),
    }
}

const STAFF: [(u128, u128); 3] = [(BOT, OTHER), (ANN, EXAMPLE), (BOB, EXAMPLE)];

#[test]
fn gw_a4_trap_set_equality_one_of_two_allowed_organisations_is_enough() {
    assert_eq!(verdict(&message(), &roster(&STAFF)), None);
    assert_eq!(
        verdict(&message(), &roster(&[(BOT, OTHER), (ANN, EXAMPLE), (BOB, SERVICES)])),
        None
    );
    assert_eq!(
        verdict(&message(), &roster(&[(BOT, OTHER), (ANN, EXAMPLE), (TOM, OTHER)])),
        Some(Refusal::OutsideOrg)
    );
}

#[test]
fn trap_rule_on_the_sender_only_an_allowed_sender_does_not_clean_the_room() {
    let launch = roster(&[(ANN, EXAMPLE), (BOT, EXAMPLE), (TOM, OTHER)]);
    assert_eq!(verdict(&message(), &launch), Some(Refusal::OutsideOrg));
}

#[test]
fn gw_a5_the_bot_itself_is_exempt_by_person_id_and_other_bots_are_not() {
    let consumer = OrgId::parse("consumer").unwrap().key();
    let own = [of(BOT, Standing::Of(consumer)), of(ANN, Standing::Of(org(EXAMPLE)))];
    assert_eq!(verdict(&message(), &roster_with(&own, End::LastPage)), None);
    let second_bot = roster(&[(BOT, OTHER), (ANN, EXAMPLE), (TOM, OTHER)]);
    assert_eq!(verdict(&message(), &second_bot), Some(Refusal::OutsideOrg));
    let trusting = Policy { trusted_bots: [person(TOM)].into(), ..policy() };
    let audience = trusting.audience(person(BOT));
    assert_eq!(audience.outsiders(&second_bot).count(), 0);
}

#[test]
fn rules_18_to_20_outsiders_guests_and_members_without_an_organisation_are_refused() {
    let ann = of(ANN, Standing::Of(org(EXAMPLE)));
    let bot = of(BOT, Standing::Unknown);
    for (standing, expected) in [
        (Standing::Of(org(OTHER)), Refusal::OutsideOrg),
        (Standing::GuestOf(org(OTHER)), Refusal::OutsideOrg),
        (Standing::GuestOf(org(EXAMPLE)), Refusal::AppUser),
        (Standing::Unknown, Refusal::OrgMissing),
    ] {
        assert_eq!(
            verdict(&message(), &roster_with(&[bot, ann, of(TOM, standing)], End::LastPage)),
            Some(expected)
        );
    }
}

#[test]
fn rules_17_and_21_to_23_only_a_whole_list_is_evidence() {
    let ann = of(ANN, Standing::Of(org(EXAMPLE)));
    let bot = of(BOT, Standing::Unknown);
    let elsewhere = Member { room: RoomId::parse(&uuid(51)).unwrap().key(), ..ann };
    let crowd: Vec<_> =
        (0..5).map(|n| of(200 + n, Standing::Of(org(EXAMPLE)))).chain([bot]).collect();
    for (members, end, expected) in [
        (vec![], End::NoSuchRoom, Refusal::RoomUnknown),
        (crowd, End::LastPage, Refusal::RoomTooLarge),
        (vec![], End::LastPage, Refusal::RoomEmpty),
        (vec![ann], End::LastPage, Refusal::RoomIncomplete),
        (vec![bot, ann], End::GaveUp, Refusal::RoomIncomplete),
        (vec![bot, ann, elsewhere], End::LastPage, Refusal::RoomIncomplete),
        (vec![bot, ann, ann], End::LastPage, Refusal::RoomIncomplete),
    ] {
        assert_eq!(verdict(&message(), &roster_with(&members, end)), Some(expected), "{members:?}");
    }
}

#[test]
fn rule_21_a_room_may_be_full_and_a_route_may_allow_fewer_than_its_bot() {
    let crowd = |most: u128| {
        let people = (0..most - 1).map(|n| of(200 + n, Standing::Of(org(EXAMPLE))));
        roster_with(&people.chain([of(BOT, Standing::Unknown)]).collect::<Vec<_>>(), End::LastPage)
    };
    let rule = |roster: &Roster, policy: &Policy| {
        judge_room(roster, &policy.audience(person(BOT)), TTL, noon())
    };
    assert_eq!(rule(&crowd(5), &policy()), RoomVerdict::Clean);
    assert_eq!(rule(&crowd(6), &policy()), RoomVerdict::Refused(Refusal::RoomTooLarge));
    let narrow = Policy { max_members: 4, ..policy() };
    assert_eq!(rule(&crowd(4), &narrow), RoomVerdict::Clean);
    assert_eq!(rule(&crowd(5), &narrow), RoomVerdict::Refused(Refusal::RoomTooLarge));
}

#[test]
fn the_widest_of_two_audiences_admits_whom_either_admits() {
    let narrow = Policy { allowed_orgs: [org(EXAMPLE)].into(), max_members: 3, ..policy() };
    let wide = Policy {
        allowed_orgs: [org(OTHER)].into(),
        trusted_bots: [person(TOM)].into(),
        app_users: AppUsers::Allow,
        ..policy()
    };
    let [narrow, wide] = [narrow, wide].map(|policy| policy.audience(person(BOT)));
    for both in [narrow.clone().widened(&wide), wide.widened(&narrow)] {
        assert!(both.admits(person(ANN), Standing::Of(org(EXAMPLE))));
        assert!(both.admits(person(ANN), Standing::GuestOf(org(OTHER))));
        assert!(both.admits(person(TOM), Standing::Unknown), "by id");
        assert!(!both.admits(person(ANN), Standing::Of(org(SERVICES))));
        assert_eq!(both.max_members, 5);
    }
    let same = narrow.clone().widened(&narrow);
    assert!(!same.admits(person(ANN), Standing::GuestOf(org(EXAMPLE))), "neither admits guests");
}

#[test]
fn rule_24_the_sender_must_be_in_the_list() {
    let mut envelope = message();
    envelope["data"]["personId"] = json!(uuid(TOM));
    assert_eq!(verdict(&envelope, &roster(&STAFF)), Some(Refusal::SenderNotInRoom));
    envelope["data"].as_object_mut().unwrap().remove("personId");
    assert_eq!(verdict(&envelope, &roster(&STAFF)), Some(Refusal::SenderNotInRoom));
    envelope["event"] = json!("deleted");
    assert_eq!(verdict(&envelope, &roster(&STAFF)), None);
    let mut joined = message();
    joined["resource"] = json!("memberships");
    joined["data"]["personId"] = json!(uuid(TOM));
    assert_eq!(verdict(&joined, &roster(&STAFF)), None, "whom it is about does not speak");
}

#[test]
fn a_sender_who_is_missing_from_a_list_older_than_the_event_may_have_joined_since() {
    let mut envelope = message();
    envelope["data"]["personId"] = json!(uuid(TOM));
    let audience = audience();
    let earlier = Moment { tick: noon().tick.saturating_sub(Duration::from_secs(5)), ..noon() };
    let mut builder = Builder::new(RoomId::parse(&uuid(ROOM)).unwrap().key(), &audience, earlier);
    assert!(
        builder
            .page([of(BOT, Standing::Unknown), of(ANN, Standing::Of(org(EXAMPLE)))])
            .is_continue()
    );
    let verdict = verdict_by(&policy(), &envelope, &builder.finish(End::LastPage), noon());
    assert!(matches!(verdict, Verdict::Undecided(_)));
}

#[test]
fn rule_15_gw_a12_the_bots_own_message_is_skipped() {
    let mut envelope = message();
    envelope["data"]["personId"] = json!(uuid(BOT));
    assert_eq!(verdict(&envelope, &roster(&STAFF)), Some(Refusal::OwnMessage));
    let until = noon().wall + Duration::from_secs(10);
    let observing = Policy { mode: Mode::Observe { until }, ..policy() };
    assert!(matches!(
        verdict_by(&observing, &envelope, &roster(&STAFF), noon()),
        Verdict::Refuse(_, Refusal::OwnMessage)
    ));
}

#[test]
fn rules_12_and_16_gw_a13_each_resource_answers_its_own_question() {
    for (resource, event, expected) in [
        ("messages", "created", None),
        ("attachmentActions", "created", None),
        ("memberships", "created", None),
        ("memberships", "deleted", Some(Refusal::ResourceDenied)),
        ("meetings", "created", Some(Refusal::ResourceDenied)),
        ("all", "all", Some(Refusal::ResourceDenied)),
        ("rooms", "created", Some(Refusal::Malformed)),
    ] {
        let mut envelope = message();
        (envelope["resource"], envelope["event"]) = (json!(resource), json!(event));
        if resource == "rooms" {
            assert_eq!(notice(&envelope).unwrap_err(), expected.unwrap(), "m1 is no room id");
            continue;
        }
        assert_eq!(verdict(&envelope, &roster(&STAFF)), expected, "{resource}.{event}");
    }
    let mut roomless = message();
    roomless["data"].as_object_mut().unwrap().remove("roomId");
    assert_eq!(verdict(&roomless, &roster(&STAFF)), Some(Refusal::NoRoom));
}

#[test]
fn rules_13_and_14_gw_a11_the_age_limit_holds_for_created_only_and_in_both_directions() {
    for (event, created, expected) in [
        ("created", "2027-01-15T07:50:00Z", None),
        ("created", "2027-01-15T07:49:59Z", Some(Refusal::EventTooOld)),
        ("created", "2027-01-15T08:02:00Z", None),
        ("created", "2027-01-15T08:02:01Z", Some(Refusal::EventFromFuture)),
        ("created", "2037-01-15T08:00:00Z", Some(Refusal::EventFromFuture)),
        ("updated", "2020-01-15T08:00:00Z", None),
    ] {
        let mut envelope = message();
        (envelope["event"], envelope["data"]["created"]) = (json!(event), json!(created));
        assert_eq!(verdict(&envelope, &roster(&STAFF)), expected, "{event} {created}");
    }
    let mut dateless = message();
    dateless["data"].as_object_mut().unwrap().remove("created");
    assert_eq!(verdict(&dateless, &roster(&STAFF)), Some(Refusal::Malformed));
}

#[test]
fn invariant_6_an_old_clean_list_never_serves_and_an_old_dirty_one_may() {
    let late = noon().plus(TTL + Duration::from_millis(1));
    assert!(matches!(
        verdict_by(&policy(), &message(), &roster(&STAFF), noon().plus(TTL)),
        Verdict::Clear(_)
    ));
    assert!(matches!(
        verdict_by(&policy(), &message(), &roster(&STAFF), late),
        Verdict::Undecided(_)
    ));
    let dirty = roster(&[(ANN, EXAMPLE), (TOM, OTHER)]);
    assert!(matches!(
        verdict_by(&policy(), &message(), &dirty, late),
        Verdict::Refuse(_, Refusal::OutsideOrg)
    ));
}

#[test]
fn invariant_3_without_evidence_there_is_no_verdict() {
    let (policy, audience) = (policy(), audience());
    let rules = Rules { policy: &policy, audience: &audience, allow_ttl: TTL };
    let verdict = judge(notice(&message()).unwrap(), Evidence::Nothing, rules, noon());
    assert!(matches!(verdict, Verdict::Undecided(_)));
    let elsewhere = Builder::new(RoomId::parse(&uuid(51)).unwrap().key(), &audience, noon())
        .finish(End::LastPage);
    let verdict = judge(notice(&message()).unwrap(), Evidence::Roster(&elsewhere), rules, noon());
    assert!(matches!(verdict, Verdict::Undecided(_)), "the list of another room is no evidence");
}

#[test]
fn observe_lets_a_refused_event_pass_until_its_end_date_and_not_longer() {
    let until = noon().wall + Duration::from_secs(10);
    let observing = Policy { mode: Mode::Observe { until }, ..policy() };
    let dirty = roster(&[(BOT, OTHER), (ANN, EXAMPLE), (TOM, OTHER)]);
    let Verdict::Clear(cleared) = verdict_by(&observing, &message(), &dirty, noon()) else {
        panic!("must pass")
    };
    let checked = Some(noon());
    let would_refuse = Some(Refusal::OutsideOrg);
    assert_eq!(cleared.basis(), Basis { would_refuse, members: None, checked }, "half a list");
    let Verdict::Clear(cleared) = verdict_by(&observing, &message(), &roster(&STAFF), noon())
    else {
        panic!("must pass")
    };
    assert_eq!(cleared.basis(), Basis { would_refuse: None, members: Some(3), checked });
    let after = noon().plus(Duration::from_secs(10));
    assert!(matches!(
        verdict_by(&observing, &message(), &dirty, after),
        Verdict::Refuse(_, Refusal::OutsideOrg)
    ));
}

#[test]
fn a_resource_that_passes_on_its_signature_alone_must_be_named() {
    let mut lenient = policy();
    lenient
        .demands
        .resources
        .insert(Resource::named("meetings"), Demand::SignatureOnly { because: "no room".into() });
    let mut envelope = message();
    envelope["resource"] = json!("meetings");
    assert!(matches!(verdict_by(&lenient, &envelope, &roster(&STAFF), noon()), Verdict::Clear(_)));
    envelope["resource"] = json!("recordings");
    assert!(matches!(
        verdict_by(&lenient, &envelope, &roster(&STAFF), noon()),
        Verdict::Refuse(..)
    ));
}

fn any_members() -> impl Strategy<Value = Vec<(u128, u128)>> {
    proptest::collection::vec((1..8_u128, 100..103_u128), 0..6)
}

proptest! {
    #[test]
    fn adding_an_outsider_never_turns_a_refusal_into_a_clearance(mut members in any_members(), at in any::<prop::sample::Index>()) {
        members.insert(at.index(members.len() + 1), (99, OTHER));
        prop_assert!(verdict(&message(), &roster(&members)).is_some());
    }

    #[test]
    fn a_clearance_means_that_everybody_but_the_bot_is_allowed(members in any_members()) {
        let clean = members.iter().all(|&(who, at)| who == BOT || at != OTHER);
        if verdict(&message(), &roster(&members)).is_none() {
            prop_assert!(clean && members.iter().any(|(who, _)| *who == BOT) && members.iter().any(|(who, _)| *who == ANN));
        }
    }
}
