//! What each room is: clean and with outsiders by a complete list only, unknown otherwise.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use botwarden::audit::rail;
use botwarden::config::MaxLeave;
use botwarden::report::RoomState;
use botwarden::report::outage::Kind;
use botwarden::simulator::{Fault, Misbehaviour, RetryAfter};
use botwarden::webex::Effort;
use tokio::time::Instant;

use super::{PLAIN, QUICK, Scene, counts, in_rooms, survey};
use crate::harness::Setup;

/// A clean room, one with outsiders and a direct one.
const THREE: &str = "
  staff: { title: Staff, members: [ann, bob, helpdesk] }
  partners: { title: Partners, members: [ann, tom, helpdesk] }
  fred: { title: Fred, type: direct, members: [fred, helpdesk] }
";

fn many(rooms: usize, more: usize) -> String {
    (0..rooms).fold(String::new(), |mut yaml, n| {
        let fill = format!("fill: {{org: example, count: {more}}}");
        writeln!(yaml, "  r{n:04}: {{title: R, members: [ann, helpdesk], {fill}}}").unwrap();
        yaml
    })
}

#[tokio::test]
async fn gw_b1_a_survey_alone_writes_nothing() {
    let scene = Scene::start(THREE).await;
    let survey = scene.survey().await;
    assert_eq!((counts(&survey), survey.found.len()), ((1, 2, 0), 2));
    assert_eq!(scene.writes(), []);
}

/// Whatever goes wrong with the list of a room: unknown, for this reason; and nothing can be left.
async fn unknown(misbehaviour: Misbehaviour, reason: &str) {
    let scene = Scene::start(THREE).await;
    let auditor = scene.auditor().await;
    scene.fault(misbehaviour.clone());
    let survey = survey(&auditor).await.unwrap();
    assert_eq!(counts(&survey), (0, 0, 3), "{misbehaviour:?}");
    for row in &survey.rows {
        assert_eq!((row.reason.as_ref(), row.action.label()), (reason, "none"), "{misbehaviour:?}");
        assert_eq!(row.members, None, "{misbehaviour:?}");
    }
    assert!(survey.found.is_empty(), "{misbehaviour:?}: nothing can be left");
    assert_eq!(scene.writes(), [], "{misbehaviour:?}");
    let records = scene.told.records();
    assert!(records.iter().all(|record| record["audit"] == "room_found"));
    assert_eq!(records.len(), 3, "{misbehaviour:?}");
}

#[tokio::test]
async fn gw_b2_429_is_unknown() {
    let retry_after = Some(RetryAfter::Seconds(1));
    unknown(Misbehaviour::TooManyRequests { retry_after }, "webex_rate_limited").await;
}

#[tokio::test]
async fn gw_b2_500_is_unknown() {
    for status in [500, 503] {
        unknown(Misbehaviour::ServerError { status }, "webex_unavailable").await;
    }
}

#[tokio::test]
async fn gw_b2_timeout_is_unknown() {
    unknown(Misbehaviour::Hangs, "check_timeout").await;
}

#[tokio::test]
async fn gw_b2_truncated_is_unknown() {
    unknown(Misbehaviour::TruncatesBody, "webex_unavailable").await;
    unknown(Misbehaviour::DropsConnection, "webex_unavailable").await;
}

#[tokio::test]
async fn gw_b2_partial_is_unknown() {
    for misbehaviour in [
        Misbehaviour::OmitsCaller,
        Misbehaviour::LoopingNextLink,
        Misbehaviour::EmptyPage,
        Misbehaviour::ForeignItem,
    ] {
        unknown(misbehaviour, "room_incomplete").await;
    }
    unknown(Misbehaviour::ModeratorsOnly, "room_empty").await;
    let origin = "https://elsewhere.example".to_owned();
    unknown(Misbehaviour::ForeignNextLink { origin }, "webex_unavailable").await;
}

