use super::*;
use crate::gate::id::RoomId;

const PUBLIC: &str = "server: {public_url: \"https://bots.example.com\"}\n";

/// The example with more about its bot, and at its end.
fn bot(about: &str, more: &str) -> String {
    let secret = "    webhook_secret: {file: /run/secrets/helpdesk_webhook_secret}\n";
    exchanged(secret, &format!("{secret}    {about}\n")) + more
}

/// The example with `policy.on_deny`.
fn on_deny(about: &str) -> String {
    let orgs = "  allowed_orgs: [example]\n";
    exchanged(orgs, &format!("{orgs}  on_deny: {about}\n"))
}

/// The example with a second route of the same bot.
fn second(about: &str, more: &str) -> String {
    let route = "{path: /second, bot: helpdesk, upstream: \"http://127.0.0.1:5001/\"";
    with(&format!("  second: {route}{about}}}\n{more}"))
}

const NOTHING: &str = "0 errors, 0 warnings in gateway.yaml\n";

fn events(config: &Config, route: &str) -> Vec<String> {
    let events = &config.routes[route].events;
    events.iter().map(|(resource, event)| format!("{resource}.{event}")).collect()
}

#[test]
fn e016_what_the_gateway_is_reached_by_from_outside() {
    let url = |url: &str| told(&with(&format!("server: {{public_url: \"{url}\"}}\n")));
    insta::assert_snapshot!(url("https://bots.example.com/webhooks"), @"");
    insta::assert_snapshot!(url("http://bots.example.com"), @"");
    insta::assert_snapshot!(url("bots.example.com"), @"");
    for wrong in [
        "",
        "/",
        "https://",
        "ftp://bots.example.com",
        "https://bots.example.com/?a=b",
        "https://bots.example.com/#a",
        "https://me@bots.example.com",
        "https://me:hunter2@bots.example.com",
        "http://localhost.example.com",
        "http://192.0.2.1",
    ] {
        let told = url(wrong);
        assert!(told.starts_with("error[E016]: "), "{wrong}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    for right in [
        "https://bots.example.com",
        "https://bots.example.com:8443/",
        "https://192.0.2.1",
        "http://localhost:8080",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080",
    ] {
        assert_eq!(url(right), NOTHING, "{right}");
    }
}

#[test]
fn a_variable_says_what_the_gateway_is_reached_by() {
    let with_var = |url: &str| desk().with_var("BOTWARDEN_PUBLIC_URL", url);
    let desk = with_var("https://other.example.com");
    let (config, _) = load(with(PUBLIC).as_bytes(), &desk, today()).unwrap();
    assert_eq!(config.server.public_url.unwrap().as_str(), "https://other.example.com/");
    assert_eq!(config.bots["helpdesk"].webhooks.manage, Manage::Check);
    insta::assert_snapshot!(told_with(EXAMPLE, &with_var("http://other.example.com")), @"");
}

#[test]
fn webhooks_are_looked_at_where_it_is_known_where_they_lead() {
    let manage = |text: &str| loaded(text).0.bots["helpdesk"].webhooks.manage;
    assert_eq!(manage(EXAMPLE), Manage::None);
    assert_eq!(manage(&with(PUBLIC)), Manage::Check);
    assert_eq!(manage(&bot("webhooks: {manage: null}", PUBLIC)), Manage::Check);
    assert_eq!(manage(&bot("webhooks: {manage: none}", PUBLIC)), Manage::None);
    assert_eq!(manage(&bot("webhooks: {manage: check}", PUBLIC)), Manage::Check);
    assert_eq!(manage(&bot("webhooks: {manage: ensure}", PUBLIC)), Manage::Ensure);
}

#[test]
fn e060_webhooks_that_lead_nobody_knows_where() {
    insta::assert_snapshot!(told(&bot("webhooks: {manage: ensure}", "")), @"");
    assert_eq!(codes(&bot("webhooks: {manage: check}", "")), [("E060", 18)]);
    for broken in ["{public_url: bots}", "{public_ulr: \"https://bots.example.com\"}"] {
        let codes = codes(&bot("webhooks: {manage: check}", &format!("server: {broken}\n")));
        assert_eq!(codes.len(), 1, "one mistake is told once: {codes:?}");
    }
}

#[test]
fn e015_e016_e011_what_webhooks_can_be_had_for() {
    let webhooks = |about: &str| told(&bot(&format!("webhooks: {about}"), PUBLIC));
    insta::assert_snapshot!(webhooks("{events: [message.created, all, rooms.deleted, meetings.started]}"), @"");
    insta::assert_snapshot!(webhooks("{events: []}"), @"");
    insta::assert_snapshot!(webhooks("{manage: esnure}"), @"");
    for wrong in ["messages", "messages.all", "Messages.created", "messages.created.x", "."] {
        let told = webhooks(&format!("{{events: [{wrong}]}}"));
        assert!(told.starts_with("error[E016]: "), "{wrong}: {told}");
    }
    assert_eq!(webhooks("{events: [], manage: none}"), NOTHING);
}

#[test]
fn e061_and_e062_each_event_leads_to_one_route() {
    insta::assert_snapshot!(told(&bot("webhooks: {events: [rooms.created, rooms.created]}", "")), @"");
    insta::assert_snapshot!(told(&second(", events: [rooms.created, rooms.created]", "")), @"");
    insta::assert_snapshot!(told(&second("", PUBLIC)), @"");
    let third = "  third: {path: /third, bot: helpdesk, upstream: \"http://127.0.0.1:5002/\", events: [rooms.created]}\n";
    insta::assert_snapshot!(told(&second(", events: [messages.created, rooms.created]", third)), @"");
    assert_eq!(told(&second("", "")), NOTHING, "nobody looks at them");
    assert_eq!(told(&second(", events: []", PUBLIC)), NOTHING);
    assert_eq!(codes(&second(", events: [x]", PUBLIC)), [("E016", 25)], "told once");
    assert_eq!(codes(&second(", event: [x]", PUBLIC)), [("E014", 25)], "told once");
}

#[test]
fn what_no_route_names_leads_to_the_one_that_names_nothing() {
    let (config, _) =
        loaded(&second(", events: [attachmentActions.created, rooms.updated]", PUBLIC));
    assert_eq!(events(&config, "second"), ["attachmentActions.created", "rooms.updated"]);
    let rest = ["memberships.created", "memberships.deleted", "messages.created"];
    assert_eq!(events(&config, "helpdesk"), rest);
    let (config, _) = loaded(&second(", events: []", ""));
    assert_eq!(events(&config, "second"), [""; 0]);
    assert_eq!(events(&config, "helpdesk").len(), 4);
    let (config, _) = loaded(&second("", ""));
    assert_eq!(events(&config, "second"), events(&config, "helpdesk"), "unmanaged");
}

#[test]
fn e045_webhooks_of_others_lead_elsewhere() {
    let foreign = |target: &str| told(&bot(&format!("webhooks: {{foreign: [{target}]}}"), PUBLIC));
    insta::assert_snapshot!(foreign("\"https://a.example.com/\", \"https://bots.example.com/old\""), @"");
    insta::assert_snapshot!(foreign("\"https://me:hunter2@a.example.com/\""), @"");
    for wrong in ["hunter2", "/hunter2", "\"ftp://a.example.com/hunter2\"", "\"\"", "[hunter2]"] {
        let told = foreign(wrong);
        assert!(told.starts_with("error[E045]: ") || told.starts_with("error[E013]: "), "{told}");
        assert!(told.contains("(value hidden)") && !told.contains("hunter2"), "{told}");
    }
    let twin = "\"https://bots.example.com:8443/x\", \"http://bots.example.com/x\"";
    assert_eq!(foreign(twin), NOTHING, "another port is another server");
}

#[test]
fn e016_times_of_day_and_shares() {
    let audit = |about: &str| told(&bot(&format!("audit: {about}"), ""));
    insta::assert_snapshot!(audit("{at: 180, max_leave: 0%}"), @"");
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
        let (config, _) = loaded(&bot(&format!("audit: {{max_leave: {typed}}}"), ""));
        assert_eq!(config.bots["helpdesk"].audit.max_leave, most);
    }
    for (typed, minutes) in [("\"00:00\"", Some(0)), ("23:59", Some(1439)), ("null", None)] {
        let (config, _) = loaded(&bot(&format!("audit: {{at: {typed}}}"), ""));
        assert_eq!(config.bots["helpdesk"].audit.at, minutes);
    }
}

