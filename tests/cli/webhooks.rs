//! `webhooks` and `sync`, against a simulator in this process.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use botwarden::simulator::{
    Control, Options, Registration, Running, Simulator, WebhookView, World,
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::harness::{Background, SECRET, document, err, out, reserved_port, run_in, site};

const GATEWAY: &str = "https://bots.example.com/webhooks/helpdesk";
const TOKEN: &str = "sim-token-helpdesk";
const OTHERS: &str = "a secret of somebody else";

/// A configuration, and a Webex that goes on while the test waits for the program.
struct Site {
    control: Control,
    simulator: Running,
    runtime: Runtime,
    directory: tempfile::TempDir,
}

impl Site {
    fn open() -> Self {
        let runtime = Runtime::new().unwrap();
        let simulator =
            runtime.block_on(Simulator::start(World::demo(), Options::default())).unwrap();
        let directory = site(simulator.api().as_str(), "http://127.0.0.1:2/");
        let site = Self { control: simulator.control(), simulator, runtime, directory };
        site.edit("server: {", "server: {public_url: 'https://bots.example.com', ");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn edit(&self, from: &str, to: &str) {
        let path = self.path("gateway.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// A second bot, whose token Webex does not know.
    fn add_a_stranger(&self) {
        std::fs::write(self.path("strange"), "a-token-that-nobody-has").unwrap();
        self.edit(
            "bots:\n",
            "bots:\n  adrift: {token: {file: ./strange}, webhook_secret: {file: ./secret}}\n",
        );
        self.edit("routes:\n", "routes:\n  adrift: {path: /webhooks/adrift, bot: adrift, upstream: 'http://127.0.0.1:2/'}\n");
    }

    fn register(
        &self,
        name: &str,
        target: &str,
        event: (&str, &str),
        secret: Option<&str>,
    ) -> String {
        let registration = Registration {
            name: name.to_owned(),
            target: target.to_owned(),
            resource: event.0.to_owned(),
            event: event.1.to_owned(),
            filter: None,
            secret: secret.map(str::to_owned),
        };
        self.control.register("helpdesk", &registration).unwrap()
    }

    /// What a framework does: its own address, no secret.
    fn register_around(&self) -> String {
        self.register("framework", "https://abc.ngrok.example/?key=not-for-eyes", MESSAGES, None)
    }

    /// Runs it, and sees that it kept to itself what nobody may read.
    fn run(&self, arguments: &[&str]) -> Output {
        let output = run_in(self.directory.path(), arguments);
        let mut secrets =
            vec![SECRET.to_owned(), TOKEN.to_owned(), OTHERS.to_owned(), "not-for-eyes".to_owned()];
        secrets.extend(std::fs::read_to_string(self.path("secret.next")).ok());
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let said = out(&output) + &err(&output);
            assert!(!said.contains(secret), "{arguments:?} told a secret:\n{said}");
        }
        output
    }

    /// Calls that change something at Webex.
    fn writes(&self) -> usize {
        self.control.calls().iter().filter(|call| call.method != "GET").count()
    }

    fn webhook(&self, id: &str) -> Option<WebhookView> {
        self.control.webhooks().into_iter().find(|webhook| webhook.id == id)
    }

    /// What each webhook is signed with, as Webex tells its owner.
    fn secrets(&self) -> Vec<(String, Option<String>)> {
        let url = format!("{}/webhooks", self.simulator.api());
        let text: Value = self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.get(url).bearer_auth(TOKEN).send().await.unwrap();
            answer.json().await.unwrap()
        });
        let items = text["items"].as_array().unwrap().iter();
        let word = |item: &Value, key: &str| item[key].as_str().map(str::to_owned);
        items.map(|item| (word(item, "name").unwrap(), word(item, "secret"))).collect()
    }
}

