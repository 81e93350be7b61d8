//! What is never written, anywhere: one busy gateway that writes JSON, one that writes text, with everything that can go
//! wrong, at the most talkative level of the log.

use std::time::Duration;

use botwarden::report::Form;
use botwarden::simulator::Misbehaviour;

use crate::harness::bot::Manner;
use crate::harness::event::{OLD_SECRET, SECRET, SIGNING, mac};
use crate::harness::told::log;
use crate::harness::{Setup, World};

/// What somebody said, and what they typed into a card.
const WORDS: &str = "please-reset-the-vpn-of-the-board";

/// All that was written, and what Webex had sent.
struct Written {
    text: String,
    bodies: Vec<String>,
    messages: Vec<String>,
}

impl Written {
    #[track_caller]
    fn lacks(&self, secret: &str) {
        assert!(secret.len() > 5, "`{secret}` could stand anywhere");
        let line = self.text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was written");
    }
}

/// Two gateways, the one after the other: the second writes text, and only observes.
async fn busy() -> Written {
    let soon = jiff::Timestamp::now().checked_add(Duration::from_hours(48)).unwrap();
    let date = soon.strftime("%Y-%m-%d");
    let observing = format!("{{mode: observe, observe_until: {date}, allowed_orgs: [example]}}");
    let mut written = Written { text: String::new(), bodies: Vec::new(), messages: Vec::new() };
    for (form, policy) in [(Form::Json, "{allowed_orgs: [example]}"), (Form::Text, &observing)] {
        let mut world = setup().form(form).with("policy", policy).start().await;
        everything(&world, &mut written).await;
        written.text += &world.ops("/metrics").await.text();
        written.text += &world.ops("/readyz?verbose").await.text();
        world.close().await;
        written.text += &world.told.text();
    }
    written.text += &log();
    for word in [
        "outside_org",
        "expired",
        "OBSERVE",
        "TRACE",
        "signature_mismatch",
        "token_refused",
        "room_type",
    ] {
        let there = written.text.to_uppercase().contains(&word.to_uppercase());
        assert!(there, "it was not busy enough: {word}");
    }
    written
}

fn setup() -> Setup {
    let bots =
        "{helpdesk: {token: {env: TOKEN}, webhook_secret: [{env: SECRET}, {env: OLD_SECRET}]}}";
    let upstream = "{url: 'BOT', timeout: 300ms, retry: {from: 20ms, up_to: 40ms}, sign: {secret: {env: SIGNING}}, headers: {x-api-key: a-key-for-the-bot}}";
    let short = |config: &mut botwarden::config::Config| {
        config.inbox.max_age = Duration::from_millis(600);
        config.webex.timeout = Duration::from_millis(200);
    };
    Setup::new().with("bots", bots).upstream(upstream).adjust(short)
}

async fn everything(world: &World, written: &mut Written) {
    let say = |person: &str, room: &str| {
        world.control.event(person, room, WORDS, &world.webhook).unwrap()
    };
    for manner in [Manner::Answers(200), Manner::Answers(500), Manner::Hangs, Manner::Closes] {
        world.bot.next([manner]);
        tell(world, written, &say("ann", "staff").body).await;
    }
    tell(world, written, &say("tom", "partners").body).await;
    world.send(written.bodies.last().unwrap()).await;
    let forged = mac(b"x", b"y");
    world.post("/hook", &[("x-spark-signature", &forged)], written.bodies[0].as_bytes()).await;
    world.post("/hook", &[("x-spark-signature", WORDS)], WORDS.as_bytes()).await;
    tell(world, written, WORDS).await;
    // Cards, and memberships with addresses, as Webex itself delivers them.
    for (resource, event) in
        [("attachmentActions", "created"), ("memberships", "created"), ("memberships", "deleted")]
    {
        world.subscribe(resource, event);
    }
    world.control.submit_card("ann", "staff").unwrap();
    world.control.join("staff", "tom").unwrap();
    world.control.leave("staff", "tom").unwrap();
    assert!(world.control.wait_idle(crate::harness::patience()).await);
    world.settled().await;
    for fault in [
        Misbehaviour::ServerError { status: 401 },
        Misbehaviour::HtmlPage { status: 500 },
        Misbehaviour::DropsConnection,
    ] {
        world.fault(fault);
        tell(world, written, &say("ann", "launch").body).await;
        world.control.clear_faults();
    }
}

async fn tell(world: &World, written: &mut Written, body: &str) {
    world.send(body).await;
    world.settled().await;
    written.bodies.push(body.to_owned());
    let event: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    written.messages.extend(event["data"]["id"].as_str().map(str::to_owned));
}

#[tokio::test]
async fn invariant_8_no_token_is_ever_written() {
    let written = busy().await;
    for token in ["sim-token-helpdesk", "a-key-for-the-bot", "Bearer "] {
        written.lacks(token);
    }
}

#[tokio::test]
async fn invariant_8_no_webhook_secret_and_no_signing_key_is_ever_written() {
    let written = busy().await;
    for secret in [SECRET, OLD_SECRET, SIGNING, "whsec_"] {
        written.lacks(secret);
    }
}

#[tokio::test]
async fn invariant_8_no_signature_is_ever_written() {
    let written = busy().await;
    written.lacks(&mac(b"x", b"y"));
    for body in &written.bodies {
        written.lacks(&mac(SECRET.as_bytes(), body.as_bytes()));
    }
}

#[tokio::test]
async fn invariant_8_no_mail_address_is_ever_written() {
    let written = busy().await;
    for address in
        ["ann@example.com", "tom@contoso.example", "helpdesk@webex.bot", "@example.com", "@contoso"]
    {
        written.lacks(address);
    }
}

#[tokio::test]
async fn invariant_8_no_name_of_a_person_is_ever_written() {
    let written = busy().await;
    for name in ["Ann Example", "Tom Contoso", "Ann%20Example"] {
        written.lacks(name);
    }
}

#[tokio::test]
async fn invariant_8_no_words_of_a_message_or_a_forged_call_are_ever_written() {
    busy().await.lacks(WORDS);
}

#[tokio::test]
async fn invariant_8_no_message_id_is_ever_written_beyond_its_short_form() {
    use base64::Engine as _;
    let written = busy().await;
    assert!(written.messages.len() > 10);
    for id in &written.messages {
        written.lacks(id);
        let uri = base64::engine::general_purpose::STANDARD_NO_PAD.decode(id).unwrap();
        let uuid = String::from_utf8(uri).unwrap().rsplit_once('/').unwrap().1.to_owned();
        assert_eq!(uuid.len(), 36);
        written.lacks(uuid.split_once('-').unwrap().1);
    }
}