#[tokio::test]
async fn gw_b2_html_is_unknown() {
    for status in [200, 403, 404, 502] {
        unknown(Misbehaviour::HtmlPage { status }, "webex_unavailable").await;
    }
}

#[tokio::test]
async fn gw_b2_somebody_without_an_organisation_makes_a_clean_room_unknown_and_no_room_to_leave() {
    let scene = Scene::start(THREE).await;
    let auditor = scene.auditor().await;
    scene.fault(Misbehaviour::OmitsOrg);
    let survey = survey(&auditor).await.unwrap();
    let staff = scene.row(&survey, "staff");
    // The last in each list is the bot itself, which is exempt.
    assert_eq!((staff.state, staff.unplaced), (RoomState::Clean, 1));
    scene.control.clear_faults();
    scene.control.join("staff", "fred").unwrap();
    scene.control.join("partners", "fred").unwrap();
    scene.fault(Misbehaviour::OmitsOrg);
    let survey = super::survey(&auditor).await.unwrap();
    let (staff, partners) = (scene.row(&survey, "staff"), scene.row(&survey, "partners"));
    assert_eq!((staff.state, staff.reason.as_ref()), (RoomState::Unknown, "org_missing"));
    assert_eq!(partners.state, RoomState::Outsiders, "Tom surely is one");
    assert_eq!(partners.action.why(), Some("list_incomplete"));
    assert!(survey.found.iter().all(|found| found.own.room.key() != scene.key("partners")));
}

#[tokio::test]
async fn gw_b2_a_429_storm_gives_zero_departures_and_an_end() {
    let scene = Scene::start(&many(200, 1)).await;
    let auditor = scene.auditor().await;
    let retry_after = Some(RetryAfter::Seconds(3600));
    scene.fault(Misbehaviour::TooManyRequests { retry_after });
    let began = Instant::now();
    let storm = survey(&auditor).await.unwrap();
    assert_eq!((counts(&storm), storm.found.len()), ((0, 0, 200), 0));
    assert!(storm.rows.iter().all(|row| row.reason == "webex_rate_limited"));
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert!(scene.control.calls().len() < 10, "an hour of silence was asked for");
    assert_eq!(survey(&auditor).await.unwrap_err().kind, Kind::WebexRateLimited);
    assert_eq!(scene.writes(), []);
}

#[tokio::test]
async fn gw_b2_a_webex_that_answers_nothing_is_not_asked_about_every_room() {
    let scene = Scene::start(&many(2000, 0)).await;
    let effort = Effort { give_up_after: Duration::from_secs(1), ..QUICK };
    let auditor = scene.auditor_by(effort).await;
    scene.fault(Misbehaviour::ServerError { status: 502 });
    let outcome = survey(&auditor).await.unwrap();
    assert_eq!((counts(&outcome), outcome.found.len()), ((0, 0, 2000), 0));
    assert!(outcome.rows.iter().all(|row| row.reason == "webex_unavailable"));
    assert_eq!(scene.told.records().len(), 1000, "no flood of records");
    let tries = scene.control.calls().len();
    assert!((40..2000).contains(&tries), "at least twenty rooms, twice each: {tries}");
    scene.control.clear_faults();
    let next = survey(&auditor).await.unwrap();
    assert_eq!(counts(&next), (2000, 0, 0), "and the next audit asks again");
}

#[tokio::test]
async fn rooms_that_could_not_be_read_are_tried_once_more_when_all_others_are_done() {
    let scene = Scene::start(&many(40, 1)).await;
    scene.control.join("r0000", "tom").unwrap();
    let auditor = scene.auditor().await;
    scene.control.fault(in_rooms(Misbehaviour::ServerError { status: 503 }).times(40));
    let survey = survey(&auditor).await.unwrap();
    assert_eq!((counts(&survey), survey.found.len()), ((39, 1, 0), 1));
    assert_eq!(scene.control.calls().len(), 1 + 40 + 40, "the list, what failed, and each room");
}

