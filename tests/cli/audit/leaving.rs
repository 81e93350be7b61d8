//! `--apply`

use std::io::Read as _;

use botwarden::simulator::{Fault, Misbehaviour};

use super::site::{MIXED, Site, Webex, ends, interrupt, until};
use crate::harness::{Background, document, err, observe, out};

/// Two bots; one of them in many rooms with outsiders.
const TWO: &str = "
rooms:
  a: { title: A, members: [tom, helpdesk] }
  b: { title: B, members: [tom, helpdesk] }
  c: { title: C, members: [tom, helpdesk] }
  d: { title: D, members: [ann, helpdesk] }
  e: { title: E, members: [tom, survey] }
  f: { title: F, members: [ann, survey] }
";

#[test]
fn group_rooms_are_left_and_direct_ones_hidden() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    let done = site.audit(&["--apply", "--yes"]);
    ends(&done, 1);
    let page = out(&done);
    assert!(page.contains("  left\n") && page.contains("  hidden\n"), "{page}");
    assert!(!page.contains("would"), "{page}");
    for (room, stays) in [("partners", false), ("friends", false), ("staff", true)] {
        assert_eq!(webex.holds(room, "helpdesk"), stays, "{room}");
    }
    let mut writes = webex.writes();
    for write in &mut writes {
        write.truncate(6);
    }
    writes.sort();
    assert_eq!(writes, ["DELETE", "DELETE", "PUT /m"]);
    let after = site.audit(&["--apply", "--yes", "--fail-on", "none"]);
    ends(&after, 0);
    assert!(out(&after).contains("already hidden"), "{}", out(&after));
    assert_eq!(webex.writes().len(), 3, "what is done is done");
}

#[test]
fn where_no_room_is_clean_none_is_left_unless_their_number_is_named() {
    let webex = Webex::with(
        "
rooms:
  a: { title: A, members: [tom, helpdesk] }
  b: { title: B, members: [tom, helpdesk] }
",
    );
    let site = Site::new(&webex);
    let refused = site.audit(&["--apply", "--yes"]);
    ends(&refused, 3);
    assert!(err(&refused).contains("none of its rooms is clean"), "{}", err(&refused));
    assert!(err(&refused).contains("--max-leave 2"), "{}", err(&refused));
    assert_eq!(webex.writes(), [""; 0]);
    ends(&site.audit(&["--apply", "--yes", "--max-leave", "2"]), 1);
    assert_eq!(webex.writes().len(), 2);
}

#[test]
fn gw_b5_one_bot_above_the_rail_and_nothing_is_left_for_any() {
    let webex = Webex::with(TWO);
    let site = Site::of(&webex, &["helpdesk", "survey"], "{}");
    for rail in ["2", "50%", "0"] {
        let refused = site.audit(&["--apply", "--yes", "--max-leave", rail]);
        ends(&refused, 3);
        assert!(err(&refused).contains("3 of 4 rooms have outsiders"), "{}", err(&refused));
        assert!(err(&refused).contains("Nothing was left, for any bot"), "{}", err(&refused));
        assert!(out(&refused).contains("would leave"), "{}", out(&refused));
    }
    assert_eq!(webex.writes(), [""; 0]);
    let done = site.audit(&["--apply", "--yes", "--max-leave", "3", "-o", "jsonl"]);
    ends(&done, 1);
    assert_eq!(webex.writes().len(), 4);
    assert_eq!(out(&done).lines().count(), 6, "each room once, also those that were left");
    assert_eq!(out(&done).matches("{\"what\":\"left\"}").count(), 4, "{}", out(&done));
}

#[test]
fn gw_b5_the_rail_of_the_configuration_counts_without_another() {
    let webex = Webex::with(TWO);
    let site = Site::of(&webex, &["helpdesk"], "{max_leave: 1}");
    ends(&site.audit(&["--apply", "--yes"]), 3);
    assert_eq!(webex.writes(), [""; 0]);
}

#[test]
fn what_only_observes_leaves_nothing() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    observe(&site.path().join("gateway.yaml"));
    let refused = site.audit(&["--apply", "--yes"]);
    ends(&refused, 3);
    assert!(err(&refused).contains("route `helpdesk` only observes"), "{}", err(&refused));
    assert_eq!(webex.writes(), [""; 0]);
}

