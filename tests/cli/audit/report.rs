//! What is told.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use botwarden::simulator::{Fault, Misbehaviour, RetryAfter};
use serde_json::Value;
use tokio::time::Instant;

use super::site::{MIXED, Site, Webex, ends};
use crate::harness::{document, err, out};

#[test]
fn gw_b1_an_audit_changes_nothing_and_says_how_to() {
    let webex = Webex::with(MIXED);
    let found = Site::new(&webex).audit(&[]);
    ends(&found, 1);
    assert_eq!(webex.writes(), [""; 0]);
    assert!(out(&found).contains("would leave") && out(&found).contains("would hide"));
    assert!(err(&found).contains("3 rooms would be left or hidden"), "{}", err(&found));
    assert!(err(&found).contains("--apply"), "{}", err(&found));
}

#[test]
fn a_clean_bot_is_0() {
    let webex = Webex::with("rooms: {staff: {title: Staff, members: [ann, helpdesk]}}");
    let clean = Site::new(&webex).audit(&[]);
    ends(&clean, 0);
    assert!(out(&clean).contains("helpdesk: 1 room: 1 clean, 0 with outsiders, 0 unknown\n"));
    let told = ["audit:", "--apply", "--resume"].iter().any(|word| err(&clean).contains(word));
    assert!(!told, "{}", err(&clean));
}

#[test]
fn gw_b2_a_room_that_cannot_be_read_is_unknown_and_never_left() {
    let faults = [
        (Misbehaviour::ServerError { status: 500 }, "webex_unavailable"),
        (Misbehaviour::TooManyRequests { retry_after: None }, "webex_rate_limited"),
        (
            Misbehaviour::TooManyRequests { retry_after: Some(RetryAfter::Seconds(60)) },
            "webex_rate_limited",
        ),
        (Misbehaviour::TruncatesBody, "webex_unavailable"),
        (Misbehaviour::Hangs, "check_timeout"),
        (Misbehaviour::LoopingNextLink, "room_incomplete"),
        (Misbehaviour::OmitsOrg, "org_missing"),
    ];
    let rooms = "
rooms:
  friends: { title: F, members: [ann, helpdesk, tom] }
  staff: { title: S, members: [ann, helpdesk] }
";
    let webex = Webex::with(rooms);
    let (site, friends) = (Site::new(&webex), format!("roomId={}", webex.id("friends")));
    for (misbehaviour, reason) in faults {
        let label = format!("{misbehaviour:?}");
        // Whoever is told to slow down asks about no other room either: it may be that nothing was found out.
        let silences = matches!(misbehaviour, Misbehaviour::TooManyRequests { .. });
        webex.control.fault(Fault::new(misbehaviour).asking(&friends));
        let page = site.audit(&["--patience", "1s", "--apply", "--yes"]);
        let ended = page.status.code();
        assert!(ended == Some(1) || (silences && ended == Some(69)), "{label}: {}", err(&page));
        let row = out(&page).lines().nth(1).unwrap().to_owned();
        assert!(row.contains(&format!("unknown: {reason}")), "{label}: {row}");
        assert!(out(&page).contains("unknown never counts as clean"), "{}", out(&page));
        if !silences {
            ends(&site.audit(&["--patience", "1s", "--fail-on", "outsiders"]), 0);
        }
        webex.control.clear_faults();
    }
    assert_eq!(webex.writes(), [""; 0]);
}

#[test]
fn an_audit_that_found_out_nothing_is_no_success_whatever_is_asked_for() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    let storm = Misbehaviour::TooManyRequests { retry_after: Some(RetryAfter::Seconds(3600)) };
    webex.control.fault(Fault::new(storm).on("/memberships").asking("roomId="));
    for fail_on in ["incomplete", "outsiders", "none"] {
        let vain = site.audit(&["--fail-on", fail_on, "--patience", "1s"]);
        ends(&vain, 69);
        assert!(err(&vain).contains("none of its rooms could be read"), "{}", err(&vain));
        assert!(out(&vain).contains("6 unknown"), "{}", out(&vain));
    }
}