const MESSAGES: (&str, &str) = ("messages", "created");
const CARDS: (&str, &str) = ("attachmentActions", "created");

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn list_shows_what_goes_around_the_gateway_and_what_is_missing() {
    let site = Site::open();
    let around = site.register_around();
    let good = site.register("botwarden:helpdesk", GATEWAY, CARDS, Some(SECRET));
    site.register("tampered \u{1b}[31m\u{202e}", GATEWAY, ("memberships", "created"), Some(OTHERS));
    site.register("calls", "https://elsewhere.example/", ("meetings", "started"), Some(OTHERS));
    let listed = site.run(&["webhooks", "list"]);
    let page = out(&listed);
    assert_eq!(code(&listed), Some(1), "{page}{}", err(&listed));
    let row = |part: &str| {
        let line = page.lines().find(|line| line.contains(part));
        line.unwrap_or_else(|| panic!("no {part} in\n{page}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let head = "BOT NAME EVENT TARGET SECRET STATUS STATE ID";
    assert_eq!(row("BOT"), head);
    let bypass = "helpdesk framework messages.created https://abc.ngrok.example/?… none active BYPASS, unsigned";
    assert_eq!(row("BYPASS"), format!("{bypass} {around}"));
    let fine = format!(
        "helpdesk botwarden:helpdesk attachmentActions.created {GATEWAY} match active ok {good}"
    );
    assert_eq!(row("botwarden:helpdesk"), fine);
    assert!(row("tampered").contains("differs active secret_differs"), "{page}");
    assert!(row("calls").contains("differs active foreign"), "{page}");
    assert!(row("memberships.deleted").ends_with("- - missing -"), "{page}");
    assert!(!page.contains(['\u{1b}', '\u{202e}']), "foreign text commands no terminal");
    assert_eq!(site.writes(), 0);
}

#[test]
fn a_bad_token_does_not_stop_the_others() {
    let site = Site::open();
    site.add_a_stranger();
    let id = site.register_around();
    let listed = site.run(&["webhooks", "list", "--json"]);
    assert_eq!(code(&listed), Some(77), "{}", err(&listed));
    let document = document(&listed);
    assert_eq!(document["schema"], "botwarden/webhooks/1");
    assert!(document["bots"][0]["error"].as_str().unwrap().contains("token"), "{document}");
    assert_eq!(document["bots"][1]["webhooks"][0]["id"], id, "{document}");
    assert_eq!(document["bots"][1]["webhooks"][0]["states"][0], "bypass");
    assert!(err(&listed).contains("error: adrift: "), "{}", err(&listed));
    let one = site.run(&["webhooks", "list", "helpdesk"]);
    assert_eq!(code(&one), Some(1), "{}", err(&one));
    let synced = site.run(&["sync", "--yes"]);
    assert_eq!(code(&synced), Some(77), "{}", err(&synced));
    assert_eq!(site.webhook(&id).unwrap().target, GATEWAY, "the other bot was put in order");
    let unknown = site.run(&["webhooks", "list", "helpdsk"]);
    assert_eq!(code(&unknown), Some(2));
    assert!(err(&unknown).contains("did you mean `helpdesk`?"), "{}", err(&unknown));
}

#[test]
fn without_an_address_of_the_gateway_nobody_can_tell_what_goes_around_it() {
    let site = Site::open();
    site.edit("public_url: 'https://bots.example.com', ", "");
    let tasks: [&[&str]; 4] = [
        &["webhooks", "list"],
        &["webhooks", "sync", "--yes"],
        &["sync"],
        &["webhooks", "rotate-secret", "helpdesk"],
    ];
    for task in tasks {
        let output = site.run(task);
        assert_eq!((code(&output), out(&output)), (Some(78), String::new()), "{task:?}");
        assert!(err(&output).contains("public_url"), "{}", err(&output));
    }
}

#[test]
fn sync_changes_nothing_before_somebody_says_yes() {
    let site = Site::open();
    let around = site.register_around();
    let shown = site.run(&["webhooks", "sync", "--dry-run"]);
    let page = out(&shown);
    assert_eq!(code(&shown), Some(1), "{page}{}", err(&shown));
    for words in [
        "~ update  helpdesk framework",
        "target https://abc.ngrok.example/?… → https://bots.example.com/webhooks/helpdesk",
        "secret none → match",
        "+ create  helpdesk botwarden:helpdesk",
        "nothing was changed",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let refused = site.run(&["webhooks", "sync"]);
    assert_eq!(code(&refused), Some(2), "{}", out(&refused));
    assert!(err(&refused).contains("--yes"), "{}", err(&refused));
    let refused = site.run(&["webhooks", "delete", &around]);
    assert_eq!(code(&refused), Some(2), "{}", out(&refused));
    assert_eq!(site.writes(), 0);
}

#[test]
fn sync_puts_all_in_order_and_has_nothing_to_do_then() {
    let site = Site::open();
    let around = site.register_around();
    let foreign =
        site.register("calls", "https://elsewhere.example/", ("meetings", "started"), None);
    let synced = site.run(&["webhooks", "sync", "--yes"]);
    assert_eq!(code(&synced), Some(0), "{}{}", out(&synced), err(&synced));
    let hint = format!("botwarden webhooks delete {foreign}");
    assert!(out(&synced).contains(&hint), "{}", out(&synced));
    let repaired = site.webhook(&around).unwrap();
    assert_eq!((repaired.name.as_str(), repaired.target.as_str()), ("framework", GATEWAY));
    assert_eq!(site.webhook(&foreign).unwrap().target, "https://elsewhere.example/");
    for (name, secret) in site.secrets() {
        assert_eq!(secret.as_deref(), (name != "calls").then_some(SECRET), "{name}");
    }
    let writes = site.writes();
    for again in [&["webhooks", "sync", "--yes"][..], &["sync"]] {
        let again = site.run(again);
        assert_eq!(code(&again), Some(0), "{}{}", out(&again), err(&again));
        assert!(out(&again).contains("helpdesk: nothing to do\n"), "{}", out(&again));
    }
    assert_eq!(site.writes(), writes);
    let listed = site.run(&["webhooks", "list"]);
    assert_eq!(code(&listed), Some(0), "{}", out(&listed));
    let last = document(&site.run(&["sync", "--json"]));
    assert_eq!(
        (&last["schema"], &last["bots"][0]["in_order"]),
        (&"botwarden/webhooks-sync/1".into(), &true.into())
    );
}

#[test]
fn whoever_switches_a_webhook_on_again_is_told_how_soon_it_may_be_off() {
    let site = Site::open();
    site.edit("https://bots.example.com", "http://127.0.0.1:1");
    let target = "http://127.0.0.1:1/webhooks/helpdesk";
    let id = site.register("botwarden:helpdesk", target, MESSAGES, Some(SECRET));
    for _ in 0..100 {
        site.control.post("ann", "staff", "/hello").unwrap();
    }
    assert!(site.runtime.block_on(site.control.wait_idle(Duration::from_secs(30))));
    assert_eq!(site.webhook(&id).unwrap().status, "inactive", "Webex has given up");
    let synced = site.run(&["sync", "--yes"]);
    let page = out(&synced);
    assert!(page.contains("status inactive → active"), "{page}");
    assert!(
        page.contains("five minutes") && page.contains("one failure switches it off"),
        "{page}"
    );
    assert_eq!(site.webhook(&id).unwrap().status, "active");
    assert_eq!(code(&synced), Some(0), "{page}{}", err(&synced));
}

#[test]
fn delete_removes_exactly_the_one_that_was_named() {
    let site = Site::open();
    let (stays, goes) = (site.register_around(), site.register_around());
    let deleted = site.run(&["webhooks", "delete", &goes, "--yes"]);
    assert_eq!(code(&deleted), Some(0), "{}", err(&deleted));
    assert!(out(&deleted).starts_with("deleted  helpdesk `framework`"), "{}", out(&deleted));
    assert!(site.webhook(&goes).is_none() && site.webhook(&stays).is_some());
    let again = site.run(&["webhooks", "delete", &goes, "--yes", "--bot", "helpdesk"]);
    assert_eq!((code(&again), out(&again)), (Some(1), String::new()), "{}", err(&again));
    assert_eq!(site.control.webhooks().len(), 1);
}

#[test]
fn check_counts_what_goes_around_the_gateway() {
    let site = Site::open();
    let _bot = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}/", _bot.local_addr().unwrap());
    site.edit("http://127.0.0.1:2/", &upstream);
    site.register_around();
    let checked = site.run(&["check"]);
    let page = out(&checked);
    assert_eq!(code(&checked), Some(1), "{page}");
    let row = page.lines().find(|line| line.starts_with("helpdesk webhooks")).unwrap();
    assert!(row.contains("FAIL") && row.contains("1 BYPASSES the gateway"), "{row}");
    assert!(row.ends_with("(botwarden webhooks list)"), "{row}");
    assert_eq!(code(&site.run(&["sync", "--yes"])), Some(0));
    let checked = site.run(&["check"]);
    assert_eq!(code(&checked), Some(0), "{}", out(&checked));
    site.edit(
        "webhook_secret: {file: ./secret}",
        "webhook_secret: {file: ./secret}, webhooks: {manage: none}",
    );
    assert!(!out(&site.run(&["check"])).contains("helpdesk webhooks"));
}

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
