//! What a report tells, and what it keeps to itself.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use botwarden::audit::{Added, AddedBy, People, Report, SCHEMA, Shelf, Titles, Who, Wish};
use botwarden::config::Reports;
use botwarden::gate::id::{OrgId, PersonId};
use botwarden::report::RoomState;
use sha2::{Digest as _, Sha256};

use super::{Scene, survey};
use crate::harness::{PEOPLE, Setup};

const ROOMS: &str = "
  staff: { title: The staff, members: [ann, bob, helpdesk] }
  partners: { title: The partners, members: [ann, tom, helpdesk] }
  more: { title: More, members: [ann, tom, fred, helpdesk] }
";
const EVERYTHING: Wish = Wish { titles: Titles::All, people: People::Shown };

#[tokio::test]
async fn names_and_addresses_are_told_only_to_those_who_ask_and_never_logged() {
    let scene = Scene::start(ROOMS).await;
    let auditor = scene.auditor().await;
    let plain = survey(&auditor).await.unwrap();
    let text = serde_json::to_string(&plain.rows).unwrap();
    for private in ["tom@", "Tom", "partners", "@"] {
        assert!(!text.contains(private), "{private}");
    }
    let all = auditor.survey(EVERYTHING, HashMap::new(), &()).await.unwrap();
    let row = scene.row(&all, "partners");
    let tom = &row.people.as_ref().unwrap()[0];
    assert_eq!(row.title.as_deref(), Some("The partners"));
    assert_eq!(
        (tom.email.as_deref(), tom.name.as_deref(), &*tom.org),
        (Some("tom@contoso.example"), Some("Tom"), "contoso")
    );
    assert_eq!(scene.row(&all, "more").people.unwrap().len(), 2, "outsiders only");
    assert_eq!(scene.row(&all, "staff").people, Some(vec![]));
    let shown = format!("{all:?} {:?} {}", row.people, scene.told.text());
    for private in ["tom@", "Tom", "The partners"] {
        assert!(!shown.contains(private), "{private}");
    }
}

#[tokio::test]
async fn foreign_organisations_are_counted_over_all_rooms() {
    let scene = Scene::start(ROOMS).await;
    let survey = scene.survey().await;
    let lines = survey.foreign.lines();
    let told: Vec<_> =
        lines.iter().map(|line| (&*line.org, line.rooms, line.members, line.people)).collect();
    assert_eq!(told, [("contoso", 2, 2, 1), ("consumer", 1, 1, 1)]);
    let more = scene.row(&survey, "more");
    assert_eq!(more.orgs.values().sum::<usize>(), 3);
    assert_eq!(more.offending, [("consumer".into(), 1), ("contoso".into(), 1)].into());
}

