//! What is left, and above all what is not.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use botwarden::audit::{Departed, Found, Survey, rail};
use botwarden::config::{Farewell, MaxLeave};
use botwarden::gate::departure::Unconfirmed;
use botwarden::report::outage::Kind;
use botwarden::simulator::{Fault, Misbehaviour, RetryAfter};
use botwarden::webex::{Effort, Left, RoomKind};

use super::{Scene, counts, in_rooms, survey};
use crate::harness::eventually;

const MIXED: &str = "
  staff: { title: Staff, members: [ann, bob, helpdesk] }
  partners: { title: Partners, members: [ann, tom, helpdesk] }
  fred: { title: Fred, type: direct, members: [fred, helpdesk] }
";
const PARTNERS: &str = "
  partners: { title: Partners, members: [ann, tom, helpdesk] }
";

fn found<'a>(scene: &Scene, survey: &'a Survey, room: &str) -> &'a Found {
    survey.found.iter().find(|found| found.own.room.key() == scene.key(room)).unwrap()
}

fn permit() -> botwarden::audit::Permit {
    rail(1, 1, MaxLeave::Rooms(1)).unwrap().permit().unwrap()
}

fn ever_left(scene: &Scene) -> usize {
    scene.ledger.left_since(SystemTime::UNIX_EPOCH, &HashSet::new())
}

fn goodbye() -> Farewell {
    Farewell { text: "Goodbye.".into(), at_most_every: Duration::from_hours(24) }
}

/// Webex asks the first call of this method to wait; while it waits, the only outsider leaves.
async fn while_webex_asks_to_wait(
    method: &str,
    seconds: u32,
    farewell: Option<&Farewell>,
) -> (Scene, Departed) {
    let scene = Scene::start(PARTNERS).await;
    let auditor = scene.auditor().await;
    let before = survey(&auditor).await.unwrap();
    let storm = Misbehaviour::TooManyRequests { retry_after: Some(RetryAfter::Seconds(seconds)) };
    scene.control.fault(Fault::new(storm).method(method).times(1));
    let departing = auditor.depart(&before.found[0], permit(), farewell);
    let meanwhile = async {
        eventually!(scene.control.calls().iter().any(|call| call.method == method));
        scene.control.leave("partners", "tom").unwrap();
    };
    let (departed, ()) = tokio::join!(departing, meanwhile);
    (scene, departed)
}

#[tokio::test]
async fn a_room_that_became_clean_while_webex_asked_to_wait_is_not_left() {
    let (scene, departed) = while_webex_asks_to_wait("DELETE", 3, None).await;
    assert_eq!(departed.action().why(), Some("webex_rate_limited"));
    assert_eq!(scene.writes(), [delete("memberships")], "one try");
    assert!(scene.control.room("partners").unwrap().members.contains(&"helpdesk".to_owned()));
}

#[tokio::test]
async fn a_farewell_that_waits_makes_the_lists_stale_and_the_room_is_read_again() {
    let (scene, departed) = while_webex_asks_to_wait("POST", 4, Some(&goodbye())).await;
    assert_eq!(departed, Departed::Unconfirmed(Unconfirmed::Clean));
    assert!(scene.control.room("partners").unwrap().members.contains(&"helpdesk".to_owned()));
}

#[tokio::test]
async fn a_second_list_that_takes_too_long_is_no_confirmation() {
    let scene = Scene::start(PARTNERS).await;
    let patient = Effort { give_up_after: Duration::from_secs(20), ..super::QUICK };
    let auditor = scene.auditor_by(patient).await;
    let before = survey(&auditor).await.unwrap();
    // The first call waits for longer than a confirmation stands, and is then answered.
    let storm = Misbehaviour::TooManyRequests { retry_after: Some(RetryAfter::Seconds(6)) };
    scene.control.fault(in_rooms(storm).times(1));
    let departed = auditor.depart(&before.found[0], permit(), None).await;
    assert_eq!(departed, Departed::Unconfirmed(Unconfirmed::Stale));
    assert_eq!(scene.writes(), []);
}

#[tokio::test]
async fn a_room_of_a_kind_that_is_not_known_for_sure_is_not_left() {
    let scene = Scene::start(PARTNERS).await;
    let auditor = scene.auditor().await;
    let mut before = survey(&auditor).await.unwrap();
    before.found[0].own.kind = RoomKind::Other;
    let departed = auditor.depart(&before.found[0], permit(), Some(&goodbye())).await;
    assert_eq!(departed, Departed::Unconfirmed(Unconfirmed::Odd));
    assert_eq!((scene.writes(), departed.action().label()), (vec![], "kept"));
}

