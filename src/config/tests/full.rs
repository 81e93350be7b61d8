use super::*;

/// Every key, none with its default.
pub(super) const FULL: &str = r#"version: 1
orgs:
  example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11
  services: Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi80ZjE5Y2VlZS0xMTExLTIyMjItMzMzMy00NDQ0NTU1NTY2NjY
server:
  listen: 127.0.0.1:9080
  tls: {cert_file: /tls/cert.pem, key_file: /tls/key.pem, client_ca_file: /tls/company.pem}
  body_limit: 128 KiB
  header_timeout: 3s
  body_timeout: 4s
  max_connections: 10
  max_in_flight: 11
  drain_grace: 0s
  drain_timeout: 20s
  public_url: https://bots.example.com/
ops: {listen: null}
admin:
  listen: 0.0.0.0:9083
  allow_plain_http: true
  allowed_hosts: [Bots.Example.com, 10.0.0.7, "[::1]"]
  viewer_token: {file: /run/secrets/viewer}
  operator_token: {env: OPERATOR_TOKEN}
log: {level: "info,botwarden::webex=debug", format: json}
decision_log:
  to: {dir: /var/lib/botwarden/decisions, keep: 30d, rotate_at: 1MiB}
  signing_key: {file: /run/secrets/decisions.pem}
webex:
  api: http://127.0.0.1:9/v1/
  proxy: http://127.0.0.1:3128
  ca_file: /tls/company.pem
  timeout: 1s
  max_in_flight: 2
  requests_per_minute: 100
  retry: {attempts: 2, give_up_after: 3s}
policy:
  mode: observe
  observe_until: 2027-01-31
  allowed_orgs: [example, services]
  trusted_bots: [946e4f40-d002-11e9-9ccb-a7e5bdebafb3]
  app_users: allow
  max_members: 100
  max_event_age: 5m
  resources:
    memberships.deleted: room
  on_deny:
    notify: ops_room
    ops_room: Y2lzY29zcGFyazovL3VzL1JPT00vOTQ2ZTRmNDAtZDAwMi0xMWU5LTljY2ItYTdlNWJkZWJhZmIz
    text: There are guests.
    at_most_every: 1h
    refused: I am silent here.
    still_refused: I am still silent here.
    allowed_again: I am back.