#[test]
fn without_somebody_to_ask_yes_must_be_said_before() {
    let webex = Webex::with(MIXED);
    let refused = Site::new(&webex).audit(&["--apply"]);
    ends(&refused, 2);
    assert!(err(&refused).contains("--yes"), "{}", err(&refused));
    assert!(webex.control.calls().is_empty(), "nothing was even read");
}

#[test]
fn gw_b2_a_list_of_rooms_that_breaks_off_is_no_audit() {
    let webex = Webex::with(TWO);
    let site = Site::of(&webex, &["helpdesk", "survey"], "{}");
    let broken = Misbehaviour::ServerError { status: 502 };
    webex.control.fault(Fault::new(broken).on("/memberships").by("helpdesk"));
    let done = site.audit(&["--apply", "--yes", "--patience", "1s", "--json"]);
    ends(&done, 69);
    let json = document(&done);
    assert_eq!(json["bots"][0]["outcome"], "failed");
    assert_eq!(json["bots"][1]["outcome"], "complete");
    assert!(!err(&done).contains("--resume"), "no room was read\n{}", err(&done));
    assert!(webex.holds("a", "helpdesk") && !webex.holds("e", "survey"));
}

#[test]
fn a_room_that_cannot_be_left_is_told_with_the_reason() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    let broken = Misbehaviour::ServerError { status: 503 };
    webex.control.fault(Fault::new(broken).method("DELETE"));
    let failed = site.audit(&["--apply", "--yes", "--patience", "1s", "--fail-on", "none"]);
    ends(&failed, 69);
    assert!(out(&failed).contains("failed: webex_unavailable"), "{}", out(&failed));
    assert!(webex.holds("partners", "helpdesk"));
}

#[test]
fn an_interruption_lets_the_room_at_hand_come_to_its_end() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    for method in ["DELETE", "PUT"] {
        webex.control.fault(Fault::new(Misbehaviour::HoldsAnswer).method(method));
    }
    let arguments = Site::arguments(&["--apply", "--yes"]);
    let mut audit = Background::start(site.path(), &arguments);
    until("it leaves a room", || !webex.writes().is_empty());
    interrupt(&audit.child, "-INT");
    Background::line(&mut audit.err, "stopping after this room");
    webex.control.clear_faults();
    let mut page = String::new();
    audit.out.read_to_string(&mut page).unwrap();
    assert_eq!(audit.child.wait().unwrap().code(), Some(130), "{page}");
    let done = page.lines().filter(|line| line.ends_with(" left") || line.ends_with(" hidden"));
    assert_eq!((done.count(), webex.writes().len()), (1, 1), "{page}");
    assert_eq!(page.matches(" would ").count(), 2, "{page}");
}

/// Some rooms are hidden before the first group room comes.
const HELD: &str = "
rooms:
  tom-helpdesk: { title: Helpdesk, type: direct, members: [tom, helpdesk] }
  fred-helpdesk: { title: Helpdesk, type: direct, members: [fred, helpdesk] }
  friends: { title: Friends, members: [ann, tom, helpdesk] }
  partners: { title: Partners, members: [ann, tom, helpdesk] }
  staff: { title: Staff, members: [ann, helpdesk] }
";

#[test]
fn a_second_signal_hides_nothing_that_was_done_and_does_not_guess_at_the_room_at_hand() {
    let webex = Webex::with(HELD);
    let site = Site::new(&webex);
    webex.control.fault(Fault::new(Misbehaviour::HoldsAnswer).method("DELETE"));
    let arguments = Site::arguments(&["--apply", "--yes"]);
    let mut audit = Background::start(site.path(), &arguments);
    until("it leaves a room", || webex.writes().iter().any(|write| write.starts_with("DELETE")));
    interrupt(&audit.child, "-INT");
    Background::line(&mut audit.err, "stopping after this room");
    interrupt(&audit.child, "-INT");
    let mut page = String::new();
    audit.out.read_to_string(&mut page).unwrap();
    assert_eq!(audit.child.wait().unwrap().code(), Some(130), "{page}");
    let ending = |end| page.lines().filter(|line| line.ends_with(end)).count();
    let hidden = webex.writes().iter().filter(|write| write.starts_with("PUT")).count();
    assert!(hidden > 0, "the world has no room before the one that is held");
    assert_eq!(ending(" hidden"), hidden, "{page}");
    assert_eq!(ending(" failed: interrupted"), 1, "{page}");
    assert_eq!(page.matches(" would ").count(), 3 - hidden, "{page}");
}
