use std::sync::{Arc, Mutex};

use super::*;
use crate::gate::event::facts;

/// A writer that the test can look into.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn reporter(form: Form) -> (Reporter, Shared) {
    let written = Shared::default();
    let scope = Scope {
        routes: vec![RouteScope {
            name: "helpdesk".into(),
            bot: "helpdesk".into(),
            mode: crate::gate::policy::Mode::Enforce,
        }],
        fingerprint: "5f0c21e9".into(),
        ..Scope::default()
    };
    (Reporter::new(&scope, form, Box::new(written.clone())), written)
}

fn scrape(reporter: &Reporter) -> String {
    reporter.scrape(Exposition::OpenMetrics, SystemTime::UNIX_EPOCH)
}

fn text(written: &Shared) -> String {
    String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
}

const BODY: &str = r#"{"id":"77777777-2222-41f0-8333-444444444444","resource":"messages","event":"created","actorId":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    "data":{"id":"Y2lzTHEMESSAGE","roomId":"11111111-2222-11f0-8333-444444444444","roomType":"group","personEmail":"ann@corp.example"}}"#;

fn decide(form: Form, verdict: Verdict) -> String {
    let (reporter, written) = reporter(form);
    let facts = facts(BODY.as_bytes()).unwrap();
    reporter.emit(&Happening::Decided(&Decision {
        at: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
        id: Uuid::from_u128(7),
        trace: None,
        route: "helpdesk",
        bot: "helpdesk",
        config: "5f0c21e9",
        mode: Mode::Enforce,
        facts: Some(&facts),
        body: BodyDigest::of(BODY.as_bytes()),
        verdict,
        because: None,
        members: Some(7),
        outsiders: vec![("contoso".to_owned(), 1)],
        source: Some(RosterSource::Hit),
        age: Some(Duration::from_secs(12)),
        took: Duration::from_millis(3),
    }));
    assert!(reporter.flush(Duration::from_secs(10)));
    let (_start, line) = text(&written).split_once('\n').map(owned).unwrap();
    line
}

fn owned((one, two): (&str, &str)) -> (String, String) {
    (one.to_owned(), two.to_owned())
}

#[test]
fn a_verdict_is_one_line_that_a_person_reads() {
    let line = decide(Form::Text, Verdict::Refused(Refusal::OutsideOrg));
    assert_eq!(
        line,
        "08:00:00  DENY    helpdesk     messages.created          outside_org (1 of 7: contoso)      room 11111111  list 12.0 s old  3 ms\n"
    );
}

#[test]
fn a_verdict_is_one_json_object_without_message_ids_or_addresses() {
    let line = decide(Form::Json, Verdict::Allow { would_refuse: Some(Refusal::OutsideOrg) });
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["verdict"], "allow");
    assert_eq!((&record["kind"], &record["mode"]), (&"decision".into(), &"enforce".into()));
    assert_eq!((&record["config_hash"], &record["cache"]), (&"5f0c21e9".into(), &"hit".into()));
    assert_eq!((&record["seq"], &record["instance"].as_str().unwrap().len()), (&2.into(), &8));
    assert_eq!(record["room_type"], "group");
    assert_eq!(record["webhook_id"], "77777777-2222-41f0-8333-444444444444");
    assert_eq!(record["would"], "outside_org");
    assert_eq!(record["ts"], "2027-01-15T08:00:00.000Z");
    assert_eq!(record["outsider_orgs"], serde_json::json!(["contoso"]));
    for forbidden in ["corp.example", "THEMESSAGE"] {
        assert!(!line.contains(forbidden), "{line}");
    }
}

#[test]
fn every_series_that_can_be_named_exists_from_the_start() {
    let (reporter, _) = reporter(Form::Json);
    let scrape = scrape(&reporter);
    for refusal in Refusal::ALL {
        assert!(scrape.contains(&format!("reason=\"{}\"", refusal.label())), "{refusal}\n{scrape}");
    }
    assert!(scrape.contains("botwarden_build_info{version="), "{scrape}");
    assert!(scrape.ends_with("# EOF\n"));
}

#[test]
fn a_flood_of_forged_calls_is_counted_in_full_and_told_once() {
    let (reporter, written) = reporter(Form::Text);
    for _ in 0..1000 {
        let at = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        reporter.emit(&Happening::TurnedAway {
            route: Some("helpdesk"),
            refusal: Refusal::SignatureMismatch,
            at,
        });
    }
    assert!(reporter.flush(Duration::from_secs(10)));
    assert_eq!(text(&written).lines().count(), 2, "the start, and one line");
    let series = r#"verdict="reject",reason="signature_mismatch"} 1000"#;
    assert!(scrape(&reporter).contains(series), "{}", scrape(&reporter));
}
