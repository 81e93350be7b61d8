use super::*;

const PUBLIC: &str = "server: {public_url: \"https://bots.example.com\"}\n";

/// The example with a second route of the same bot.
fn second(about: &str, more: &str) -> String {
    let route = "{path: /second, bot: helpdesk, upstream: \"http://127.0.0.1:5001/\"";
    with(&format!("  second: {route}{about}}}\n{more}"))
}

fn events(config: &Config, route: &str) -> Vec<String> {
    let events = &config.routes[route].events;
    events.iter().map(|(resource, event)| format!("{resource}.{event}")).collect()
}

#[test]
fn e016_what_the_gateway_is_reached_by_from_outside() {
    let url = |url: &str| told(&with(&format!("server: {{public_url: \"{url}\"}}\n")));
    insta::assert_snapshot!(url("https://bots.example.com/webhooks"), @r#"
    error[E016]: nothing follows the host here
      ┌─ gateway.yaml:25:22
    25│ server: {public_url: "https://bots.example.com/webhooks"}
      │                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ paths are those of the routes
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(url("http://bots.example.com"), @r#"
    error[E016]: events would go over the net in clear
      ┌─ gateway.yaml:25:22
    25│ server: {public_url: "http://bots.example.com"}
      │                      ^^^^^^^^^^^^^^^^^^^^^^^^^ https; http is for loopback
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(url("bots.example.com"), @r#"
    error[E016]: not a URL such as https://bots.example.com: relative URL without a base
      ┌─ gateway.yaml:25:22
    25│ server: {public_url: "bots.example.com"}
      │                      ^^^^^^^^^^^^^^^^^^ https://HOST[:PORT]
    1 error, 0 warnings in gateway.yaml
    "#);
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
    insta::assert_snapshot!(told_with(EXAMPLE, &with_var("http://other.example.com")), @r"
    error[E050]: events would go over the net in clear: https; http is for loopback
      == BOTWARDEN_PUBLIC_URL
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn webhooks_are_looked_at_where_it_is_known_where_they_lead() {
    let manage = |text: &str| loaded(text).0.bots["helpdesk"].webhooks.manage;
    assert_eq!(manage(EXAMPLE), Manage::None);
    assert_eq!(manage(&with(PUBLIC)), Manage::Check);
    assert_eq!(manage(&with_bot("webhooks: {manage: null}", PUBLIC)), Manage::Check);
    assert_eq!(manage(&with_bot("webhooks: {manage: none}", PUBLIC)), Manage::None);
    assert_eq!(manage(&with_bot("webhooks: {manage: check}", PUBLIC)), Manage::Check);
    assert_eq!(manage(&with_bot("webhooks: {manage: ensure}", PUBLIC)), Manage::Ensure);
}

#[test]
fn e060_webhooks_that_lead_nobody_knows_where() {
    insta::assert_snapshot!(told(&with_bot("webhooks: {manage: ensure}", "")), @r"
    error[E060]: nobody knows where webhooks should lead
      ┌─ gateway.yaml:18:24
    18│     webhooks: {manage: ensure}
      │                        ^^^^^^ server.public_url, or BOTWARDEN_PUBLIC_URL: what Webex reaches the gateway by
    1 error, 0 warnings in gateway.yaml
    ");
    assert_eq!(codes(&with_bot("webhooks: {manage: check}", "")), [("E060", 18)]);
    for broken in ["{public_url: bots}", "{public_ulr: \"https://bots.example.com\"}"] {
        let codes = codes(&with_bot("webhooks: {manage: check}", &format!("server: {broken}\n")));
        assert_eq!(codes.len(), 1, "one mistake is told once: {codes:?}");
    }
}

#[test]
fn e015_e016_e011_what_webhooks_can_be_had_for() {
    let webhooks = |about: &str| told(&with_bot(&format!("webhooks: {about}"), PUBLIC));
    insta::assert_snapshot!(webhooks("{events: [message.created, all, rooms.deleted, meetings.started]}"), @r"
    error[E016]: `message.created` is not an event of a webhook such as messages.created
      ┌─ gateway.yaml:18:25
    18│     webhooks: {events: [message.created, all, rooms.deleted, meetings.started]}
      │                         ^^^^^^^^^^^^^^^ did you mean `messages.created`?
    error[E016]: `all` is not an event of a webhook such as messages.created
      ┌─ gateway.yaml:18:42
    18│     webhooks: {events: [message.created, all, rooms.deleted, meetings.started]}
      │                                          ^^^ there is no word for all of them: name each one
    error[E016]: `rooms.deleted` is not an event of a webhook such as messages.created
      ┌─ gateway.yaml:18:47
    18│     webhooks: {events: [message.created, all, rooms.deleted, meetings.started]}
      │                                               ^^^^^^^^^^^^^ rooms have: created, migrated, updated
    error[E016]: `meetings.started` is not an event of a webhook such as messages.created
      ┌─ gateway.yaml:18:62
    18│     webhooks: {events: [message.created, all, rooms.deleted, meetings.started]}
      │                                                              ^^^^^^^^^^^^^^^^ resources are messages, attachmentActions, memberships, rooms
    4 errors, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(webhooks("{events: []}"), @r"
    error[E011]: there are no events: this list is empty
      ┌─ gateway.yaml:18:16
    18│     webhooks: {events: []}
      │                ^^^^^^ such as [messages.created], or `manage: none`
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(webhooks("{manage: esnure}"), @r"
    error[E015]: `esnure` is not one of `none`, `check`, `ensure`
      ┌─ gateway.yaml:18:24
    18│     webhooks: {manage: esnure}
      │                        ^^^^^^ did you mean `ensure`?
    1 error, 0 warnings in gateway.yaml
    ");
    for wrong in ["messages", "messages.all", "Messages.created", "messages.created.x", "."] {
        let told = webhooks(&format!("{{events: [{wrong}]}}"));
        assert!(told.starts_with("error[E016]: "), "{wrong}: {told}");
    }
    assert_eq!(webhooks("{events: [], manage: none}"), NOTHING);
}

#[test]
fn e061_and_e062_each_event_leads_to_one_route() {
    insta::assert_snapshot!(told(&with_bot("webhooks: {events: [rooms.created, rooms.created]}", "")), @r"
    error[E061]: `rooms.created` stands here twice
      ┌─ gateway.yaml:18:40
    18│     webhooks: {events: [rooms.created, rooms.created]}
      │                                        ^^^^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&second(", events: [rooms.created, rooms.created]", "")), @r#"
    error[E061]: `rooms.created` stands here twice
      ┌─ gateway.yaml:25:102
    25│   second: {path: /second, bot: helpdesk, upstream: "http://127.0.0.1:5001/", events: [rooms.created, rooms.created]}
      │                                                                                                      ^^^^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told(&second("", PUBLIC)), @r#"
    error[E062]: say which webhooks lead to which route
      ┌─ gateway.yaml:25:3
    25│   second: {path: /second, bot: helpdesk, upstream: "http://127.0.0.1:5001/"}
      │   ^^^^^^ `events` here or on the route `helpdesk`; [] for none
    1 error, 0 warnings in gateway.yaml
    "#);
    let third = "  third: {path: /third, bot: helpdesk, upstream: \"http://127.0.0.1:5002/\", events: [rooms.created]}\n";
    insta::assert_snapshot!(told(&second(", events: [messages.created, rooms.created]", third)), @r#"
    error[E061]: `rooms.created` leads to the route `second` of the same bot
      ┌─ gateway.yaml:26:85
    26│   third: {path: /third, bot: helpdesk, upstream: "http://127.0.0.1:5002/", events: [rooms.created]}
      │                                                                                     ^^^^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    "#);
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
fn e045_what_a_route_takes_is_not_foreign() {
    let foreign =
        |target: &str| told(&with_bot(&format!("webhooks: {{foreign: [{target}]}}"), PUBLIC));
    insta::assert_snapshot!(foreign("\"https://a.example.com/\", \"https://bots.example.com/webhooks/helpdesk?a=b\""), @r"
    error[E045]: this leads to a route of the gateway itself
      ┌─ gateway.yaml:18:52          (value hidden)
       = help: what a route takes is not foreign
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(foreign("\"https://me:hunter2@a.example.com/\""), @r"
    error[E045]: a URL must not hold a user name or password
      ┌─ gateway.yaml:18:26          (value hidden)
       = help: a target as `botwarden webhooks list` shows it
    1 error, 0 warnings in gateway.yaml
    ");
    for wrong in ["hunter2", "/hunter2", "\"ftp://a.example.com/hunter2\"", "\"\"", "[hunter2]"] {
        let told = foreign(wrong);
        assert!(told.starts_with("error[E045]: ") || told.starts_with("error[E013]: "), "{told}");
        assert!(told.contains("(value hidden)") && !told.contains("hunter2"), "{told}");
    }
    let path = "/webhooks/helpdesk";
    let twin =
        format!("\"https://bots.example.com:8443{path}\", \"http://bots.example.com{path}\"");
    assert_eq!(foreign(&twin), NOTHING, "another port is another server");
    let beside = "\"https://bots.example.com/minutes\", \"https://bots.example.com/webhooks\"";
    assert_eq!(foreign(beside), NOTHING, "others may live on the same host");
}

#[test]
fn w117_a_route_that_is_spelled_another_way() {
    let foreign =
        |target: &str| told(&with_bot(&format!("webhooks: {{foreign: [{target}]}}"), PUBLIC));
    insta::assert_snapshot!(foreign("\"https://bots.example.com./webhooks/helpdesk\""), @r"
    warning[W117]: this leads to a route of the gateway, by another spelling of its host
      ┌─ gateway.yaml:18:26          (value hidden)
       = help: what a route takes is not foreign
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(foreign("\"https://bots.example.com./minutes\""), NOTHING);
}

#[test]
fn e063_and_w115_two_bots_with_one_token() {
    let two = |webhooks: &str, server: &str| {
        let bot = "  a:\n    token: {file: /run/secrets/helpdesk_token}\n    webhook_secret: {file: /run/secrets/spare_token}";
        let text = exchanged("bots:\n", &format!("bots:\n{bot}\n    webhooks: {webhooks}\n"));
        text + "  a: {path: /a, bot: a, upstream: \"http://127.0.0.1:5001/\"}\n" + server
    };
    insta::assert_snapshot!(told(&two("{manage: ensure}", PUBLIC)), @r"
    error[E063]: the bot `a` has the same token
      ┌─ gateway.yaml:20:5          (value hidden)
       = help: they share their webhooks: make them one bot, with a route each
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&two("{manage: check}", PUBLIC)), @r"
    warning[W115]: the bot `a` has the same token
      ┌─ gateway.yaml:20:5          (value hidden)
       = help: they share their webhooks: make them one bot, with a route each
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(codes(&two("{manage: none}", "")), [("W115", 20)], "rooms are shared as well");
    let other = two("{manage: ensure}", PUBLIC).replacen("helpdesk_token", "spare_token", 1);
    let other = other.replacen(
        "webhook_secret: {file: /run/secrets/spare_token}",
        "webhook_secret: {env: A}",
        1,
    );
    let desk = desk().with_var("A", "a-webhook-secret-of-a");
    assert_eq!(told_with(&other, &desk), NOTHING);
}

#[test]
fn w116_webhooks_are_looked_after_and_there_are_none() {
    let text = |webhooks: &str| {
        let bot = "    bot: helpdesk\n";
        with_bot(webhooks, PUBLIC).replace(bot, &format!("{bot}    events: []\n"))
    };
    insta::assert_snapshot!(told(&text("webhooks: {manage: ensure}")), @r"
    warning[W116]: no webhook leads to any route of the bot `helpdesk`
      ┌─ gateway.yaml:25:5
    25│     events: []
      │     ^^^^^^ name events here, or `webhooks: {manage: none}` on the bot
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(codes(&text("")), [("W116", 25)], "`check` is what it is with public_url");
    assert_eq!(told(&text("webhooks: {manage: none}")), NOTHING);
    let each = "webhooks: {manage: ensure, events: [messages.created]}";
    assert_eq!(codes(&text(each)), [("W112", 18)], "told once");
}

#[test]
fn w118_webhooks_for_events_that_are_always_refused() {
    let text = |events: &str, resources: &str| {
        let bot = "    bot: helpdesk\n";
        let about = format!("{bot}    events: {events}\n    policy: {{resources: {resources}}}\n");
        with_bot("", PUBLIC).replace(bot, &about)
    };
    insta::assert_snapshot!(told(&text("[rooms.created, messages.created]", "{messages: deny}")), @r"
    warning[W118]: the route `helpdesk` refuses `messages.created`, whatever is in it
      ┌─ gateway.yaml:25:29
    25│     events: [rooms.created, messages.created]
      │                             ^^^^^^^^^^^^^^^^ leave it out of `events`, or let `policy.resources` demand something
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(told(&text("null", "{messages: deny}")), NOTHING, "nobody asked for them");
    assert_eq!(
        told(&text("[memberships.created]", "{memberships: deny}")),
        NOTHING,
        "of use to the gateway"
    );
    assert_eq!(codes(&text("[messages.deleted]", "{messages.deleted: deny}")), [("W118", 25)]);
    assert_eq!(told(&text("[messages.created]", "{messages.deleted: deny}")), NOTHING);
    let of_bot = with_bot("webhooks: {events: [messages.created]}", PUBLIC).replace(
        "    bot: helpdesk\n",
        "    bot: helpdesk\n    policy: {resources: {messages: deny}}\n",
    );
    assert_eq!(codes(&of_bot), [("W118", 18)]);
}

#[test]
fn w112_webhooks_that_lead_to_no_route() {
    let text = |events: &str| {
        let about = "webhooks: {events: [messages.created, rooms.updated]}";
        let bot = "    bot: helpdesk\n";
        with_bot(about, PUBLIC).replace(bot, &format!("{bot}    events: {events}\n"))
    };
    insta::assert_snapshot!(told(&text("[messages.created]")), @r"
    warning[W112]: `rooms.updated` leads to no route of this bot
      ┌─ gateway.yaml:18:43
    18│     webhooks: {events: [messages.created, rooms.updated]}
      │                                           ^^^^^^^^^^^^^ add it to `events` of one of them
    0 errors, 1 warning in gateway.yaml
    ");
    let (config, warnings) = loaded(&text("null"));
    assert_eq!(warnings, [], "it takes what is left");
    assert_eq!(events(&config, "helpdesk"), ["messages.created", "rooms.updated"]);
    let (config, warnings) = loaded(&text("[rooms.updated, rooms.created, messages.created]"));
    assert_eq!(warnings, []);
    let all = ["messages.created", "rooms.created", "rooms.updated"];
    assert_eq!(events(&config, "helpdesk"), all);
}
