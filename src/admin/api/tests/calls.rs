use std::sync::Weak;

use super::*;
use crate::admin::calls::CONNECTIONS;
use crate::report::{BotFigures, CacheName, Figures, Observed, RouteFigures};

const EVERY: [(&str, &str); 5] = [
    ("GET", "/api/v1/status"),
    ("GET", "/api/v1/stream"),
    ("POST", "/api/v1/reload"),
    ("POST", "/api/v1/drain"),
    ("GET", "/"),
];

fn starts(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
}

fn drains(world: &World) -> usize {
    world.told.drains.load(Ordering::Relaxed)
}

#[tokio::test]
async fn without_a_token_nothing_is_told_and_nothing_happens() {
    let world = world().await;
    for (method, target) in EVERY {
        let answer = world.ask(method, target, "Host: localhost\r\n").await;
        starts(&answer, 401);
        assert!(answer.contains("www-authenticate: Bearer realm=\"botwarden\"\r\n"), "{answer}");
        assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
        assert!(answer.contains("\"type\": \"urn:botwarden:problem:token\""), "{answer}");
        assert!(
            !answer.contains(env!("CARGO_PKG_VERSION")) && !answer.contains("helpdesk"),
            "{answer}"
        );
    }
    assert_eq!(drains(&world), 0);
}

#[tokio::test]
async fn viewers_look_and_operators_change() {
    let world = world().await;
    assert_eq!(world.document("GET", "/api/v1/status", VIEWER).await.0, 200);
    for target in ["/api/v1/reload", "/api/v1/drain"] {
        let (status, problem) = world.document("POST", target, VIEWER).await;
        assert_eq!((status, &problem["type"]), (403, &"urn:botwarden:problem:viewer_token".into()));
    }
    assert_eq!(drains(&world), 0);
    let (status, reloaded) = world.document("POST", "/api/v1/reload", OPERATOR).await;
    assert_eq!((status, &reloaded["new"]), (200, &"7aa0b1c2".into()));
    assert_eq!(reloaded["restart"], json!(["server.listen"]));
    assert_eq!(world.document("POST", "/api/v1/drain", OPERATOR).await.0, 200);
    assert_eq!(drains(&world), 1);
    assert_eq!(world.document("GET", "/api/v1/status", OPERATOR).await.0, 200);
}

#[tokio::test]
async fn without_a_token_for_operators_nobody_is_one() {
    let world = world_with(Told::default(), None).await;
    let (status, problem) = world.document("POST", "/api/v1/drain", VIEWER).await;
    assert_eq!((status, &problem["type"]), (403, &"urn:botwarden:problem:no_operator".into()));
    assert_eq!(drains(&world), 0);
}

#[tokio::test]
async fn pages_of_other_hosts_are_turned_away() {
    let world = world().await;
    let token = format!("Authorization: Bearer {OPERATOR}\r\n");
    for host in ["Host: evil.example\r\n", "Host: localhost.evil.example:8083\r\n", "Host: \r\n"] {
        for (method, target) in EVERY {
            starts(&world.ask(method, target, &format!("{host}{token}")).await, 421);
        }
    }
    let absolute = format!("Host: localhost\r\n{token}");
    starts(&world.ask("GET", "http://evil.example/api/v1/status", &absolute).await, 421);
    for origin in ["null", "http://evil.example", "http://localhost.evil.example"] {
        let headers = format!("Host: localhost\r\n{token}Origin: {origin}\r\n");
        starts(&world.ask("POST", "/api/v1/drain", &headers).await, 403);
    }
    assert_eq!(drains(&world), 0);
    let own = format!("Host: [::1]:9000\r\n{token}Origin: http://127.0.0.1:9000\r\n");
    starts(&world.ask("POST", "/api/v1/drain", &own).await, 200);
    assert_eq!(drains(&world), 1);
}

#[tokio::test]
async fn other_paths_and_methods_are_told_as_such() {
    let world = world().await;
    for target in ["/", "/api/v1/", "/api/v1/status/", "/api/v2/status", "/metrics"] {
        starts(&world.ask("GET", target, &bearer(OPERATOR)).await, 404);
    }
    for (method, target, allowed) in [
        ("POST", "/api/v1/status", "GET"),
        ("HEAD", "/api/v1/stream", "GET"),
        ("GET", "/api/v1/reload", "POST"),
        ("PUT", "/api/v1/drain", "POST"),
        ("OPTIONS", "/api/v1/drain", "POST"),
    ] {
        let answer = world.ask(method, target, &bearer(OPERATOR)).await;
        starts(&answer, 405);
        assert!(answer.contains(&format!("allow: {allowed}\r\n")), "{answer}");
    }
    assert_eq!(drains(&world), 0);
}

