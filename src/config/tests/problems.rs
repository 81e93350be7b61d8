use super::*;

#[test]
fn every_code_has_its_text_in_a_test() {
    let tests = [
        include_str!("problems.rs"),
        include_str!("admin.rs"),
        include_str!("yaml.rs"),
        include_str!("rules.rs"),
        include_str!("secrecy.rs"),
        include_str!("telling.rs"),
        include_str!("upstreams.rs"),
        include_str!("telemetry.rs"),
        include_str!("tighten.rs"),
        include_str!("tls.rs"),
        include_str!("upkeep.rs"),
        include_str!("webhooks.rs"),
    ];
    for code in Code::ALL {
        let told = |test: &&str| {
            test.contains(&format!("error[{code}]:")) || test.contains(&format!("warning[{code}]:"))
        };
        assert!(tests.iter().any(told) || *code == Code::Unreadable, "{code}");
    }
}

#[test]
fn codes_are_unique_and_in_order() {
    let texts: Vec<_> = Code::ALL.iter().map(|code| code.text()).collect();
    assert!(texts.is_sorted_by(|a, b| a < b), "{texts:?}");
}

#[test]
fn e010_and_e011_what_must_be_there() {
    insta::assert_snapshot!(told_after("version: 1", "version: 2"), @r"
    error[E010]: this version of the format is not known
     ┌─ gateway.yaml:3:10
    3│ version: 2
     │          ^ version: 1
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("version: 1\n", ""), @r"
    error[E011]: the key `version` is missing
      == version
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("  allowed_orgs: [example]", "  max_members: 7"), @r"
    error[E011]: the key `allowed_orgs` is missing
      ┌─ gateway.yaml:10:1
    10│ policy:
      │ ^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("    path: /webhooks/helpdesk\n    bot: helpdesk\n    upstream: http://127.0.0.1:5000/\n", "    {}\n"), @r"
    error[E011]: the key `path` is missing
      ┌─ gateway.yaml:21:3
    21│   helpdesk:
      │   ^^^^^^^^
    error[E011]: the key `bot` is missing
      ┌─ gateway.yaml:21:3
    21│   helpdesk:
      │   ^^^^^^^^
    error[E011]: the key `upstream` is missing
      ┌─ gateway.yaml:21:3
    21│   helpdesk:
      │   ^^^^^^^^
    3 errors, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("    token: {file: /run/secrets/helpdesk_token}\n", ""), @r"
    error[E011]: the key `token` is missing
      ┌─ gateway.yaml:15:3
    15│   helpdesk:
      │   ^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("{file: /run/secrets/helpdesk_webhook_secret}", "[]"), @r"
    error[E011]: there is no webhook secret: this list is empty
      ┌─ gateway.yaml:17:5          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("upstream: http://127.0.0.1:5000/", "upstream: {timeout: 1s}"), @r"
    error[E011]: the key `url` is missing
      ┌─ gateway.yaml:24:5
    24│     upstream: {timeout: 1s}
      │     ^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("upstream: http://127.0.0.1:5000/", "upstream: {url: http://127.0.0.1:5000/, sign: {}}"), @r"
    error[E011]: the key `secret` is missing
      ┌─ gateway.yaml:24:45
    24│     upstream: {url: http://127.0.0.1:5000/, sign: {}}
      │                                             ^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("server: {tls: {cert_file: /c}}\n")), @r"
    error[E011]: the key `key_file` is missing
      ┌─ gateway.yaml:25:10
    25│ server: {tls: {cert_file: /c}}
      │          ^^^
    error[E051]: cannot read `/c`: entity not found
      ┌─ gateway.yaml:25:27
    25│ server: {tls: {cert_file: /c}}
      │                           ^^
    2 errors, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e013_values_of_the_wrong_kind() {
    insta::assert_snapshot!(told_after("path: /webhooks/helpdesk", "path: [/webhooks/helpdesk]"), @r"
    error[E013]: this must be text, not a list
      ┌─ gateway.yaml:22:5
    22│     path: [/webhooks/helpdesk]
      │     ^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("allowed_orgs: [example]", "allowed_orgs: example"), @r"
    error[E013]: this must be a list, not text
      ┌─ gateway.yaml:11:17
    11│   allowed_orgs: example
      │                 ^^^^^^^ a list has brackets: `[one, two]`
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("server: {max_connections: \"7\"}\n")), @r#"
    error[E013]: this must be a whole number, not text
      ┌─ gateway.yaml:25:27
    25│ server: {max_connections: "7"}
      │                           ^^^ without quotation marks or a unit
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told(&with("server: {max_connections: -7}\n")), @r"
    error[E013]: this must be a whole number, not a negative number
      ┌─ gateway.yaml:25:27
    25│ server: {max_connections: -7}
      │                           ^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("cache: {max_entries: 1e3}\n")), @r"
    error[E013]: this must be a whole number, not a fraction
      ┌─ gateway.yaml:25:22
    25│ cache: {max_entries: 1e3}
      │                      ^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("server:\n")), @r"
    error[E013]: this must be a map, not nothing
      ┌─ gateway.yaml:25:8
    25│ server:
      │        ^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("webex: {requests_per_minute: 5000000000}\n")), @r"
    error[E016]: this number is too large
      ┌─ gateway.yaml:25:30
    25│ webex: {requests_per_minute: 5000000000}
      │                              ^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e014_keys_that_do_not_exist() {
    insta::assert_snapshot!(told_after("    upstream:", "    upsteam:"), @r"
    error[E014]: unknown key `upsteam`
      ┌─ gateway.yaml:24:5
    24│     upsteam: http://127.0.0.1:5000/
      │     ^^^^^^^ did you mean `upstream`?
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("relay: {listen: null}\n")), @r"
    error[E014]: unknown key `relay`
      ┌─ gateway.yaml:25:1
    25│ relay: {listen: …
      │ ^^^^^ known here: version, orgs, server, ops, admin, log, decision_log, webex, policy, cache, inbox, telemetry, bots, routes
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("  allowed_orgs: [example]", "  allowed_orgs: [example]\n  allow_consumer_org: true"), @r"
    error[E014]: unknown key `allow_consumer_org`
      ┌─ gateway.yaml:12:3
    12│   allow_consumer_org: …
      │   ^^^^^^^^^^^^^^^^^^ known here: mode, observe_until, allowed_orgs, trusted_bots, app_users, max_members, max_event_age, resources, on_deny
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("<<: {version: 1}\n")), @r"
    error[E014]: unknown key
      ┌─ gateway.yaml:25:1          (value hidden)
       = help: known here: version, orgs, server, ops, admin, log, decision_log, webex, policy, cache, inbox, telemetry, bots, routes
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e015_and_e016_words_and_values() {
    insta::assert_snapshot!(told_after("  allowed_orgs: [example]", "  allowed_orgs: [example]\n  mode: obsrve"), @r"
    error[E015]: `obsrve` is not one of `enforce`, `observe`
      ┌─ gateway.yaml:12:9
    12│   mode: obsrve
      │         ^^^^^^ did you mean `observe`?
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("    bot: helpdesk\n", "    bot: helpdesk\n    unverified: 404\n"), @r"
    error[E015]: `404` is not one of `403`, `200`
      ┌─ gateway.yaml:24:17
    24│     unverified: 404
      │                 ^^^ did you mean `403`?
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("server: {header_timeout: 5 minuts}\n")), @r#"
    error[E016]: `5 minuts` is not a duration such as 10s, 5m, 1h
      ┌─ gateway.yaml:25:26
    25│ server: {header_timeout: 5 minuts}
      │                          ^
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told(&with("server: {header_timeout: 5}\n")), @r"
    error[E016]: `5` is not a duration such as 10s, 5m, 1h
      ┌─ gateway.yaml:25:26
    25│ server: {header_timeout: 5}
      │                          ^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("server: {body_limit: 256KB}\n")), @r"
    error[E016]: `256KB` is not a size such as 256KiB or 64MiB
      ┌─ gateway.yaml:25:22
    25│ server: {body_limit: 256KB}
      │                      ^^^^^ units are B, KiB, MiB and GiB
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("server: {listen: \"localhost:8080\"}\n")), @r#"
    error[E016]: `localhost:8080` is not an address such as 127.0.0.1:8080
      ┌─ gateway.yaml:25:18
    25│ server: {listen: "localhost:8080"}
      │                  ^^^^^^^^^^^^^^^^ an IP address and a port, no name
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told(&with("webex: {api: webexapis.com/v1}\n")), @r"
    error[E016]: not a URL such as https://webexapis.com/v1: relative URL without a base
      ┌─ gateway.yaml:25:14
    25│ webex: {api: webexapis.com/v1}
      │              ^^^^^^^^^^^^^^^^ https://HOST[:PORT][/PATH]
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("webex: {proxy: proxy}\n")), @r"
    error[E016]: not `env`, `direct` or a URL such as http://proxy.example.com:3128
      ┌─ gateway.yaml:25:16
    25│ webex: {proxy: proxy}
      │                ^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("log: {level: \"a=b=c\"}\n")), @r#"
    error[E016]: `a=b=c` is not a log level
      ┌─ gateway.yaml:25:14
    25│ log: {level: "a=b=c"}
      │              ^^^^^^^ error, warn, info, debug or trace, also per target: info,botwarden::webex=debug
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told_after("0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11", "0b7c5c1e"), @r"
    error[E016]: `0b7c5c1e` is not the id of a Webex organisation
     ┌─ gateway.yaml:7:12
    7│   example: 0b7c5c1e
     │            ^^^^^^^^ a UUID, or the long form from the Webex API
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("  allowed_orgs: [example]", "  allowed_orgs: [example]\n  trusted_bots: [bot@webex.bot]"), @r"
    error[E016]: `bot@webex.bot` is not the id of a Webex person or bot
      ┌─ gateway.yaml:12:18
    12│   trusted_bots: [bot@webex.bot]
      │                  ^^^^^^^^^^^^^ an id, not an address: people/me tells a bot its own
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("  allowed_orgs: [example]", "  allowed_orgs: [example]\n  mode: observe\n  observe_until: 2027-02-30"), @r"
    error[E016]: `2027-02-30` is not a date such as 2027-01-31
      ┌─ gateway.yaml:13:18
    13│   observe_until: 2027-02-30
      │                  ^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e017_bounds() {
    insta::assert_snapshot!(told(&with("server: {body_timeout: 0s, max_in_flight: 0, drain_grace: 30s}\n")), @r"
    error[E017]: 0s is out of bounds: 100ms to 2m
      ┌─ gateway.yaml:25:24
    25│ server: {body_timeout: 0s, max_in_flight: 0, drain_grace: 30s}
      │                        ^^ without it a slow client holds a connection for ever; with next to nothing nobody gets through
    error[E017]: 0 is out of bounds: 1 to 100000
      ┌─ gateway.yaml:25:43
    25│ server: {body_timeout: 0s, max_in_flight: 0, drain_grace: 30s}
      │                                           ^ each holds a body in memory
    error[E017]: 30s is out of bounds: 0s to 25s
      ┌─ gateway.yaml:25:59
    25│ server: {body_timeout: 0s, max_in_flight: 0, drain_grace: 30s}
      │                                                           ^^^ it is a part of drain_timeout
    3 errors, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("cache: {allow_ttl: 301s}\n")), @r"
    error[E017]: 5m1s is out of bounds: 0s to 5m
      ┌─ gateway.yaml:25:20
    25│ cache: {allow_ttl: 301s}
      │                    ^^^^ for so long a guest may read along unnoticed
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("inbox: {max_bytes: 100KiB}\n")), @r"
    error[E017]: 100KiB is out of bounds: 256KiB to 16GiB
      ┌─ gateway.yaml:25:20
    25│ inbox: {max_bytes: 100KiB}
      │                    ^^^^^^ one body of server.body_limit must fit, and all of it is memory
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn every_number_has_both_bounds() {
    let sections = ["server", "webex", "cache", "inbox", "telemetry"];
    let schema = schema();
    for section in sections {
        let keys = schema["properties"][section]["properties"].as_object().unwrap();
        for (key, about) in keys {
            let wrong = match about["default"].to_string().trim_matches('"') {
                word if word.ends_with("iB") => "1000GiB",
                number if number.parse::<u64>().is_ok() => "4000000000",
                span if span.parse::<humantime::Duration>().is_ok() => "1000days",
                _ => continue,
            };
            let told = told(&with(&format!("{section}: {{{key}: {wrong}}}\n")));
            assert!(told.contains("error[E017]: "), "{section}.{key}: {told}");
        }
    }
}

#[test]
fn e018_names() {
    insta::assert_snapshot!(told(&EXAMPLE.replace("  helpdesk:\n    path", "  help desk:\n    path")), @r"
    error[E018]: `help desk` cannot be a name
      ┌─ gateway.yaml:21:3
       = help: up to 64 letters, digits, `-`, `_` and `.`
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("  allowed_orgs: [example]", "  allowed_orgs: [example]\n  resources: {messages.created.x: deny, \"\": deny}"), @r#"
    error[E018]: `messages.created.x` is not a resource
      ┌─ gateway.yaml:12:35
    12│   resources: {messages.created.x: deny, "": deny}
      │                                   ^^^^ such as `messages`, `memberships.deleted` or `*`
    error[E018]: `` is not a resource
      ┌─ gateway.yaml:12:45
    12│   resources: {messages.created.x: deny, "": deny}
      │                                             ^^^^ such as `messages`, `memberships.deleted` or `*`
    2 errors, 0 warnings in gateway.yaml
    "#);
}