/// `/narrow` lets in Example only, `/hook` Contoso too.
#[tokio::test]
async fn a_route_with_a_narrower_policy_is_named_although_the_room_is_clean_for_another() {
    let routes = "{helpdesk: ROUTE, narrow: {path: /narrow, bot: helpdesk, upstream: BOT, policy: {allowed_orgs: [example]}}}";
    let setup = Setup::new().with("policy", "{allowed_orgs: [example, contoso]}");
    let scene = Scene::of(setup.with("routes", routes), ROOMS).await;
    let survey = scene.survey().await;
    let refused = |room| {
        let row = scene.row(&survey, room);
        (row.state, row.refused_by.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(refused("staff"), (RoomState::Clean, vec![]));
    assert_eq!(refused("partners"), (RoomState::Clean, vec!["narrow".into()]));
    assert_eq!(refused("more"), (RoomState::Outsiders, vec!["helpdesk".into(), "narrow".into()]));
}

#[tokio::test]
async fn gw_b7_who_added_the_bot_is_known_from_the_event_and_never_guessed() {
    let scene = Scene::start(ROOMS).await;
    let person = |name| PersonId::parse(&scene.control.person(name).unwrap().id).unwrap().key();
    scene.control.leave("partners", "helpdesk").unwrap();
    let at = SystemTime::now();
    scene.control.join("partners", "helpdesk").unwrap();
    scene.ledger.added(scene.key("partners"), Added { by: Who::Person(person("tom")), at });
    // Known from an earlier membership of the bot; who made this one, nobody saw.
    let long_ago = at - Duration::from_hours(1);
    let contoso = OrgId::parse("5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22").unwrap().key();
    scene.ledger.added(scene.key("more"), Added { by: Who::Org(contoso), at: long_ago });
    let survey = scene.survey().await;
    let added = |room| scene.row(&survey, room).added_by;
    let AddedBy::Organisation { org, at: told } = added("partners") else { panic!("unknown") };
    assert_eq!((&*org, told), ("contoso", at));
    assert_eq!((added("more"), added("staff")), (AddedBy::Unknown, AddedBy::Unknown));
    // Tom goes; what was found out stays known.
    scene.control.leave("partners", "tom").unwrap();
    let survey = scene.survey().await;
    assert_eq!(scene.row(&survey, "partners").added_by.label(), "contoso");
    let report = Report::new(vec![survey], "01234567", at);
    let told: Vec<_> =
        report.summary.added_by.iter().map(|one| (one.org.as_deref(), one.rooms)).collect();
    assert_eq!(told, [(Some("contoso"), 1), (None, 2)]);
}

#[tokio::test]
async fn gw_b7_somebody_who_is_not_in_the_list_stays_unknown() {
    let scene = Scene::start(ROOMS).await;
    scene.control.leave("staff", "helpdesk").unwrap();
    scene.control.join("staff", "helpdesk").unwrap();
    let fred = PersonId::parse(&scene.control.person("fred").unwrap().id).unwrap().key();
    let added = Added { by: Who::Person(fred), at: SystemTime::now() };
    scene.ledger.added(scene.key("staff"), added);
    let survey = scene.survey().await;
    assert_eq!(scene.row(&survey, "staff").added_by, AddedBy::Unknown);
}

fn reports(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_report_is_a_file_of_its_own_that_only_its_owner_reads_and_old_ones_go() {
    use std::os::unix::fs::PermissionsExt as _;

    let scene = Scene::start(ROOMS).await;
    let dir = tempfile::tempdir().unwrap();
    for foreign in ["helpdesk-notes.json", "helpdesk-2-20200101T000000000Z.json", "ledger.jsonl"] {
        std::fs::write(dir.path().join(foreign), PEOPLE).unwrap();
    }
    let keep = Duration::from_hours(24);
    let shelf = Shelf::new(&Reports { dir: dir.path().to_owned(), keep });
    let old = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_603_600_250);
    let mut filed = Vec::new();
    for at in [old, old + keep, old + keep + Duration::from_millis(1)] {
        let report = Report::new(vec![scene.survey().await], "01234567", at);
        filed.push(shelf.file("helpdesk", &report).await.unwrap());
    }
    assert_eq!(filed.iter().map(|filed| filed.removed).collect::<Vec<_>>(), [0, 0, 1]);
    let expected = [
        "helpdesk-2-20200101T000000000Z.json",
        "helpdesk-20260106T090000250Z.json",
        "helpdesk-20260106T090000251Z.json",
        "helpdesk-notes.json",
        "ledger.jsonl",
    ];
    assert_eq!(reports(dir.path()), expected);
    let last = &filed[2];
    let bytes = std::fs::read(&last.path).unwrap();
    assert_eq!(last.sha256, base16ct::lower::encode_string(&Sha256::digest(&bytes)));
    let mode = std::fs::metadata(&last.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read: Report = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&*read.schema, read.rows.len(), read.summary.rooms.outsiders), (SCHEMA, 3, 2));
    assert_eq!(last.uncleared, None);
    let gone = Shelf::new(&Reports { dir: dir.path().join("none"), keep });
    let problem = gone.file("helpdesk", &read).await.unwrap_err().to_string();
    assert!(problem.contains("cannot be written"), "{problem}");
}

#[tokio::test]
async fn what_cannot_be_removed_hides_no_report_and_keeps_no_other_old_one() {
    let scene = Scene::start(ROOMS).await;
    let dir = tempfile::tempdir().unwrap();
    for n in 0..9 {
        let name = format!("helpdesk-2020010{n}T000000000Z.json", n = n + 1);
        match n % 3 {
            0 => std::fs::create_dir(dir.path().join(name)).unwrap(),
            _ => std::fs::write(dir.path().join(name), "{}").unwrap(),
        }
    }
    let shelf = Shelf::new(&Reports { dir: dir.path().to_owned(), keep: Duration::from_hours(1) });
    let report = Report::new(vec![scene.survey().await], "01234567", SystemTime::now());
    let filed = shelf.file("helpdesk", &report).await.unwrap();
    assert!(filed.path.is_file() && filed.uncleared.is_some());
    assert_eq!((filed.removed, reports(dir.path()).len()), (6, 4));
}