#[tokio::test]
async fn what_a_caller_writes_is_in_no_answer_and_no_token_either() {
    let world = world().await;
    let hostile = "hostile<script>";
    let asked = [
        ("/api/v1/status", format!("Host: {hostile}\r\n")),
        ("/api/v1/hostile<script>", bearer(VIEWER)),
        ("/api/v1/stream?hostile<script>=hostile<script>", bearer(VIEWER)),
        ("/api/v1/status", format!("Host: localhost\r\nAuthorization: Bearer {hostile}\r\n")),
        ("/api/v1/status", format!("{}Origin: {hostile}\r\nX-A: {hostile}\r\n", bearer(VIEWER))),
        ("/api/v1/drain", format!("{}Origin: {hostile}\r\n", bearer(OPERATOR))),
    ];
    for (target, headers) in &asked {
        for method in ["GET", "POST"] {
            let answer = world.ask(method, target, headers).await;
            assert!(!answer.contains("hostile") && !answer.contains("script>"), "{answer}");
            assert!(!answer.contains(VIEWER) && !answer.contains(OPERATOR), "{answer}");
            assert!(!answer.to_lowercase().contains("access-control-"), "{answer}");
        }
    }
}

#[tokio::test]
async fn nobody_keeps_an_answer_and_no_page_can_use_it() {
    let world = world().await;
    for headers in [bearer(VIEWER), "Host: localhost\r\n".to_owned(), "Host: x\r\n".to_owned()] {
        let answer = world.ask("GET", "/api/v1/status", &headers).await;
        for header in [
            "cache-control: no-store\r\n",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "cross-origin-resource-policy: same-origin\r\n",
        ] {
            assert!(answer.contains(header), "{header}{answer}");
        }
    }
}

#[tokio::test]
async fn guessing_is_slow_and_locks_nobody_out() {
    let world = Arc::new(world().await);
    for _ in 0..5 {
        let began = tokio::time::Instant::now();
        starts(&world.ask("GET", "/api/v1/status", &bearer("wrong")).await, 401);
        assert!(began.elapsed() < Duration::from_millis(900), "a mistake costs nothing");
    }
    let answered = Arc::new(AtomicUsize::new(0));
    for _ in 0..20 {
        let (guesser, answered) = (Arc::clone(&world), Arc::clone(&answered));
        world.tasks.spawn("guess", async move {
            guesser.ask("GET", "/api/v1/status", &bearer("wrong")).await;
            answered.fetch_add(1, Ordering::Relaxed);
        });
    }
    let began = tokio::time::Instant::now();
    starts(&world.ask("GET", "/api/v1/status", &bearer(VIEWER)).await, 200);
    assert!(began.elapsed() < Duration::from_millis(900), "whoever has the token does not wait");
    starts(&world.ask("GET", "/api/v1/status", &bearer("wrong")).await, 401);
    assert!(began.elapsed() >= Duration::from_secs(1), "guessing costs a second");
}

#[tokio::test]
async fn mistakes_in_the_configuration_are_told_with_their_places() {
    let problem = Problem::new(Code::UnknownKey, "unknown key `upsteam`")
        .on("routes.helpdesk.upsteam")
        .at(Place { line: 24, column: 5 })
        .hint("did you mean `upstream`?");
    let hidden = Problem::new(Code::WrittenSecret, "a secret must not be written here").hide();
    let told = Told { problems: vec![problem, hidden], ..Told::default() };
    let world = world_with(told, Some(OPERATOR)).await;
    let (status, document) = world.document("POST", "/api/v1/reload", OPERATOR).await;
    assert_eq!((status, &document["type"]), (422, &"urn:botwarden:problem:configuration".into()));
    assert_eq!((&document["status"], &document["file"]), (&422.into(), &"gateway.yaml".into()));
    let first = &document["errors"][0];
    assert_eq!(first["pointer"], "#/routes/helpdesk/upsteam");
    assert_eq!((&first["line"], &first["column"]), (&24.into(), &5.into()));
    assert_eq!((&first["code"], &first["severity"]), (&"E014".into(), &"error".into()));
    assert_eq!(first["message"], "unknown key `upsteam`");
    assert_eq!(
        (&document["errors"][1]["hidden"], &document["errors"][1]["line"]),
        (&true.into(), &json!(null))
    );
}