#[tokio::test]
async fn a_429_is_waited_out_when_there_is_time() {
    let scene = Scene::start(THREE).await;
    let auditor = scene.auditor().await;
    let retry_after = Some(RetryAfter::Seconds(1));
    scene.control.fault(in_rooms(Misbehaviour::TooManyRequests { retry_after }).times(1));
    let survey = survey(&auditor).await.unwrap();
    assert_eq!(counts(&survey), (1, 2, 0));
    assert_eq!((survey.silences.times, survey.silences.waited.as_secs()), (1, 1));
}

#[tokio::test]
async fn gw_b2_a_list_of_rooms_that_is_not_complete_is_no_audit() {
    let origin = "https://elsewhere.example".to_owned();
    for misbehaviour in [
        Misbehaviour::ServerError { status: 500 },
        Misbehaviour::HtmlPage { status: 200 },
        Misbehaviour::HtmlPage { status: 404 },
        Misbehaviour::TruncatesBody,
        Misbehaviour::LoopingNextLink,
        Misbehaviour::EmptyPage,
        Misbehaviour::ForeignNextLink { origin },
    ] {
        let scene = Scene::start(THREE).await;
        let auditor = scene.auditor().await;
        scene.control.fault(Fault::new(misbehaviour.clone()).on("/memberships"));
        let outage = survey(&auditor).await.unwrap_err();
        assert_eq!(outage.kind, Kind::WebexUnavailable, "{misbehaviour:?}");
        let asked_about_rooms =
            scene.control.calls().iter().any(|call| call.query.contains("roomId"));
        assert!(!asked_about_rooms && scene.writes().is_empty(), "{misbehaviour:?}");
    }
}

#[tokio::test]
async fn gw_b2_a_refused_token_ends_it_at_once() {
    let scene = Scene::start(&many(100, 1)).await;
    let auditor = scene.auditor().await;
    scene.fault(Misbehaviour::HtmlPage { status: 401 });
    let outage = survey(&auditor).await.unwrap_err();
    assert_eq!(outage.kind, Kind::TokenRefused);
    assert!(scene.control.calls().len() < 20, "{}", scene.control.calls().len());
}

#[tokio::test]
async fn gw_b3_250_rooms_of_250_members_one_outsider_in_the_last_slot_is_exactly_one_violation() {
    let scene = Scene::start(&many(250, 247)).await;
    scene.control.join("r0249", "tom").unwrap();
    let survey = scene.survey().await;
    assert_eq!(counts(&survey), (249, 1, 0));
    let row = scene.row(&survey, "r0249");
    assert_eq!((row.state, row.members), (RoomState::Outsiders, Some(250)));
    assert_eq!(row.offending, [("contoso".into(), 1)].into());
    assert_eq!(scene.control.calls().len(), 251, "one page of rooms, one page a room");
}

#[tokio::test]
async fn gw_b3_short_pages_on_both_levels_hide_nobody() {
    let scene = Scene::start(&many(23, 20)).await;
    scene.control.join("r0022", "tom").unwrap();
    let auditor = scene.auditor().await;
    scene.control.fault(Fault::new(Misbehaviour::ShortPages { most: 5 }).on("/memberships"));
    let survey = survey(&auditor).await.unwrap();
    assert_eq!((counts(&survey), survey.calls), ((22, 1, 0), 5 + 23 * 5));
    assert_eq!(scene.row(&survey, "r0022").members, Some(23));
    assert_eq!(scene.control.calls().len(), survey.calls);
}

