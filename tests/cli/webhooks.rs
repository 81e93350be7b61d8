//! `webhooks` and `sync`, against a simulator in this process.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use botwarden::simulator::{
    Control, Fault, Misbehaviour, Options, Registration, Running, Simulator, WebhookView, World,
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::harness::{SECRET, document, err, out, run_in, site};

pub(crate) const GATEWAY: &str = "https://bots.example.com/webhooks/helpdesk";
const TOKEN: &str = "sim-token-helpdesk";
pub(crate) const OTHERS: &str = "a secret of somebody else";

/// A configuration, and a Webex that goes on while the test waits for the program.
pub(crate) struct Site {
    pub(crate) control: Control,
    simulator: Running,
    pub(crate) runtime: Runtime,
    pub(crate) directory: tempfile::TempDir,
}

impl Site {
    pub(crate) fn open() -> Self {
        let runtime = Runtime::new().unwrap();
        let simulator =
            runtime.block_on(Simulator::start(World::demo(), Options::default())).unwrap();
        let directory = site(simulator.api().as_str(), "http://127.0.0.1:2/");
        let site = Self { control: simulator.control(), simulator, runtime, directory };
        site.edit("server: {", "server: {public_url: 'https://bots.example.com', ");
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn edit(&self, from: &str, to: &str) {
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

    pub(crate) fn register(
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
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = run_in(self.directory.path(), arguments);
        let mut secrets = vec![
            SECRET.to_owned(),
            TOKEN.to_owned(),
            OTHERS.to_owned(),
            "not-for-eyes".to_owned(),
            "a-token-that-nobody-has".to_owned(),
        ];
        secrets.extend(std::fs::read_to_string(self.path("secret.next")).ok());
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let said = out(&output) + &err(&output);
            assert!(!said.contains(secret), "{arguments:?} told a secret:\n{said}");
        }
        output
    }

    pub(crate) fn api(&self) -> String {
        self.simulator.api().to_string()
    }

    /// Calls that change something at Webex.
    pub(crate) fn writes(&self) -> usize {
        self.control.calls().iter().filter(|call| call.method != "GET").count()
    }

    fn webhook(&self, id: &str) -> Option<WebhookView> {
        self.control.webhooks().into_iter().find(|webhook| webhook.id == id)
    }

    /// What each webhook is signed with, as Webex tells its owner.
    #[expect(clippy::disallowed_methods, reason = "the answer of this very process has an end")]
    pub(crate) fn secrets(&self) -> Vec<(String, Option<String>)> {
        let url = format!("{}/webhooks", self.simulator.api());
        let text: Value = self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.get(url).bearer_auth(TOKEN).send().await.unwrap();
            answer.json().await.unwrap()
        });
        let items = text.pointer("/items").and_then(Value::as_array).unwrap().iter();
        let word =
            |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        items.map(|item| (word(item, "name").unwrap(), word(item, "secret"))).collect()
    }
}

pub(crate) const MESSAGES: (&str, &str) = ("messages", "created");
const CARDS: (&str, &str) = ("attachmentActions", "created");

pub(crate) fn code(output: &Output) -> Option<i32> {
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

/// A cache in between says that there are none: each is made once, as was agreed.
#[test]
fn sync_makes_no_change_that_nobody_agreed_to() {
    let site = Site::open();
    let stale = Fault::new(Misbehaviour::EmptyList).on("/webhooks").method("GET");
    site.control.fault(stale);
    let agreed = document(&site.run(&["sync", "--dry-run", "--json"]));
    let agreed = agreed["bots"][0]["changes"].as_array().unwrap().len();
    let synced = site.run(&["sync", "--yes"]);
    assert_eq!(code(&synced), Some(69), "{}{}", out(&synced), err(&synced));
    assert_eq!(site.writes(), agreed);
}

#[test]
fn two_bots_with_one_token_are_not_in_order_however_the_last_one_was_left() {
    let site = Site::open();
    std::fs::write(site.path("second"), OTHERS).unwrap();
    let twin = "twin: {token: {file: ./token}, webhook_secret: {file: ./second}}";
    site.edit("bots:\n", &format!("bots:\n  {twin}\n"));
    let route = "twin: {path: /webhooks/twin, bot: twin, upstream: 'http://127.0.0.1:3/'}";
    site.edit("routes:\n", &format!("routes:\n  {route}\n"));
    let synced = site.run(&["sync", "--yes"]);
    assert_eq!(code(&synced), Some(1), "{}{}", out(&synced), err(&synced));
    let page = out(&synced);
    let line = page.lines().find(|line| line.starts_with("helpdesk: ")).unwrap();
    assert!(line.contains("does somebody else change them?"), "{page}");
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
    let bot = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}/", bot.local_addr().unwrap());
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
    drop(bot);
    site.edit(
        "webhook_secret: {file: ./secret}",
        "webhook_secret: {file: ./secret}, webhooks: {manage: none}",
    );
    assert!(!out(&site.run(&["check"])).contains("helpdesk webhooks"));
}

#[test]
fn check_tells_whether_reports_can_be_written_and_the_operators_told() {
    let site = Site::open();
    let partners = site.control.room("partners").unwrap().id;
    let (staff, gone) = (site.control.room("staff").unwrap().id, site.path("none"));
    let bots = format!("audit: {{reports: {{dir: '{}'}}}}, token:", gone.display());
    site.edit("token:", &bots);
    site.edit(
        "policy: {",
        &format!("policy: {{on_deny: {{notify: ops_room, ops_room: {partners}}}, "),
    );
    let row = |subject: &str| {
        let document = document(&run_in(site.directory.path(), &["check", "--json"]));
        let all = document["findings"].as_array().unwrap().clone();
        let found = all.iter().find(|row| row["subject"] == subject).unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((row("helpdesk reports"), row("helpdesk ops_room")), ("fail".into(), "fail".into()));
    std::fs::create_dir(gone).unwrap();
    site.edit(&partners, &staff);
    assert_eq!((row("helpdesk reports"), row("helpdesk ops_room")), ("ok".into(), "ok".into()));
}
