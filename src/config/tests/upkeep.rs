use super::*;
use crate::gate::id::RoomId;

/// The example with `policy.on_deny`.
fn on_deny(about: &str) -> String {
    let orgs = "  allowed_orgs: [example]\n";
    exchanged(orgs, &format!("{orgs}  on_deny: {about}\n"))
}

#[test]
fn e016_times_of_day_and_shares() {
    let audit = |about: &str| told(&with_bot(&format!("audit: {about}"), ""));
    insta::assert_snapshot!(audit("{at: 180, max_leave: 0%}"), @r#"
    error[E016]: `180` is not a time of day such as "03:00"
      ┌─ gateway.yaml:18:17
    18│     audit: {at: 180, max_leave: 0%}
      │                 ^^^ HH:MM in quotation marks: without them some readers of YAML see a number
    error[E016]: `0%` is not a number of rooms, or a share such as "20%"
      ┌─ gateway.yaml:18:33
    18│     audit: {at: 180, max_leave: 0%}
      │                                 ^^ a share is 1% to 100%
    2 errors, 0 warnings in gateway.yaml
    "#);
    for at in ["24:00", "3:00", "03:60", "03:00:00", "0300", "+3:00", "x", "03:+1"] {
        let told = audit(&format!("{{at: \"{at}\"}}"));
        assert!(told.starts_with("error[E016]: "), "{at}: {told}");
    }
    for share in ["101%", "1000%", "%", "+5%", "5 %", "-1%", "1.5%", "all"] {
        let told = audit(&format!("{{max_leave: \"{share}\"}}"));
        assert!(told.starts_with("error[E016]: "), "{share}: {told}");
    }
    for (typed, most) in [
        ("0", MaxLeave::Rooms(0)),
        ("100000", MaxLeave::Rooms(100_000)),
        ("\"7\"", MaxLeave::Rooms(7)),
        ("1%", MaxLeave::Percent(1)),
        ("\"100%\"", MaxLeave::Percent(100)),
    ] {
        let (config, _) = loaded(&with_bot(&format!("audit: {{max_leave: {typed}}}"), ""));
        assert_eq!(config.bots["helpdesk"].audit.max_leave, most);
    }
    for (typed, minutes) in [("\"00:00\"", Some(0)), ("23:59", Some(1439)), ("null", None)] {
        let (config, _) = loaded(&with_bot(&format!("audit: {{at: {typed}}}"), ""));
        assert_eq!(config.bots["helpdesk"].audit.at, minutes);
    }
}

#[test]
fn e011_e016_e017_reports_and_texts() {
    let audit = |about: &str| told(&with_bot(&format!("audit: {about}"), ""));
    insta::assert_snapshot!(audit("{reports: {}, farewell: {at_most_every: 1h}}"), @r"
    error[E011]: the key `dir` is missing
      ┌─ gateway.yaml:18:13
    18│     audit: {reports: {}, farewell: {at_most_every: 1h}}
      │             ^^^^^^^
    error[E011]: the key `text` is missing
      ┌─ gateway.yaml:18:26
    18│     audit: {reports: {}, farewell: {at_most_every: 1h}}
      │                          ^^^^^^^^
    2 errors, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(audit("{reports: {dir: audits}, farewell: {text: \" \"}}"), @r#"
    error[E016]: `audits` is not the path of a directory
      ┌─ gateway.yaml:18:28
    18│     audit: {reports: {dir: audits}, farewell: {text: " "}}
      │                            ^^^^^^ a path begins with `/`, `./` or `../`
    error[E017]: there is nothing in this text
      ┌─ gateway.yaml:18:54
    18│     audit: {reports: {dir: audits}, farewell: {text: " "}}
      │                                                      ^^^
    2 errors, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told(&on_deny("{text: \"a\\u001bb\"}")), @r#"
    error[E016]: there is a control character in this text
      ┌─ gateway.yaml:12:19
    12│   on_deny: {text: "a\u001bb"}
      │                   ^^^^^^^^^^ line breaks are allowed
    1 error, 0 warnings in gateway.yaml
    "#);
    let long = |length| on_deny(&format!("{{refused: {}}}", "ö".repeat(length)));
    assert_eq!(told(&long(1000)), NOTHING);
    assert!(told(&long(1001)).starts_with("error[E017]: 1001 characters are too many: up to 1000"));
    for key in ["text", "refused", "still_refused", "allowed_again"] {
        assert_eq!(told(&on_deny(&format!("{{{key}: \"two\\nlines\"}}"))), NOTHING);
        assert_eq!(codes(&on_deny(&format!("{{{key}: \"\"}}"))), [("E017", 12)]);
        assert_eq!(codes(&on_deny(&format!("{{{key}: \"\\t\"}}"))), [("E016", 12)]);
    }
}

#[test]
fn e017_bounds_of_audits_webhooks_and_notices() {
    insta::assert_snapshot!(told(&with_bot("webhooks: {every: 9s}", "")), @r"
    error[E017]: 9s is out of bounds: 10s to 1d
      ┌─ gateway.yaml:18:23
    18│     webhooks: {every: 9s}
      │                       ^^ Webex is asked each time; a bot without its webhook hears nothing for so long
    1 error, 0 warnings in gateway.yaml
    ");
    for (in_bounds, out) in [
        ("webhooks: {every: 10s}", "webhooks: {every: 9s}"),
        ("webhooks: {every: 24h}", "webhooks: {every: 25h}"),
        ("audit: {every: 5m}", "audit: {every: 299s}"),
        ("audit: {every: 30d}", "audit: {every: 31d}"),
        ("audit: {requests_per_second: 1}", "audit: {requests_per_second: 0}"),
        ("audit: {requests_per_second: 4}", "audit: {requests_per_second: 51}"),
        ("audit: {max_leave: 100000}", "audit: {max_leave: 100001}"),
        ("audit: {reports: {dir: /a, keep: 1d}}", "audit: {reports: {dir: /a, keep: 23h}}"),
        ("audit: {reports: {dir: ./a, keep: 3650d}}", "audit: {reports: {dir: /a, keep: 3651d}}"),
        (
            "audit: {farewell: {text: x, at_most_every: 1h}}",
            "audit: {farewell: {text: x, at_most_every: 59m}}",
        ),
        (
            "audit: {farewell: {text: x, at_most_every: 366d}}",
            "audit: {farewell: {text: x, at_most_every: 367d}}",
        ),
    ] {
        assert_eq!(told(&with_bot(in_bounds, "")), NOTHING, "{in_bounds}");
        assert!(codes(&with_bot(out, "")).contains(&("E017", 18)), "{out}");
    }
    for (in_bounds, out) in [("1m", "59s"), ("366d", "367d")] {
        let every = |every: &str| on_deny(&format!("{{at_most_every: {every}}}"));
        assert_eq!(told(&every(in_bounds)), NOTHING);
        assert_eq!(codes(&every(out)), [("E017", 12)]);
    }
}

#[test]
fn e011_and_w112_the_room_of_the_operators() {
    let room = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";
    insta::assert_snapshot!(told(&on_deny("{notify: ops_room}")), @r"
    error[E011]: the key `ops_room` is missing
      ┌─ gateway.yaml:12:3
    12│   on_deny: {notify: ops_room}
      │   ^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&on_deny(&format!("{{notify: actor, ops_room: {room}}}"))), @r"
    warning[W112]: this means nothing without `notify: ops_room`
      ┌─ gateway.yaml:12:38
    12│   on_deny: {notify: actor, ops_room: 946e4f40-d002-11e9-9ccb-a7e5bdebafb3}
      │                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    0 errors, 1 warning in gateway.yaml
    ");
    insta::assert_snapshot!(told(&on_deny("{notify: ops_room, ops_room: ops}")), @r"
    error[E016]: `ops` is not the id of a Webex room
      ┌─ gateway.yaml:12:41
    12│   on_deny: {notify: ops_room, ops_room: ops}
      │                                         ^^^ a UUID, or the long form from the Webex API
    1 error, 0 warnings in gateway.yaml
    ");
    assert_eq!(codes(&on_deny("{notify: ops_room, ops_rom: x}")), [("E014", 12)], "told once");
    assert_eq!(codes(&on_deny(&format!("{{notify: x, ops_room: {room}}}"))), [("E015", 12)]);
    let (config, warnings) = loaded(&on_deny(&format!("{{notify: ops_room, ops_room: {room}}}")));
    assert_eq!(warnings, []);
    assert_eq!(config.notices.notify, Notify::OpsRoom(RoomId::parse(room).unwrap()));
    let (config, _) = loaded(&on_deny("{notify: actor}"));
    assert_eq!(config.notices.notify, Notify::Actor);
}

#[test]
fn w112_to_w114_audits_that_do_not_do_what_one_thinks() {
    insta::assert_snapshot!(told(&with_bot("audit: {every: null, at: \"04:00\"}", "")), @r#"
    warning[W112]: this means nothing with `every: null`
      ┌─ gateway.yaml:18:30
    18│     audit: {every: null, at: "04:00"}
      │                              ^^^^^^^
    0 errors, 1 warning in gateway.yaml
    "#);
    assert_eq!(told(&with_bot("audit: {every: null}", "")), NOTHING);
    assert_eq!(told(&with_bot("audit: {every: null, at: null}", "")), NOTHING);
    insta::assert_snapshot!(told(&with_bot("audit: {requests_per_second: 5}", "")), @r"
    warning[W113]: webex.requests_per_minute allows 280 a minute, which is less
      ┌─ gateway.yaml:18:34
    18│     audit: {requests_per_second: 5}
      │                                  ^ that is all there is; of it, the running gateway gives a quarter to audits
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(told(&with("webex: {requests_per_minute: 100}\n")), NOTHING, "nobody asked for 4");
    let leaving = with_bot("audit: {leave_rooms_with_outsiders: confirmed}", "");
    assert_eq!(told(&leaving), NOTHING);
    let observing = "allowed_orgs: [example]\n  mode: observe\n  observe_until: 2027-02-01\n";
    let observing = leaving.replace("allowed_orgs: [example]\n", observing);
    insta::assert_snapshot!(told(&observing), @r"
    warning[W111]: refusals are NOT enforced until 2027-02-01 00:00 UTC on route `helpdesk`
      ┌─ gateway.yaml:12:9
    12│   mode: observe
      │         ^^^^^^^ `policy: {mode: enforce}`, at the top or on a route, ends it at once
    warning[W114]: nothing is left while the route `helpdesk` observes
      ┌─ gateway.yaml:20:41
    20│     audit: {leave_rooms_with_outsiders: confirmed}
      │                                         ^^^^^^^^^
    0 errors, 2 warnings in gateway.yaml
    ");
}
