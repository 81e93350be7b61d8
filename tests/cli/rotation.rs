//! `webhooks rotate-secret`, with gateways that run.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Background, SECRET, document, err, out, reserved_port};
use crate::webhooks::{GATEWAY, MESSAGES, OTHERS, Site, code};

/// A gateway that runs, and where it listens.
fn gateway(site: &Site) -> (Background, String) {
    let mut gateway = Background::start(site.directory.path(), &["run"]);
    let ready = Background::line(&mut gateway.err, "ready for webhooks");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let listen = ready.pointer("/fields/listen").and_then(Value::as_str).unwrap();
    (gateway, format!("http://{listen}/"))
}

impl Site {
    /// Something happens, and the gateway takes what Webex tells of it.
    fn an_event_is_taken(&self) {
        let before = self.control.deliveries().len();
        self.control.post("ann", "staff", "/hello").unwrap();
        assert!(self.runtime.block_on(self.control.wait_idle(Duration::from_secs(30))));
        let deliveries = self.control.deliveries();
        let statuses: Vec<_> = deliveries.iter().skip(before).map(|one| one.status).collect();
        assert_eq!(statuses, [Some(200)]);
    }
}

#[test]
fn a_secret_is_replaced_without_losing_an_event() {
    let site = Site::open();
    let here = format!("127.0.0.1:{}", reserved_port());
    // There is no bot, so that events are kept to the end.
    site.edit(
        "127.0.0.1:0', drain_grace: 0s",
        &format!("{here}', drain_grace: 0s, drain_timeout: 1s"),
    );
    site.edit("https://bots.example.com", &format!("http://{here}"));
    let rotate = ["webhooks", "rotate-secret", "helpdesk", "--yes"];
    assert_eq!(code(&site.run(&["sync", "--yes"])), Some(0));
    let others = ("meetings", "started");
    site.register("elsewhere", "https://elsewhere.example/", others, Some(OTHERS));
    let writes = site.writes();
    let (old, _) = gateway(&site);
    site.an_event_is_taken();

    let made = site.run(&rotate);
    assert_eq!(code(&made), Some(0), "{}", err(&made));
    let both = "webhook_secret: [{file: ./secret}, {file: ./secret.next}]";
    assert!(out(&made).contains(both), "{}", out(&made));
    let fresh = std::fs::read_to_string(site.path("secret.next")).unwrap();
    assert_eq!(code(&site.run(&rotate)), Some(0));
    assert_eq!(std::fs::read_to_string(site.path("secret.next")).unwrap(), fresh, "made once");

    site.edit("webhook_secret: {file: ./secret}", both);
    let early = site.run(&rotate);
    assert_eq!(code(&early), Some(1), "{}", err(&early));
    assert!(err(&early).contains("does not accept the new secret"), "{}", err(&early));
    assert_eq!(old.terminate(), Some(0));
    let gone = site.run(&rotate);
    assert_eq!(code(&gone), Some(69), "{}", err(&gone));
    let (accepting, _) = gateway(&site);
    let unasked = site.run(&rotate[..3]);
    assert_eq!(code(&unasked), Some(2), "{}", err(&unasked));
    assert_eq!(site.writes(), writes, "no webhook carries what no gateway accepts");

    site.an_event_is_taken();
    let before = site.control.webhooks();
    let moved = site.run(&rotate);
    assert_eq!(code(&moved), Some(0), "{}{}", out(&moved), err(&moved));
    assert!(out(&moved).contains("The old secret may go after 20"), "{}", out(&moved));
    assert!(out(&moved).contains("webhook_secret: {file: ./secret.next}"), "{}", out(&moved));
    assert_eq!(site.control.webhooks(), before, "names and targets stay");
    for (name, secret) in site.secrets() {
        let wanted = if name == "elsewhere" { OTHERS } else { fresh.as_str() };
        assert_eq!(secret.as_deref(), Some(wanted), "{name}");
    }
    site.an_event_is_taken();

    let writes = site.writes();
    let again = site.run(&rotate);
    assert_eq!(code(&again), Some(0), "{}", err(&again));
    assert!(out(&again).contains("helpdesk: done, "), "{}", out(&again));
    let told = document(&site.run(&["webhooks", "rotate-secret", "helpdesk", "--json"]));
    assert_eq!((&told["done"], &told["moved"]), (&json!(true), &json!([])), "{told}");
    assert_eq!(code(&site.run(&["webhooks", "list"])), Some(0), "the new one is accepted");
    assert_eq!(site.writes(), writes);
    site.edit(both, "webhook_secret: {file: ./secret.next}");
    assert_eq!(accepting.terminate(), Some(0));
    let (_new, _) = gateway(&site);
    site.an_event_is_taken();
    assert_eq!(code(&site.run(&["webhooks", "list"])), Some(0), "the old one may go");
}

#[test]
fn somebody_who_takes_everything_proves_nothing() {
    let site = Site::open();
    site.register("botwarden:helpdesk", GATEWAY, MESSAGES, Some(SECRET));
    assert_eq!(code(&site.run(&["webhooks", "rotate-secret", "helpdesk"])), Some(0));
    let list =
        "webhook_secret: [{file: ./secret}, {file: ./secret.next}], webhooks: {manage: none}";
    site.edit("webhook_secret: {file: ./secret}", list);
    site.edit("bot: helpdesk, ", "bot: helpdesk, unverified: 200, ");
    let (_gateway, door) = gateway(&site);
    let rotate = ["webhooks", "rotate-secret", "helpdesk", "--yes"];
    let unproved = site.run(&[&rotate[..], &["--gateway", &door]].concat());
    assert_eq!(code(&unproved), Some(1), "{}", err(&unproved));
    assert!(err(&unproved).contains("proves nothing"), "{}", err(&unproved));
    assert_eq!(site.writes(), 0);
    let told = site.run(&[&rotate[..], &["--no-canary"]].concat());
    assert_eq!(code(&told), Some(0), "{}", err(&told));
    assert_eq!(site.writes(), 1);
}
