use super::*;

#[test]
fn e020_and_e021_organisations() {
    insta::assert_snapshot!(told_after("allowed_orgs: [example]", "allowed_orgs: [example, exmaple]"), @r"
    error[E020]: `exmaple` is not defined in `orgs`
      ┌─ gateway.yaml:11:27
    11│   allowed_orgs: [example, exmaple]
      │                           ^^^^^^^ did you mean `example`?
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("allowed_orgs: [example]", "allowed_orgs: [example, \"*\"]"), @r#"
    error[E020]: `*` is not defined in `orgs`
      ┌─ gateway.yaml:11:27
    11│   allowed_orgs: [example, "*"]
      │                           ^^^ there is no word for everybody: name each one
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told_after("allowed_orgs: [example]", "allowed_orgs: []"), @r"
    error[E027]: nobody is allowed: this list is empty
      ┌─ gateway.yaml:11:3
    11│   allowed_orgs: []
      │   ^^^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("orgs:\n", "orgs:\n  free: consumer\n"), @r"
    error[E021]: this is the organisation of all free accounts in the world
     ┌─ gateway.yaml:7:9
    7│   free: consumer
     │         ^^^^^^^^ it cannot be allowed
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn gw_a6_the_consumer_organisation_is_refused_in_every_spelling() {
    for id in [
        "consumer",
        "CONSUMER",
        "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi9jb25zdW1lcg",
        "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi9jb25zdW1lcg==",
        "ciscospark://us/ORGANIZATION/consumer",
        "Y29uc3VtZXI=",
    ] {
        let text = exchanged("0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11", id);
        assert_eq!(codes(&text), [("E021", 7)], "{id}");
    }
}

#[test]
fn w101_w102_w108_w109_what_is_not_used() {
    insta::assert_snapshot!(told_after("orgs:\n", "orgs:\n  other: 4f19ceee-1111-2222-3333-444455556666\n"), @r"
    warning[W101]: the organisation `other` is not used
     ┌─ gateway.yaml:7:10
    7│   other: 4f19ceee-1111-2222-3333-444455556666
     │          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ policy.allowed_orgs does not name it
    0 errors, 1 warning in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("orgs:\n", "orgs:\n  other: 0B7C5C1E-6A55-4A53-9D0C-3A2A3C9F1E11\n"), @r"
    warning[W108]: this is the same organisation as `example`
     ┌─ gateway.yaml:7:10
    7│   other: 0B7C5C1E-6A55-4A53-9D0C-3A2A3C9F1E11
     │          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    warning[W101]: the organisation `other` is not used
     ┌─ gateway.yaml:7:10
    7│   other: 0B7C5C1E-6A55-4A53-9D0C-3A2A3C9F1E11
     │          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ policy.allowed_orgs does not name it
    0 errors, 2 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("bots:\n", "bots:\n  spare: {token: {file: /run/secrets/spare_token}, webhook_secret: {file: /run/secrets/spare}}\n"), @r"
    warning[W102]: the bot `spare` is not used
      ┌─ gateway.yaml:15:3
    15│   spare: {token: {file: /run/secrets/spare_token}, webhook_secret: {file: /run/secrets/spare}}
      │   ^^^^^ no route names it
    error[E032]: cannot read `/run/secrets/spare`: there is no such file
      ┌─ gateway.yaml:15:75
    15│   spare: {token: {file: /run/secrets/spare_token}, webhook_secret: {file: /run/secrets/spare}}
      │                                                                           ^^^^^^^^^^^^^^^^^^ create it, or correct the path
    1 error, 1 warning in gateway.yaml
    ");
    let two = exchanged(
        "bots:\n",
        "bots:\n  spare:\n    token: {file: /run/secrets/spare_token}\n    webhook_secret: {file: /run/secrets/spare}\n",
    );
    insta::assert_snapshot!(told_with(&two, &desk().with_file("/run/secrets/spare", "another-webhook-secret")), @r"
    warning[W102]: the bot `spare` is not used
      ┌─ gateway.yaml:15:3
    15│   spare:
      │   ^^^^^ no route names it
    0 errors, 1 warning in gateway.yaml
    ");
    let none = EXAMPLE.split("# Webex calls").next().unwrap();
    insta::assert_snapshot!(told(none), @r"
    warning[W109]: there are no routes: nothing gets through
      == routes
    0 errors, 1 warning in gateway.yaml
    ");
}

#[test]
fn e022_to_e024_observing_has_an_end() {
    let policy = |more: &str| {
        told_after("  allowed_orgs: [example]\n", &format!("  allowed_orgs: [example]\n{more}"))
    };
    insta::assert_snapshot!(policy("  mode: observe\n"), @r"
    error[E022]: observing needs an end
      ┌─ gateway.yaml:12:9
    12│   mode: observe
      │         ^^^^^^^ observe_until: the day from which on refusals are enforced
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(policy("  mode: observe\n  observe_until: 2027-01-15\n"), @r"
    warning[W130]: this day has begun already (in UTC): refusals are enforced
      ┌─ gateway.yaml:13:18
    13│   observe_until: 2027-01-15
      │                  ^^^^^^^^^^ take `mode: observe` and this line out
    0 errors, 1 warning in gateway.yaml
    ");
    insta::assert_snapshot!(policy("  mode: observe\n  observe_until: \"2027-04-16\"\n"), @r#"
    error[E023]: this is more than 90 days ahead
      ┌─ gateway.yaml:13:18
    13│   observe_until: "2027-04-16"
      │                  ^^^^^^^^^^^^ `2027-04-16` ends observing
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(policy("  observe_until: 2027-02-01\n"), @r"
    error[E024]: this date means nothing without `mode: observe`
      ┌─ gateway.yaml:12:18
    12│   observe_until: 2027-02-01
      │                  ^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    for date in ["2027-01-16", "\"2027-01-16\"", "2027-04-15"] {
        let told = policy(&format!("  mode: observe\n  observe_until: {date}\n"));
        assert!(
            told.starts_with("warning[W111]") && told.contains("0 errors, 1 warning"),
            "{told}"
        );
    }
}

#[test]
fn w110_observing_must_be_seen() {
    let observing = "allowed_orgs: [example]\n  mode: observe\n  observe_until: 2027-02-01\n";
    insta::assert_snapshot!(told_after("allowed_orgs: [example]\n", observing), @r"
    warning[W111]: refusals are NOT enforced until 2027-02-01 00:00 UTC on route `helpdesk`
      ┌─ gateway.yaml:12:9
    12│   mode: observe
      │         ^^^^^^^ `policy: {mode: enforce}`, at the top or on a route, ends it at once
    0 errors, 1 warning in gateway.yaml
    ");
    let route = |name: &str, more: &str| {
        format!(
            "  {name}: {{path: /{name}, bot: helpdesk, upstream: \"http://127.0.0.1:5001/\"{more}}}\n"
        )
    };
    let text = exchanged("allowed_orgs: [example]\n", observing);
    let two = format!("{text}{}", route("second", ""));
    assert!(told(&two).contains("on routes `helpdesk`, `second`\n"), "{}", told(&two));
    let one = format!("{text}{}", route("strict", ", policy: {mode: enforce}"));
    assert!(told(&one).contains("on route `helpdesk`\n"), "{}", told(&one));
}

#[test]
fn e026_a_room_is_asked_for_only_where_one_is_known() {
    let policy = |more: &str| {
        told_after(
            "  allowed_orgs: [example]\n",
            &format!("  allowed_orgs: [example]\n  resources: {more}\n"),
        )
    };
    insta::assert_snapshot!(policy("{\"*\": room}"), @r#"
    error[E026]: nobody knows in which room `*` happens
      ┌─ gateway.yaml:12:20
    12│   resources: {"*": room}
      │                    ^^^^ `deny`, or {signature_only: {because: TEXT}}
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(policy("{mesages: room}"), @r"
    error[E018]: `mesages` is not a resource
      ┌─ gateway.yaml:12:24
    12│   resources: {mesages: room}
      │                        ^^^^ did you mean `messages`?
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(policy("{meetings.started: room}"), @r"
    error[E026]: nobody knows in which room `meetings.started` happens
      ┌─ gateway.yaml:12:33
    12│   resources: {meetings.started: room}
      │                                 ^^^^ `deny`, or {signature_only: {because: TEXT}}
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(policy("{meetings: signature_only}"), @r"
    error[E016]: `signature_only` needs its reason
      ┌─ gateway.yaml:12:25
    12│   resources: {meetings: signature_only}
      │                         ^^^^^^^^^^^^^^ {signature_only: {because: TEXT}}
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(policy("{meetings: {signature_only: {because: \" \"}}}"), @r#"
    error[E011]: `signature_only` needs its reason
      ┌─ gateway.yaml:12:52
    12│   resources: {meetings: {signature_only: {because: " "}}}
      │                                                    ^^^ {signature_only: {because: TEXT}}
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(policy("{meetings: {signature_onl: {because: x}}}"), @r"
    error[E014]: unknown key `signature_onl`
      ┌─ gateway.yaml:12:26
    12│   resources: {meetings: {signature_onl: {because: …
      │                          ^^^^^^^^^^^^^ did you mean `signature_only`?
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(policy("{meetings: allow}"), @r"
    error[E015]: `allow` is not one of `room`, `deny`
      ┌─ gateway.yaml:12:25
    12│   resources: {meetings: allow}
      │                         ^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    assert_eq!(
        policy("{meetings: {signature_only: {because: no room}}, memberships.deleted: room}"),
        "0 errors, 0 warnings in gateway.yaml\n"
    );
}

#[test]
fn e040_and_e041_paths() {
    let second = "  second:\n    path: /webhooks/helpdesk\n    bot: helpdesk\n    upstream: http://127.0.0.1:5001/\n";
    insta::assert_snapshot!(told(&with(second)), @r"
    error[E040]: the route `helpdesk` has the same path
      ┌─ gateway.yaml:26:11
    26│     path: /webhooks/helpdesk
      │           ^^^^^^^^^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    for path in [
        "webhooks",
        "\"\"",
        "/a?b",
        "/a#b",
        "/a%41",
        "/a//b",
        "/a/../b",
        "/a/.",
        "/ö",
        "\"/a b\"",
        "/.well-known/x",
        "\"/a\\nb\"",
        "'/a\\b'",
        "//x",
    ] {
        let told = told_after("path: /webhooks/helpdesk", &format!("path: {path}"));
        assert!(told.starts_with("error[E041]: "), "{path}: {told}");
    }
    insta::assert_snapshot!(told_after("path: /webhooks/helpdesk", "path: /webhooks/../helpdesk"), @r"
    error[E041]: `/webhooks/../helpdesk` cannot be a path here: no empty or dotted parts
      ┌─ gateway.yaml:22:11
    22│     path: /webhooks/../helpdesk
      │           ^^^^^^^^^^^^^^^^^^^^^ such as /webhooks/helpdesk
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e042_bots_that_do_not_exist() {
    insta::assert_snapshot!(told_after("bot: helpdesk", "bot: helpdeks"), @r"
    error[E042]: `helpdeks` is not defined in `bots`
      ┌─ gateway.yaml:23:10
    23│     bot: helpdeks
      │          ^^^^^^^^ did you mean `helpdesk`?
    1 error, 0 warnings in gateway.yaml
    ");
}

/// The name is there, only its value is broken: it is no reason to say that there is no such name.
#[test]
fn names_are_suggested_that_have_a_mistake_of_their_own() {
    let text = exchanged("bot: helpdesk", "bot: helpdeks");
    let told = told(&text.replace("token: {file: /run/secrets/helpdesk_token}", "token: 7"));
    assert!(told.contains("did you mean `helpdesk`?"), "{told}");
}

#[test]
fn w104_w107_settings_that_do_not_do_what_one_thinks() {
    assert_eq!(
        told(&with("server: {drain_timeout: 25s}\n")),
        "0 errors, 0 warnings in gateway.yaml\n"
    );
    assert_eq!(codes(&with("server: {drain_timeout: 26s}\n")), [("W104", 25)]);
    insta::assert_snapshot!(told(&with("server: {drain_timeout: 40s}\n")), @r"
    warning[W104]: this may outlast the 30s that Kubernetes grants a pod by default
      ┌─ gateway.yaml:25:25
    25│ server: {drain_timeout: 40s}
      │                         ^^^ set terminationGracePeriodSeconds to 5s more than this, or lower this
    0 errors, 1 warning in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("    bot: helpdesk\n", "    bot: helpdesk\n    answer_within: 3s\n"), @r"
    warning[W107]: this means nothing without `answer: delivered`
      ┌─ gateway.yaml:24:20
    24│     answer_within: 3s
      │                    ^^
    0 errors, 1 warning in gateway.yaml
    ");
}

#[test]
fn e051_files_that_are_not_there() {
    insta::assert_snapshot!(told(&with("webex: {ca_file: /none.pem}\nserver: {tls: {cert_file: /none, key_file: /tls/key.pem}}\n")), @r"
    error[E051]: cannot read `/none.pem`: entity not found
      ┌─ gateway.yaml:25:18
    25│ webex: {ca_file: /none.pem}
      │                  ^^^^^^^^^
    error[E051]: cannot read `/none`: entity not found
      ┌─ gateway.yaml:26:27
    26│ server: {tls: {cert_file: /none, key_file: /tls/key.pem}}
      │                           ^^^^^
    2 errors, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e050_variables_with_values_that_cannot_be_used() {
    let desk = desk().with_var("BOTWARDEN_LISTEN", "8080").with_var("BOTWARDEN_LOG_FORMAT", "xml");
    insta::assert_snapshot!(told_with(EXAMPLE, &desk), @r"
    error[E050]: `8080` is not an address such as 127.0.0.1:8080: an IP address and a port, no name
      == BOTWARDEN_LISTEN
    error[E050]: this is not one of `auto`, `json`, `text`
      == BOTWARDEN_LOG_FORMAT
    2 errors, 0 warnings in gateway.yaml
    ");
    let desk = super::desk().with_var("BOTWARDEN_LOG", "inof");
    insta::assert_snapshot!(told_with(EXAMPLE, &desk), @r"
    error[E050]: this is not a log level such as `info`
      == BOTWARDEN_LOG
    1 error, 0 warnings in gateway.yaml
    ");
    let desk = super::desk().with_var("BOTWARDEN_LISTEN", "0.0.0.0:8082");
    insta::assert_snapshot!(told_with(EXAMPLE, &desk), @r"
    error[E046]: `server` and `ops` listen on the same address
      == BOTWARDEN_LISTEN
    1 error, 0 warnings in gateway.yaml
    ");
}

/// A tightening that names nothing would be a `deny` that denies nothing.
#[test]
fn a_misspelled_resource_or_event_is_told_whatever_it_demands() {
    let policy = |more: &str| {
        let typed = format!("  allowed_orgs: [example]\n  resources: {more}\n");
        told_after("  allowed_orgs: [example]\n", &typed)
    };
    for (typed, meant) in [
        ("Messages", "messages"),
        ("membership.created", "memberships.created"),
        ("messages.Updated", "messages.updated"),
    ] {
        for demand in ["deny", "{signature_only: {because: x}}"] {
            let told = policy(&format!("{{{typed}: {demand}}}"));
            assert!(
                told.starts_with(&format!(
                    "error[E018]: `{typed}` is not a resource
"
                )),
                "{told}"
            );
            assert!(told.contains(&format!("did you mean `{meant}`?")), "{told}");
        }
    }
    for real in ["meetings", "recordings", "meetingParticipants.joined", "meetings.started"] {
        assert_eq!(policy(&format!("{{{real}: deny}}")), "0 errors, 0 warnings in gateway.yaml\n");
    }
}