#[tokio::test]
async fn clean_rooms_cost_one_call_each_and_titles_only_where_they_are_wanted() {
    let scene = Scene::start(&format!("{}{THREE}", many(30, 3))).await;
    let auditor = scene.auditor().await;
    for (titles, calls) in [
        (botwarden::audit::Titles::None, 1 + 33),
        (botwarden::audit::Titles::Unclean, 1 + 33 + 2),
        (botwarden::audit::Titles::All, 1 + 33 + 33),
    ] {
        scene.control.clear_log();
        let wish = botwarden::audit::Wish { titles, ..PLAIN };
        let survey = auditor.survey(wish, HashMap::new(), &()).await.unwrap();
        assert_eq!((scene.control.calls().len(), survey.calls), (calls, calls), "{titles:?}");
        let titled = survey.rows.iter().filter(|row| row.title.is_some()).count();
        assert_eq!(titled, calls - 34, "{titles:?}");
    }
}

/// The script that this replaces compared the organisations in the room with those that are allowed, bot included: a
/// room that lacked one of two allowed organisations was left.
#[tokio::test]
async fn holes_b2_a_room_without_one_of_the_allowed_organisations_is_clean() {
    let setup = Setup::new().with("policy", "{allowed_orgs: [example, contoso]}");
    let rooms = format!("{THREE}  mixed: {{ title: M, members: [ann, tom, helpdesk] }}\n");
    let scene = Scene::of(setup, &rooms).await;
    let survey = scene.survey().await;
    assert_eq!(counts(&survey), (3, 1, 0));
    let staff = scene.row(&survey, "staff");
    assert_eq!(staff.orgs, [("example".into(), 2)].into(), "the bot's own is left out");
    assert_eq!(staff.members, Some(3));
    assert_eq!(scene.row(&survey, "fred").orgs, [("consumer".into(), 1)].into());
}

#[tokio::test]
async fn gw_b5_the_rail_counts_what_was_found_of_all_rooms() {
    let most = |found, rooms, most| rail(found, rooms, most).map_err(|many| many.most);
    let permits = |found, rooms, limit| {
        let mut allowance = most(found, rooms, limit).ok()?;
        Some(std::iter::from_fn(|| allowance.permit()).count())
    };
    assert_eq!(permits(10, 1000, MaxLeave::Rooms(10)), Some(10));
    assert_eq!(permits(3, 1000, MaxLeave::Rooms(10)), Some(3), "no more than were found");
    assert_eq!(most(11, 1000, MaxLeave::Rooms(10)).unwrap_err(), 10);
    assert_eq!(permits(20, 100, MaxLeave::Percent(20)), Some(20));
    assert_eq!(most(21, 100, MaxLeave::Percent(20)).unwrap_err(), 20);
    assert_eq!(permits(1, 3, MaxLeave::Percent(20)), Some(1), "one of few is allowed");
    assert_eq!(most(2, 3, MaxLeave::Percent(20)).unwrap_err(), 1);
    assert_eq!(permits(0, 0, MaxLeave::Rooms(0)), Some(0));
    let told = rail(3, 9, MaxLeave::Rooms(2)).unwrap_err().to_string();
    assert!(told.contains("3 of 9") && told.contains("allows to leave 2"), "{told}");
}

#[tokio::test]
async fn an_interrupted_audit_goes_on_with_the_clean_rooms_it_knows_and_reads_all_others_again() {
    let scene = Scene::start(THREE).await;
    let auditor = scene.auditor_by(QUICK).await;
    let first = survey(&auditor).await.unwrap();
    let text = serde_json::to_string(&first.rows).unwrap();
    let rows: Vec<botwarden::audit::Row> = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&rows).unwrap(), text, "a row survives being written down");
    let known = rows.into_iter().map(|row| (row.room.clone(), row)).collect();
    scene.control.clear_log();
    let second = auditor.survey(PLAIN, known, &()).await.unwrap();
    assert_eq!((counts(&second), second.found.len(), second.calls), ((1, 2, 0), 2, 3));
    let read_at =
        scene.row(&first, "staff").read_at.duration_since(scene.row(&second, "staff").read_at);
    assert!(read_at.unwrap().as_millis() == 0, "it was not read again");
}