cache: {allow_ttl: 0s, deny_ttl: 1s, stale_deny: 2s, max_entries: 3}
telemetry: {otlp_endpoint: "https://collector.example.com/otlp/", interval: 30s, traceparent: new}
inbox: {mode: memory, max_events: 5, max_bytes: 1048576, max_age: 1m, order: none, duplicates: 0s}
bots:
  helpdesk:
    token: {env: HELPDESK_TOKEN}
    webhook_secret: [{credential: helpdesk}, {file: /run/secrets/helpdesk_webhook_secret}]
    webhooks:
      manage: ensure
      events: [messages.created, messages.updated]
      every: 1m
      foreign: [https://other.example.com/hook?x=1]
    audit:
      every: 12h
      at: "23:59"
      requests_per_second: 1
      reports: {dir: /var/lib/botwarden/audits, keep: 30d}
      leave_rooms_with_outsiders: confirmed
      max_leave: 20%
      farewell: {text: "I leave, because there are guests.", at_most_every: 48h}
routes:
  helpdesk:
    path: /webhooks/helpdesk
    bot: helpdesk
    upstream:
      url: unix:/run/bot.sock:/hook?x=1
      connect_timeout: 2s
      timeout: 20s
      max_in_flight: 1
      retry: {from: 1s, up_to: 2s}
      pass_signature: false
      sign: {secret: {file: /run/secrets/sign}}
      headers: {X-Team: helpdesk}
    events: [messages.updated, messages.created]
    answer: delivered
    answer_within: 2s
    unverified: 200
    policy:
      mode: enforce
      allowed_orgs: [services]
      app_users: deny
      max_members: 50
      max_event_age: 1m
      resources: {attachmentActions: room, messages: room, "*": deny}
"#;

fn full_desk() -> Desk {
    desk()
        .with_var("HELPDESK_TOKEN", "token-from-the-environment")
        .with_var("CREDENTIALS_DIRECTORY", "/run/credentials/botwarden")
        .with_file("/run/credentials/botwarden/helpdesk", "credential-from-systemd")
        .with_var("OPERATOR_TOKEN", "the-operators-own-token")
        .with_file("/run/secrets/viewer", "for-those-who-look\n")
        .with_file("/run/secrets/decisions.pem", crate::gate::seal::tests::PRIVATE)
        .with_file("/run/secrets/sign", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\r\n")
}

#[test]
fn every_key_reaches_the_configuration() {
    let (config, warnings) = load(FULL.as_bytes(), &full_desk(), today())
        .unwrap_or_else(|problems| panic!("{}", render(&problems, "f", FULL, false)));
    let codes: Vec<_> = warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [Code::PlainAdmin], "no key without its warning here");
    insta::assert_snapshot!(format!("{:#?}", config.admin), @r#"
    Admin {
        listen: Some(
            0.0.0.0:9083,
        ),
        allowed_hosts: [
            "bots.example.com",
            "10.0.0.7",
            "[::1]",
        ],
        viewer_token: Some(
            Secret(hidden),
        ),
        operator_token: Some(
            Secret(hidden),
        ),
    }
    "#);
    insta::assert_snapshot!(format!("{:#?}", (&config.server, &config.ops, &config.log)), @r#"
    (
        Server {
            listen: 127.0.0.1:9080,
            tls: Some(
                Tls {
                    cert_file: "/tls/cert.pem",
                    key_file: "/tls/key.pem",
                    client_ca_file: Some(
                        "/tls/company.pem",
                    ),
                },
            ),
            body_limit: 131072,
            header_timeout: 3s,
            body_timeout: 4s,
            max_connections: 10,
            max_in_flight: 11,
            drain_grace: 0ns,
            drain_timeout: 20s,
            public_url: Some(
                Url {
                    scheme: "https",
                    cannot_be_a_base: false,
                    username: "",
                    password: None,
                    host: Some(
                        Domain(
                            "bots.example.com",
                        ),
                    ),
                    port: None,
                    path: "/",
                    query: None,
                    fragment: None,
                },
            ),
        },
        Ops {
            listen: None,
        },
        Log {
            level: "info,botwarden::webex=debug",
            format: Json,
        },
    )
    "#);
    insta::assert_snapshot!(format!("{:#?}", (&config.webex, &config.cache, &config.inbox)), @r#"
    (
        Webex {
            api: Url {
                scheme: "http",
                cannot_be_a_base: false,
                username: "",
                password: None,
                host: Some(
                    Ipv4(
                        127.0.0.1,
                    ),
                ),
                port: Some(
                    9,
                ),
                path: "/v1",
                query: None,
                fragment: None,
            },
            proxy: Url(
                Url {
                    scheme: "http",
                    cannot_be_a_base: false,
                    username: "",
                    password: None,
                    host: Some(
                        Ipv4(
                            127.0.0.1,
                        ),
                    ),
                    port: Some(
                        3128,
                    ),
                    path: "/",
                    query: None,
                    fragment: None,
                },
            ),
            ca_file: Some(
                "/tls/company.pem",
            ),
            timeout: 1s,
            max_in_flight: 2,
            requests_per_minute: 100,
            attempts: 2,
            give_up_after: 3s,
        },
        Cache {
            allow_ttl: 0ns,
            deny_ttl: 1s,
            stale_deny: 2s,
            max_entries: 3,
        },
        Inbox {
            max_events: 5,
            max_bytes: 1048576,
            max_age: 60s,
            order: None,
            duplicates: 0ns,
        },
    )
    "#);
    insta::assert_snapshot!(format!("{:#?}", config.notices), @r#"
    Notices {
        notify: OpsRoom(
            ROOM:946e4f40,
        ),
        text: "There are guests.",
        at_most_every: 3600s,
        refused: Some(
            "I am silent here.",
        ),
        still_refused: Some(
            "I am still silent here.",
        ),
        allowed_again: Some(
            "I am back.",
        ),
    }
    "#);
    insta::assert_snapshot!(format!("{:#?}", (&config.bots, &config.routes)), @r#"
    (
        {
            "helpdesk": Bot {
                token: Secret(hidden),
                keys: KeyRing(
                    [
                        SigningKey(hidden),
                        SigningKey(hidden),
                    ],
                ),
                secrets: [
                    WebhookSecret {
                        secret: Secret(hidden),
                        file: None,
                    },
                    WebhookSecret {
                        secret: Secret(hidden),
                        file: Some(
                            "/run/secrets/helpdesk_webhook_secret",
                        ),
                    },
                ],
                webhooks: Webhooks {
                    manage: Ensure,
                    every: 60s,
                    foreign: 1,
                },
                audit: Audit {
                    every: Some(
                        43200s,
                    ),
                    at: Some(
                        1439,
                    ),
                    requests_per_second: 1,
                    reports: Some(
                        Reports {
                            dir: "/var/lib/botwarden/audits",
                            keep: 2592000s,
                        },
                    ),
                    leave: Confirmed,
                    max_leave: Percent(
                        20,
                    ),
                    farewell: Some(
                        Farewell {
                            text: "I leave, because there are guests.",
                            at_most_every: 172800s,
                        },
                    ),
                },
            },
        },
        {
            "helpdesk": Route {
                path: "/webhooks/helpdesk",
                bot: "helpdesk",
                answer: Delivered {
                    within: 2s,
                },
                unverified: Ok,
                upstream: Upstream {
                    address: Unix {
                        socket: "/run/bot.sock",
                        path: /hook?x=1,
                    },
                    connect_timeout: 2s,
                    timeout: 20s,
                    max_in_flight: 1,
                    retry: Schedule {
                        from: 1s,
                        up_to: 2s,
                    },
                    pass_signature: false,
                    sign: Some(
                        Secret(hidden),
                    ),
                    headers: {
                        "x-team": Sensitive,
                    },
                },
                policy: Policy {
                    mode: Enforce,
                    allowed_orgs: {
                        ORGANIZATION:4f19ceee,
                    },
                    trusted_bots: {
                        PEOPLE:946e4f40,
                    },
                    app_users: Deny,
                    max_members: 50,
                    max_event_age: 60s,
                    demands: Demands {
                        events: {
                            (
                                Memberships,
                                Deleted,
                            ): Deny,
                        },
                        resources: {
                            AttachmentActions: Room,
                            Memberships: Deny,
                            Messages: Room,
                            Rooms: Deny,
                        },
                        others: Some(
                            Deny,
                        ),
                    },
                },
                events: [
                    (
                        "messages",
                        "created",
                    ),
                    (
                        "messages",
                        "updated",
                    ),
                ],
            },
        },
    )
    "#);
    let sign = config.routes["helpdesk"].upstream.sign.as_ref().unwrap();
    assert_eq!(sign.len(), 24, "decoded from its written form");
}