#[tokio::test]
async fn a_departure_that_webex_did_and_never_answered_is_counted() {
    let scene = Scene::start(PARTNERS).await;
    let auditor = scene.auditor().await;
    let before = survey(&auditor).await.unwrap();
    scene.control.fault(Fault::new(Misbehaviour::HoldsAnswer).method("DELETE"));
    let departed = auditor.depart(&before.found[0], permit(), None).await;
    assert_eq!(departed.action().why(), Some("check_timeout"));
    let members = scene.control.room("partners").unwrap().members;
    assert!(!members.contains(&"helpdesk".to_owned()), "it was done");
    assert_eq!(ever_left(&scene), 1);
}

fn delete(what: &str) -> (String, String) {
    ("DELETE".to_owned(), what.to_owned())
}

#[tokio::test]
async fn gw_b4_a_group_room_is_left_and_a_direct_one_is_hidden() {
    let scene = Scene::start(MIXED).await;
    let auditor = scene.auditor().await;
    let before = survey(&auditor).await.unwrap();
    let (partners, fred) = (found(&scene, &before, "partners"), found(&scene, &before, "fred"));
    let (left, hidden) = tokio::join!(
        auditor.depart(partners, permit(), None),
        auditor.depart(fred, permit(), None)
    );
    assert_eq!((&left, &hidden), (&Departed::Left(Left::Now), &Departed::Left(Left::Hidden)));
    assert_eq!((left.action().label(), hidden.action().label()), ("left", "hidden"));
    let mut writes = scene.writes();
    writes.sort();
    assert_eq!(writes, [delete("memberships"), ("PUT".to_owned(), "memberships".to_owned())]);
    let after = survey(&auditor).await.unwrap();
    assert_eq!((counts(&after), after.found.len()), ((1, 1, 0), 0));
    assert_eq!(scene.row(&after, "fred").action.label(), "already_hidden");
    let records = scene.told.records();
    let told = records.iter().filter(|record| record["audit"] == "room_left");
    let mut reasons: Vec<_> = told.map(|record| record["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["hidden", "left"]);
    assert_eq!(ever_left(&scene), 1, "a hidden room is not left");
}

#[tokio::test]
async fn gw_b4_a_room_that_was_left_in_the_meantime_is_done() {
    let scene = Scene::start(PARTNERS).await;
    let auditor = scene.auditor().await;
    let before = survey(&auditor).await.unwrap();
    scene.control.fault(in_rooms(Misbehaviour::HoldsAnswer).times(1));
    let departing = auditor.depart(&before.found[0], permit(), None);
    let meanwhile = async {
        // The second list is on its way when somebody takes the bot out.
        eventually!(scene.control.calls().len() == 3);
        scene.control.leave("partners", "helpdesk").unwrap();
        scene.control.clear_faults();
    };
    let (departed, ()) = tokio::join!(departing, meanwhile);
    assert_eq!(departed, Departed::Left(Left::Before));
    assert_eq!(departed.action().label(), "gone_before");
    assert_eq!(scene.control.calls().last().unwrap().status, Some(404));
}

#[tokio::test]
async fn two_readings_must_agree_or_the_bot_stays() {
    let scene = Scene::start(PARTNERS).await;
    let auditor = scene.auditor().await;
    let stays = |departed: Departed, why| {
        assert_eq!(departed, Departed::Unconfirmed(why));
        assert_eq!(departed.action().why(), Some(why.label()));
        assert_eq!(scene.writes(), []);
    };
    let before = survey(&auditor).await.unwrap();
    scene.control.join("partners", "fred").unwrap();
    stays(auditor.depart(&before.found[0], permit(), None).await, Unconfirmed::Differs);
    scene.control.leave("partners", "fred").unwrap();
    scene.control.leave("partners", "tom").unwrap();
    stays(auditor.depart(&before.found[0], permit(), None).await, Unconfirmed::Clean);
    scene.control.join("partners", "tom").unwrap();
    scene.control.fault(in_rooms(Misbehaviour::OmitsCaller));
    stays(auditor.depart(&before.found[0], permit(), None).await, Unconfirmed::Incomplete);
    scene.control.clear_faults();
    scene.control.leave("partners", "helpdesk").unwrap();
    stays(auditor.depart(&before.found[0], permit(), None).await, Unconfirmed::Incomplete);
}

#[tokio::test]
async fn a_second_reading_that_fails_leaves_nothing() {
    let retry_after = Some(RetryAfter::Seconds(3600));
    for (misbehaviour, kind) in [
        (Misbehaviour::TooManyRequests { retry_after }, Kind::WebexRateLimited),
        (Misbehaviour::ServerError { status: 500 }, Kind::WebexUnavailable),
        (Misbehaviour::TruncatesBody, Kind::WebexUnavailable),
        (Misbehaviour::HtmlPage { status: 401 }, Kind::TokenRefused),
    ] {
        let scene = Scene::start(PARTNERS).await;
        let auditor = scene.auditor().await;
        let before = survey(&auditor).await.unwrap();
        scene.fault(misbehaviour.clone());
        let departed = auditor.depart(&before.found[0], permit(), None).await;
        let Departed::Unread(outage) = &departed else { panic!("{departed:?}") };
        assert_eq!(outage.kind, kind, "{misbehaviour:?}");
        assert_eq!(departed.action().label(), "kept");
        assert_eq!(scene.writes(), [], "{misbehaviour:?}");
    }
}

#[tokio::test]
async fn a_departure_that_webex_does_not_carry_out_has_failed() {
    let scene = Scene::start(PARTNERS).await;
    let auditor = scene.auditor().await;
    let before = survey(&auditor).await.unwrap();
    let refused = Misbehaviour::ServerError { status: 503 };
    scene.control.fault(Fault::new(refused).method("DELETE"));
    let departed = auditor.depart(&before.found[0], permit(), None).await;
    assert_eq!(departed.action().why(), Some("webex_unavailable"));
    assert_eq!(departed.action().label(), "failed");
    let record = scene.told.records().pop().unwrap();
    assert_eq!(
        (record["audit"].as_str(), record["state"].as_str()),
        (Some("room_left"), Some("failed"))
    );
    assert_eq!(ever_left(&scene), 1, "nobody knows what an unanswered call did");
}

#[tokio::test]
async fn a_farewell_is_said_once_in_a_group_room_and_never_in_a_direct_one() {
    let scene = Scene::start(MIXED).await;
    let auditor = scene.auditor().await;
    let farewell = goodbye();
    let before = survey(&auditor).await.unwrap();
    let (partners, fred) = (found(&scene, &before, "partners"), found(&scene, &before, "fred"));
    let (left, hidden) = tokio::join!(
        auditor.depart(partners, permit(), Some(&farewell)),
        auditor.depart(fred, permit(), Some(&farewell))
    );
    assert_eq!((left, hidden), (Departed::Left(Left::Now), Departed::Left(Left::Hidden)));
    let said = |room| scene.control.messages(room).unwrap().len();
    assert_eq!((said("partners"), said("fred")), (1, 0));
    scene.control.join("partners", "helpdesk").unwrap();
    let again = survey(&auditor).await.unwrap();
    let partners = found(&scene, &again, "partners");
    let departed = auditor.depart(partners, permit(), Some(&farewell)).await;
    assert_eq!((departed, said("partners")), (Departed::Left(Left::Now), 1), "within a day");
    scene.control.join("partners", "helpdesk").unwrap();
    let again = survey(&auditor).await.unwrap();
    let soon = Farewell { at_most_every: Duration::ZERO, ..farewell };
    let partners = found(&scene, &again, "partners");
    auditor.depart(partners, permit(), Some(&soon)).await;
    assert_eq!(said("partners"), 2);
}

#[tokio::test]
async fn nothing_is_said_where_the_bot_stays_and_a_room_that_takes_no_words_is_left_all_the_same() {
    let scene = Scene::start(PARTNERS).await;
    let auditor = scene.auditor().await;
    let farewell = goodbye();
    let before = survey(&auditor).await.unwrap();
    scene.control.leave("partners", "tom").unwrap();
    auditor.depart(&before.found[0], permit(), Some(&farewell)).await;
    assert_eq!((scene.control.messages("partners").unwrap().len(), scene.writes()), (0, vec![]));
    scene.control.join("partners", "tom").unwrap();
    let refused = Misbehaviour::ServerError { status: 500 };
    scene.control.fault(Fault::new(refused).on("/messages"));
    let departed = auditor.depart(&before.found[0], permit(), Some(&farewell)).await;
    assert_eq!(departed, Departed::Left(Left::Now));
}
