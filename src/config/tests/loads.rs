use super::*;
use crate::gate::event::{Resource, Verb};
use crate::gate::policy::{AppUsers, Demand, Mode};

#[test]
fn the_example_loads_without_a_word() {
    let (config, warnings) = loaded(EXAMPLE);
    assert_eq!(warnings, []);
    assert_eq!(config.fingerprint.len(), 8);
    let route = &config.routes["helpdesk"];
    assert_eq!(&*route.path, "/webhooks/helpdesk");
    assert_eq!(&*route.bot, "helpdesk");
    assert_eq!(route.answer, Answer::Accepted);
    assert_eq!(route.upstream.address, Address::Tcp("http://127.0.0.1:5000/".parse().unwrap()));
    assert_eq!(config.bots["helpdesk"].token.expose(), b"a-token-of-the-helpdesk");
    assert_eq!(route.policy.allowed_orgs.len(), 1);
}

#[test]
fn defaults_are_those_of_the_reference() {
    let (config, _) = loaded(EXAMPLE);
    insta::assert_snapshot!(format!("{:#?}", (&config.server, &config.ops, &config.log)), @r#"
    (
        Server {
            listen: 127.0.0.1:8080,
            tls: None,
            body_limit: 262144,
            header_timeout: 5s,
            body_timeout: 10s,
            max_connections: 1024,
            max_in_flight: 512,
            drain_grace: 5s,
            drain_timeout: 25s,
            public_url: None,
        },
        Ops {
            listen: Some(
                127.0.0.1:8082,
            ),
        },
        Log {
            level: "info",
            format: Auto,
        },
    )
    "#);
    insta::assert_snapshot!(format!("{:#?}", config.webex), @r#"
    Webex {
        api: Url {
            scheme: "https",
            cannot_be_a_base: false,
            username: "",
            password: None,
            host: Some(
                Domain(
                    "webexapis.com",
                ),
            ),
            port: None,
            path: "/v1",
            query: None,
            fragment: None,
        },
        proxy: Env,
        ca_file: None,
        timeout: 5s,
        max_in_flight: 8,
        requests_per_minute: 280,
        attempts: 3,
        give_up_after: 8s,
    }
    "#);
    insta::assert_snapshot!(format!("{:#?}", (&config.cache, &config.inbox)), @r"
    (
        Cache {
            allow_ttl: 60s,
            deny_ttl: 30s,
            stale_deny: 600s,
            max_entries: 10000,
        },
        Inbox {
            max_events: 10000,
            max_bytes: 67108864,
            max_age: 900s,
            order: PerRoom,
            duplicates: 600s,
        },
    )
    ");
    insta::assert_snapshot!(format!("{:#?}", config.notices), @r#"
    Notices {
        notify: None,
        text: "There are guests in this space, so I stay silent here.",
        at_most_every: 86400s,
        refused: None,
        still_refused: None,
        allowed_again: None,
    }
    "#);
    insta::assert_snapshot!(format!("{:#?}", config.bots["helpdesk"]), @r#"
    Bot {
        token: Secret(hidden),
        keys: KeyRing(
            [
                SigningKey(hidden),
            ],
        ),
        secrets: [
            WebhookSecret {
                secret: Secret(hidden),
                file: Some(
                    "/run/secrets/helpdesk_webhook_secret",
                ),
            },
        ],
        webhooks: Webhooks {
            manage: None,
            every: 600s,
            foreign: 0,
        },
        audit: Audit {
            every: Some(
                86400s,
            ),
            at: Some(
                180,
            ),
            requests_per_second: 4,
            reports: None,
            leave: Never,
            max_leave: Rooms(
                10,
            ),
            farewell: None,
        },
    }
    "#);
    insta::assert_snapshot!(format!("{:#?}", config.routes["helpdesk"]), @r#"
    Route {
        path: "/webhooks/helpdesk",
        bot: "helpdesk",
        answer: Accepted,
        unverified: Forbidden,
        upstream: Upstream {
            address: Tcp(
                http://127.0.0.1:5000/,
            ),
            connect_timeout: 1s,
            timeout: 10s,
            max_in_flight: 32,
            retry: Schedule {
                from: 250ms,
                up_to: 30s,
            },
            pass_signature: true,
            sign: None,
            headers: {},
        },
        policy: Policy {
            mode: Enforce,
            allowed_orgs: {
                ORGANIZATION:0b7c5c1e,
            },
            trusted_bots: {},
            app_users: Deny,
            max_members: 5000,
            max_event_age: 600s,
            demands: Demands {
                events: {
                    (
                        Memberships,
                        Deleted,
                    ): Deny,
                },
                resources: {
                    AttachmentActions: Room,
                    Memberships: Room,
                    Messages: Room,
                    Rooms: Room,
                },
                others: Some(
                    Deny,
                ),
            },
        },
        events: [
            (
                "attachmentActions",
                "created",
            ),
            (
                "memberships",
                "created",
            ),
            (
                "memberships",
                "deleted",
            ),
            (
                "messages",
                "created",
            ),
        ],
    }
    "#);
}

#[test]
fn default_demands_are_those_of_the_reference() {
    let (config, _) = loaded(EXAMPLE);
    let policy = &config.routes["helpdesk"].policy;
    assert_eq!(policy.mode, Mode::Enforce);
    assert_eq!(policy.app_users, AppUsers::Deny);
    let demands = &policy.demands;
    let left = (Resource::Memberships, Verb::Deleted);
    assert_eq!(demands.events, [(left, Demand::Deny)].into());
    let rooms = ["messages", "attachmentActions", "memberships", "rooms"];
    assert_eq!(demands.resources, rooms.map(|word| (Resource::named(word), Demand::Room)).into());
    assert_eq!(demands.others, Some(Demand::Deny));
}

#[test]
fn variables_stand_above_the_file_and_cannot_set_policy() {
    let desk = desk()
        .with_var("BOTWARDEN_LISTEN", "0.0.0.0:8080")
        .with_var("BOTWARDEN_OPS_LISTEN", "0.0.0.0:8082")
        .with_var("BOTWARDEN_LOG", "debug")
        .with_var("BOTWARDEN_LOG_FORMAT", "text")
        .with_var("BOTWARDEN_POLICY_MODE", "observe")
        .with_var("BOTWARDEN_ALLOWED_ORGS", "consumer");
    let text = with("server: {listen: 127.0.0.1:1}\n");
    let (config, _) = load(text.as_bytes(), &desk, today()).unwrap();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.ops.listen.unwrap().to_string(), "0.0.0.0:8082");
    assert_eq!((&*config.log.level, config.log.format), ("debug", LogFormat::Text));
    assert_eq!(config.routes["helpdesk"].policy.mode, Mode::Enforce);
    assert_eq!(config.orgs.len(), 1);
    let none = super::desk().with_var("BOTWARDEN_OPS_LISTEN", "none");
    let (config, _) = load(EXAMPLE.as_bytes(), &none, today()).unwrap();
    assert_eq!(config.ops.listen, None);
}

#[test]
fn the_file_is_looked_for_where_people_put_it() {
    let found = |explicit: Option<&str>, desk: &Desk| {
        find(explicit.map(Path::new), desk).map(|path| path.display().to_string())
    };
    let desk = Desk::default();
    assert_eq!(found(None, &desk), None);
    let desk = desk.with_file("/etc/botwarden/gateway.yaml", "");
    assert_eq!(found(None, &desk).unwrap(), "/etc/botwarden/gateway.yaml");
    let desk = desk.with_file("./gateway.yaml", "");
    assert_eq!(found(None, &desk).unwrap(), "./gateway.yaml");
    let desk = desk.with_var("BOTWARDEN_CONFIG", "/x.yaml");
    assert_eq!(found(None, &desk).unwrap(), "/x.yaml", "though it does not exist");
    assert_eq!(found(Some("/y.yaml"), &desk).unwrap(), "/y.yaml");
}

#[test]
fn secrets_lose_one_newline_and_no_more() {
    for (written, kept) in [
        ("0123456789abcdef", "0123456789abcdef"),
        ("0123456789abcdef\n", "0123456789abcdef"),
        ("0123456789abcdef\r\n", "0123456789abcdef"),
        ("0123456789abcdef\n\n", "0123456789abcdef\n"),
        ("0123456789abcdef\r", "0123456789abcdef\r"),
        (" 0123456789abcdef ", " 0123456789abcdef "),
    ] {
        let text = exchanged(
            "    upstream: http://127.0.0.1:5000/",
            "    upstream: {url: http://127.0.0.1:5000/, sign: {secret: {file: /s}}}",
        );
        let desk = desk().with_file("/s", written);
        let (config, _) = load(text.as_bytes(), &desk, today()).unwrap();
        let sign = config.routes["helpdesk"].upstream.sign.as_ref().unwrap();
        assert_eq!(sign.expose(), kept.as_bytes(), "{written:?}");
    }
}

#[test]
fn the_machine_reads_files_up_to_a_limit_and_sees_their_rights() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.yaml");
    std::fs::write(&path, vec![b'#'; LARGEST_FILE + 10]).unwrap();
    let bytes = read(&path, &Machine).unwrap();
    assert_eq!(bytes.len(), LARGEST_FILE + 1);
    let problems = load(&bytes, &Machine, today()).unwrap_err();
    assert_eq!(problems[0].code, Code::TooLarge);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for (mode, readable) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Machine.readable_by_others(&path), readable, "{mode:o}");
        }
    }
    let problems = read(&dir.path().join("none"), &Machine).unwrap_err();
    assert_eq!(problems[0].code, Code::Unreadable);
}

#[test]
fn the_fingerprint_is_that_of_the_text() {
    let print = |text: &str| loaded(text).0.fingerprint;
    assert_eq!(print(EXAMPLE), print(EXAMPLE));
    assert_ne!(print(EXAMPLE), print(&with("# more\n")));
}