#[test]
fn e011_e016_e017_reports_and_texts() {
    let audit = |about: &str| told(&bot(&format!("audit: {about}"), ""));
    insta::assert_snapshot!(audit("{reports: {}, farewell: {at_most_every: 1h}}"), @"");
    insta::assert_snapshot!(audit("{reports: {dir: audits}, farewell: {text: \" \"}}"), @"");
    insta::assert_snapshot!(told(&on_deny("{text: \"a\\u001bb\"}")), @"");
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
    insta::assert_snapshot!(told(&bot("webhooks: {every: 9s}", "")), @"");
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
        assert_eq!(told(&bot(in_bounds, "")), NOTHING, "{in_bounds}");
        assert!(codes(&bot(out, "")).contains(&("E017", 18)), "{out}");
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
    insta::assert_snapshot!(told(&on_deny("{notify: ops_room}")), @"");
    insta::assert_snapshot!(told(&on_deny(&format!("{{notify: actor, ops_room: {room}}}"))), @"");
    insta::assert_snapshot!(told(&on_deny("{notify: ops_room, ops_room: \"#ops\"}")), @"");
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
    insta::assert_snapshot!(told(&bot("audit: {every: null, at: \"04:00\"}", "")), @"");
    assert_eq!(told(&bot("audit: {every: null}", "")), NOTHING);
    assert_eq!(told(&bot("audit: {every: null, at: null}", "")), NOTHING);
    insta::assert_snapshot!(told(&bot("audit: {requests_per_second: 5}", "")), @"");
    assert_eq!(told(&with("webex: {requests_per_minute: 100}\n")), NOTHING, "nobody asked for 4");
    let leaving = bot("audit: {leave_rooms_with_outsiders: confirmed}", "");
    assert_eq!(told(&leaving), NOTHING);
    let observing = "allowed_orgs: [example]\n  mode: observe\n  observe_until: 2027-02-01\n";
    let observing = leaving.replace("allowed_orgs: [example]\n", observing);
    insta::assert_snapshot!(told(&observing), @"");
}