#[tokio::test]
async fn the_status_tells_how_things_stand() {
    let world = world().await;
    world.decide(Verdict::Refused(Refusal::OutsideOrg), "a");
    world.decide(Verdict::Allow { would_refuse: None }, "a");
    world.decide(Verdict::Allow { would_refuse: None }, "a");
    world.readiness.not_ok("token helpdesk", "refused by Webex");
    let (_, status) = world.document("GET", "/api/v1/status", VIEWER).await;
    assert_eq!(status["schema"], "botwarden/status/1");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["pid"], std::process::id());
    assert_eq!(status["config"], json!({ "hash": "5f0c21e9", "reload": null }));
    let verdicts = json!({ "allow": 2, "deny": 1, "expired": 0, "reject": 0, "skip": 0 });
    assert_eq!(status["verdicts"], verdicts);
    assert_eq!(status["inbox"]["events"], 7);
    let route = json!({ "bot": "helpdesk", "mode": "enforce", "observe_until": null, "waiting": null, "oldest_s": null });
    assert_eq!(status["routes"], json!({ "a": route }));
    let bot =
        json!({ "token": "unknown", "webhooks": null, "last_audit": null, "budget_left": null });
    assert_eq!(status["bots"], json!({ "helpdesk": bot }));
    assert_eq!(status["ready"], false);
    assert_eq!(status["checks"]["token helpdesk"], "refused by Webex");
    assert!(world.reporter.flush(Duration::from_secs(10)));
    let (_, status) = world.document("GET", "/api/v1/status", VIEWER).await;
    let log = &status["decision_log"];
    assert_eq!((&log["writable"], &log["lost"]), (&true.into(), &0.into()));
    assert!(log["records"].as_u64().unwrap() >= 3, "{log}");
}

/// Somebody who knows figures.
struct Knows;

impl Observed for Knows {
    fn figures(&self) -> Figures {
        let oldest = Duration::from_millis(14_300);
        let silent_for = Duration::ZERO;
        Figures {
            routes: vec![RouteFigures { route: "a".into(), events: 3, oldest }],
            bots: vec![BotFigures { bot: "helpdesk".into(), budget_left: 290, silent_for }],
            caches: vec![(CacheName::Members, 9), (CacheName::Duplicates, 0)],
        }
    }
}

#[tokio::test]
async fn the_status_tells_what_is_only_known_by_asking() {
    let world = world().await;
    let knows = Arc::new(Knows);
    let weak: Weak<Knows> = Arc::downgrade(&knows);
    world.reporter.ask(weak);
    let (_, status) = world.document("GET", "/api/v1/status", VIEWER).await;
    let route = &status["routes"]["a"];
    assert_eq!((&route["waiting"], &route["oldest_s"]), (&3.into(), &14.into()));
    assert_eq!(status["bots"]["helpdesk"]["budget_left"], 290);
    assert_eq!(status["cache"], json!({ "members": 9, "duplicates": 0 }));
}

#[tokio::test]
async fn a_viewer_on_every_connection_does_not_lock_the_operator_out() {
    let world = world().await;
    let call = format!("GET /api/v1/status HTTP/1.1\r\n{}\r\n", bearer(VIEWER));
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(call.as_bytes()).await.unwrap();
        assert_ne!(stream.read(&mut [0; 64]).await.unwrap(), 0);
        held.push(stream);
    }
    let asking = world.document("POST", "/api/v1/drain", OPERATOR);
    let (status, _) = tokio::time::timeout(Duration::from_secs(10), asking).await.unwrap();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_stream_is_not_cut_off_for_others() {
    let world = world().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let call = format!("GET /api/v1/stream HTTP/1.1\r\n{}\r\n", bearer(VIEWER));
    stream.write_all(call.as_bytes()).await.unwrap();
    assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS * 2 {
        silent.push(TcpStream::connect(world.address).await.unwrap());
    }
    assert_eq!(world.document("GET", "/api/v1/status", VIEWER).await.0, 200);
    world.decide(Verdict::Allow { would_refuse: None }, "a");
    assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0, "it goes on");
}