#[test]
fn gw_b6_table_document_lines_and_spreadsheet_tell_the_same() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    let text = site.audit(&["--csv", "rooms.csv"]);
    ends(&text, 1);
    let page = out(&text);
    for words in [
        "=cmd|partners",
        "6 rooms: 3 clean, 3 with outsiders, 0 unknown",
        "Foreign organisations over all rooms",
        "Added by organisation",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    assert!(!page.contains("Staff"), "clean rooms are not shown\n{page}");
    let json = document(&site.audit(&["--json"]));
    assert_eq!(json["schema"], "botwarden/audit/1");
    let bot = &json["bots"][0];
    assert_eq!((bot["outcome"].as_str(), bot["rooms"].as_u64()), (Some("complete"), Some(6)));
    assert_eq!(bot["counts"], serde_json::json!({"clean": 3, "outsiders": 3, "unknown": 0}));
    assert_eq!(json["foreign_orgs"][0]["org"], "contoso");
    assert_eq!(json["foreign_orgs"][0]["rooms"], 2);
    assert_eq!(json["foreign_orgs"][0]["people"], 2, "Tom is in two rooms and one person");
    let lines = site.audit(&["-o", "jsonl"]);
    let rooms: Vec<Value> =
        out(&lines).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut ids: Vec<_> = rooms.iter().map(|room| room["room_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((rooms.len(), ids.len()), (6, 6), "each room once");
    let csv = site.read("rooms.csv");
    assert_eq!(csv.lines().count(), 7, "{csv}");
    assert!(csv.contains(",'=cmd|partners,"), "{csv}");
}

#[test]
fn gw_b6_addresses_are_told_only_to_who_asks_for_them() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    for form in [&["--csv", "rooms.csv"][..], &["--json"], &["-o", "jsonl"]] {
        let hidden = site.audit(form);
        for text in [out(&hidden), err(&hidden), site.read("rooms.csv")] {
            assert!(!text.contains('@') && !text.contains("Tom"), "{text}");
        }
        let told = site.audit(&[form, &["--with-emails"]].concat());
        assert!(out(&told).contains("tom@contoso.example"), "{}", out(&told));
        if form[0] == "--csv" {
            assert!(site.read("rooms.csv").contains("tom@contoso.example"));
            ends(&site.audit(form), 1);
        }
    }
}

#[test]
fn a_spreadsheet_is_for_its_owner_only_whatever_was_there_before() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    let path = site.path().join("rooms.csv");
    site.write("rooms.csv", "old");
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    ends(&site.audit(&["--csv", "rooms.csv", "--with-emails"]), 1);
    assert!(site.read("rooms.csv").contains("tom@contoso.example"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn titles_are_asked_for_as_was_said() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    for (which, expected) in [("none", 0), ("unclean", 3), ("all", 6)] {
        webex.control.clear_log();
        site.audit(&["--titles", which]);
        let calls = webex.control.calls();
        let asked = calls.iter().filter(|call| call.path.starts_with("/rooms/")).count();
        assert_eq!(asked, expected, "{which}");
    }
}

/// The moment at which everything in a simulated world was made.
const ADDED: &str = "2026-01-05T09:00:00.000Z";

#[test]
fn gw_b7_who_added_the_bot_is_told_where_the_gateway_saw_it() {
    let webex = Webex::with(MIXED);
    let site = Site::of(&webex, &["helpdesk"], "{reports: {dir: ./audits}}");
    std::fs::create_dir(site.path().join("audits")).unwrap();
    let uuid = |room: &str| {
        let json = document(&site.audit(&["--json"]));
        let rows = json["bots"][0]["rows"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["room_id"] == webex.id(room)).unwrap();
        row["room"].as_str().unwrap().to_owned()
    };
    let line = |room: &str, bot: &str, at: &str| {
        let room = uuid(room);
        let org = "5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22";
        format!(
            "{{\"at\":\"{at}\",\"bot\":\"{bot}\",\"what\":\"added\",\"room\":\"{room}\",\"org\":\"{org}\"}}\n"
        )
    };
    let ledger = [
        line("partners", "helpdesk", ADDED),
        line("friends", "helpdesk", "2025-01-05T09:00:00.000Z"),
        line("staff", "survey", ADDED),
    ];
    site.write("audits/ledger.jsonl", &ledger.concat());
    let page = out(&site.audit(&[]));
    let row = |title: &str| {
        let row = page.lines().find(|line| line.starts_with(title)).unwrap();
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(row("=cmd|partners").contains(" contoso contoso outsiders: "), "{page}");
    assert!(row("Friends").contains(" unknown outsiders: "), "of an earlier membership\n{page}");
    let json = document(&site.audit(&["--json"]));
    let expected = serde_json::json!([{"org": "contoso", "rooms": 1}, {"org": null, "rooms": 5}]);
    assert_eq!(json["added_by"], expected);
}

#[test]
fn without_a_terminal_nothing_is_told_about_progress_for_ten_seconds() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    webex.control.fault(Fault::new(Misbehaviour::Slow { milliseconds: 300 }).asking("roomId="));
    let began = Instant::now();
    let slow = site.audit(&["--fail-on", "none"]);
    ends(&slow, 0);
    let most = began.elapsed().as_secs() / 10;
    let lines = err(&slow).lines().filter(|line| line.starts_with("audit: ")).count();
    assert!(u64::try_from(lines).unwrap() <= most, "{}", err(&slow));
}
