//! What the bot gets: the bytes that Webex sent, and headers that only the gateway can have written.

use crate::harness::bot::{Bot, Manner, Request};
use crate::harness::event::{OLD_SECRET, SECRET, SIGNING, mac, sha256, standard_webhook};
use crate::harness::{Setup, World};

/// The event with whatever is around it: not canonical, not ASCII, with an end of line.
fn spellings(event: &str) -> Vec<Vec<u8>> {
    let odd = event.replacen(
        '{',
        "{ \"\u{e4}\u{2603}\u{1f600}\"\t:\r\n [1.0e+2 , \"\\u00e9\\/\"],\"name\":\"x\",",
        1,
    );
    [event.to_owned(), format!("{event}\n"), format!(" {event}\r\n\r\n"), odd]
        .map(String::into_bytes)
        .into()
}

#[tokio::test]
async fn invariant_2_the_bot_gets_the_same_bytes_and_the_signature() {
    let world = World::start().await;
    for (at, body) in spellings(&world.message("ann", "staff").body).into_iter().enumerate() {
        assert_eq!(world.send(&body).await.status, 200);
        let request = world.bot.got(at + 1).await.remove(at);
        assert_eq!(sha256(&request.body), sha256(&body), "{}", String::from_utf8_lossy(&body));
        let signature = request.header("x-spark-signature").unwrap();
        assert_eq!(
            signature,
            mac(SECRET.as_bytes(), &request.body),
            "a bot that checks goes on working"
        );
        assert_eq!(request.header("content-length").unwrap(), body.len().to_string());
    }
}

#[tokio::test]
async fn invariant_2_also_after_a_second_try() {
    let world = World::start().await;
    world.bot.next([Manner::Answers(503), Manner::Answers(429)]);
    let body = format!("{}\n", world.message("ann", "staff").body);
    world.send(&body).await;
    let requests = world.bot.got(3).await;
    assert!(requests.iter().all(|request| request.body == body.as_bytes()));
    let ids: Vec<_> =
        requests.iter().map(|request| request.header("botwarden-decision-id")).collect();
    assert!(ids[0].is_some() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_signature_is_passed_as_it_was_spelled_or_not_at_all() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let upper = mac(SECRET.as_bytes(), body.as_bytes()).to_uppercase();
    world.post("/hook", &[("X-SPARK-Signature", &upper)], body.as_bytes()).await;
    assert_eq!(world.bot.got(1).await[0].header("x-spark-signature"), Some(upper));
    let upstream = "{url: 'BOT', pass_signature: false}";
    let world = Setup::new().upstream(upstream).start().await;
    world.say("ann", "staff").await;
    assert_eq!(world.bot.got(1).await[0].header("x-spark-signature"), None);
}

/// What a stranger in the middle would add, so that the bot believes in a verdict.
const FOREIGN: [(&str, &str); 10] = [
    ("botwarden-verdict", "spoof"),
    ("Botwarden_Verdict", "spoof"),
    ("BOTWARDEN-DECISION-ID", "spoof"),
    ("x-forwarded-for", "spoof"),
    ("X_Forwarded_For", "spoof"),
    ("forwarded", "for=spoof"),
    ("webhook-signature", "v1,spoof"),
    ("connection", "x-hop"),
    ("x-hop", "spoof"),
    ("te", "spoof"),
];

#[tokio::test]
async fn a_callers_headers_cannot_pretend_to_be_the_gateways() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let signature = mac(SECRET.as_bytes(), body.as_bytes());
    let own = [("x-spark-signature", signature.as_str()), ("x-custom", "kept")];
    let headers: Vec<_> = FOREIGN.into_iter().chain(own).collect();
    assert_eq!(world.post("/hook?a=b%20c", &headers, body.as_bytes()).await.status, 200);
    let request = world.bot.got(1).await.remove(0);
    assert!(!request.head.contains("spoof"), "{}", request.head);
    assert!(request.head.starts_with("POST /bot?a=b%20c HTTP/1.1\r\n"), "{}", request.head);
    let told = [
        "botwarden-verdict",
        "botwarden-route",
        "botwarden-bot",
        "botwarden-room-members",
        "x-custom",
    ];
    assert_eq!(
        told.map(|name| request.header(name).unwrap()),
        ["allow", "helpdesk", "helpdesk", "3", "kept"]
    );
    assert!(told.iter().all(|name| request.count(name) == 1));
    assert_eq!(request.header("x-forwarded-for").unwrap(), "127.0.0.1");
    assert!(
        request.header("botwarden-checked-at").is_some() && request.header("traceparent").is_some()
    );
}

#[tokio::test]
async fn the_gateway_signs_for_the_bot() {
    let upstream = "{url: 'BOT', sign: {secret: {env: SIGNING}}, headers: {x-api-key: k}}";
    let world = Setup::new().upstream(upstream).start().await;
    world.say("ann", "staff").await;
    let request = world.bot.got(1).await.remove(0);
    let header = |name: &str| request.header(name).unwrap();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let expected = standard_webhook(SIGNING.as_bytes(), &id, &timestamp, &request.body);
    assert_eq!(header("webhook-signature"), expected);
    assert_eq!((id, header("x-api-key")), (header("botwarden-decision-id"), "k".to_owned()));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(now.abs_diff(timestamp.parse().unwrap()) < 60);
}

#[tokio::test]
async fn a_bot_on_a_unix_socket() {
    let place = tempfile::tempdir().unwrap();
    let bot = Bot::on_unix_socket(&place.path().join("bot.sock"));
    let world = Setup::new().bot(bot).start().await;
    let body = world.message("ann", "staff").body;
    world.send(&body).await;
    let request: Request = world.bot.got(1).await.remove(0);
    assert!(request.head.starts_with("POST /bot HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.body, body.as_bytes());
}

const BOTH_SECRETS: &str =
    "{helpdesk: {token: {env: TOKEN}, webhook_secret: [{env: SECRET}, {env: OLD_SECRET}]}}";

#[tokio::test]
async fn while_a_secret_is_rotated_both_hold_and_afterwards_only_the_new_one() {
    for (setup, old) in [(Setup::new().with("bots", BOTH_SECRETS), 200), (Setup::new(), 403)] {
        let world = setup.start().await;
        for (secret, status) in [(SECRET, 200), (OLD_SECRET, old)] {
            let body = world.message("ann", "staff").body;
            let signature = mac(secret.as_bytes(), body.as_bytes());
            let header = [("x-spark-signature", signature.as_str())];
            assert_eq!(world.post("/hook", &header, body.as_bytes()).await.status, status);
        }
        world.bot.got(if old == 200 { 2 } else { 1 }).await;
    }
}
