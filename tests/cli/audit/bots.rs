//! Several bots, and files that cannot be written.

use botwarden::simulator::{Fault, Misbehaviour};

use super::site::{MIXED, Site, Webex, ends};
use crate::harness::{document, err, out};

const TWO: &str = "
rooms:
  a: { title: A, members: [ann, helpdesk] }
  b: { title: B, members: [ann, survey] }
";

fn two(webex: &Webex) -> Site {
    Site::of(webex, &["helpdesk", "survey"], "{}")
}

#[test]
fn gw_b8_a_refused_token_does_not_stop_the_other_bot() {
    let webex = Webex::with(TWO);
    let site = two(&webex);
    ends(&site.audit(&[]), 0);
    site.write("token-helpdesk", "another-token-that-nobody-knows");
    let page = site.audit(&[]);
    ends(&page, 77);
    assert!(out(&page).contains("helpdesk: NOT audited: Webex refused"), "{}", out(&page));
    assert!(out(&page).contains("survey: 1 room: 1 clean"), "{}", out(&page));
    assert!(!out(&page).contains("another-token"), "{}", out(&page));
    let json = document(&site.audit(&["--json"]));
    assert_eq!(json["bots"][0]["problem"]["kind"], "token_refused");
    assert_eq!(json["bots"][1]["outcome"], "complete");
    let lines = site.audit(&["-o", "jsonl"]);
    assert!(err(&lines).contains("helpdesk: NOT audited"), "{}", err(&lines));
    ends(&site.audit(&["survey"]), 0);
}

#[test]
fn gw_b8_webex_out_of_reach_for_one_bot_is_69() {
    let webex = Webex::with(TWO);
    let site = two(&webex);
    let broken = Misbehaviour::ServerError { status: 503 };
    webex.control.fault(Fault::new(broken).on("/people/me").by("helpdesk"));
    let page = site.audit(&[]);
    ends(&page, 69);
    assert!(out(&page).contains("survey: 1 room: 1 clean"), "{}", out(&page));
    site.write("token-survey", "another-token-that-nobody-knows");
    ends(&site.audit(&[]), 77);
}

#[test]
fn a_bot_that_does_not_exist_is_told_with_advice() {
    let webex = Webex::with(TWO);
    let wrong = two(&webex).audit(&["helpdisk"]);
    ends(&wrong, 2);
    assert!(err(&wrong).contains("there is no bot `helpdisk`"), "{}", err(&wrong));
    assert!(err(&wrong).contains("helpdesk"), "{}", err(&wrong));
    assert!(webex.control.calls().is_empty());
}

#[test]
fn wrong_words_are_2() {
    let webex = Webex::with(TWO);
    let site = two(&webex);
    for wrong in [
        &["--max-leave", "1"][..],
        &["--yes"],
        &["--apply", "--max-leave", "lots"],
        &["--patience", "0s"],
        &["--fail-on", "everything"],
    ] {
        ends(&site.audit(wrong), 2);
    }
}

#[test]
fn a_spreadsheet_that_cannot_be_written_is_told_before_anything_is_read() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    ends(&site.audit(&["--csv", "no/such/directory.csv"]), 77);
    assert!(webex.control.calls().is_empty());
}

#[test]
fn without_a_place_for_its_state_an_audit_runs_all_the_same() {
    let webex = Webex::with(TWO);
    let site = two(&webex);
    site.write("state", "a file");
    let warned = site.audit(&["helpdesk"]);
    ends(&warned, 0);
    assert!(err(&warned).contains("cannot be resumed"), "{}", err(&warned));
}

/// Both names have one token; `survey` has rules of its own, under which nobody in the rooms is an outsider.
fn twins(webex: &Webex) -> Site {
    let site = two(webex);
    site.write("token-survey", "sim-token-helpdesk");
    let orgs = "policy: {allowed_orgs: [example]}";
    let yaml = site.read("gateway.yaml");
    let yaml = yaml.replace(orgs, "policy: {allowed_orgs: [example, contoso]}");
    let route = "{path: /helpdesk, bot: helpdesk,";
    let yaml = yaml.replace(route, &format!("{route} {orgs},"));
    site.write("gateway.yaml", &yaml);
    site
}

#[test]
fn a_bot_with_two_names_leaves_no_room_by_the_rules_of_one_of_them() {
    let webex = Webex::with("rooms: {partners: {title: P, members: [ann, tom, helpdesk]}}");
    let site = twins(&webex);
    let told = "`helpdesk` and `survey` are one bot at Webex";
    let looked = site.audit(&[]);
    ends(&looked, 1);
    assert!(err(&looked).contains(told), "{}", err(&looked));
    let refused = site.audit(&["--apply", "--yes"]);
    ends(&refused, 3);
    assert!(err(&refused).contains(told), "{}", err(&refused));
    let named = site.audit(&["--apply", "--yes", "helpdesk"]);
    ends(&named, 3);
    assert!(err(&named).contains(told), "also when one name is named\n{}", err(&named));
    assert_eq!(webex.writes(), [""; 0]);
    site.write("token-survey", "sim-token-survey");
    let apart = site.audit(&["--apply", "--yes", "helpdesk"]);
    ends(&apart, 1);
    assert!(!webex.holds("partners", "helpdesk"), "{}", err(&apart));
}
