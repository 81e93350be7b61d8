//! The simulator and the gateway, and what a test asks of them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use botwarden::cli::house::House;
use botwarden::config::{self, Config, Source};
use botwarden::report::{Form, Reporter, Scope};
use botwarden::simulator::{
    Control, DeliveryRecord, Options, Registration, Running, Simulator, WebhookView, World,
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::bot::{Bot, reserved_port};
use crate::{PATIENCE, patiently};

pub(crate) const SECRET: &str = "a secret of the webhooks";
const PATH: &str = "/webhooks/helpdesk";

/// How the gateway learns that somebody joined or left.
#[derive(Clone, Copy)]
pub(crate) enum Learns {
    /// By a webhook of its own, besides the bot's, whose events are kept from the bot: it did not ask for them.
    ByEvents,
    /// By asking Webex at every event.
    ByAsking,
}

/// Webex, and the gateway behind it, in front of a bot that is still to be started.
pub(crate) struct Site {
    simulator: Running,
    pub(crate) control: Control,
    pub(crate) client: Client,
    house: House,
    records: Records,
    pub(crate) bot_port: u16,
    yaml: String,
}

impl Site {
    pub(crate) async fn open(learns: Learns) -> Self {
        let site = Self::start(learns, |yaml| yaml).await;
        if let Learns::ByEvents = learns {
            site.register("memberships", "all");
        }
        site
    }

    /// The gateway knows where Webex finds it, and keeps the webhooks of the bot in order.
    pub(crate) async fn that_ensures() -> Self {
        let here = format!("127.0.0.1:{}", reserved_port());
        let server = format!("server: {{listen: \"{here}\", public_url: \"http://{here}\"");
        let site = Self::start(Learns::ByEvents, |yaml| {
            yaml.replace("server: {listen: \"127.0.0.1:0\"", &server)
                .replace("{env: SECRET}", "{env: SECRET}, webhooks: {manage: ensure}")
        });
        site.await
    }

    async fn start(learns: Learns, change: impl FnOnce(String) -> String) -> Self {
        let simulator = Simulator::start(World::demo(), Options::default()).await.unwrap();
        let control = simulator.control();
        let (bot_port, records) = (reserved_port(), Records::default());
        let yaml = change(yaml(&simulator, bot_port, learns));
        let reporter = Reporter::new(&Scope::default(), Form::Json, Box::new(records.clone()));
        let house = House::open(&config(&yaml, &control), Arc::new(reporter)).await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { simulator, control, client, house, records, bot_port, yaml }
    }

    /// What `botwarden webhooks list` says of the bot's webhooks: the states of each, by id.
    pub(crate) async fn listed(&self) -> BTreeMap<String, Value> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("gateway.yaml"), &self.yaml).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_botwarden"));
        command.args(["webhooks", "list", "--json"]).current_dir(directory.path());
        command.env_clear().env("TOKEN", self.token()).env("SECRET", SECRET);
        // Webex runs on this thread, and must go on meanwhile.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let webhooks = document["bots"][0]["webhooks"].as_array().unwrap().iter();
        webhooks
            .map(|one| (one["id"].as_str().unwrap().to_owned(), one["states"].clone()))
            .collect()
    }

    /// The gateway has got the bot's answer to every event. A bot that ends before gets its last event again.
    pub(crate) async fn is_idle(&self) {
        let idle = || async { (self.house.waiting() == 0).then_some(()) };
        patiently("the gateway has nothing to do", idle).await;
    }

    /// Ends the gateway, and then the bot.
    pub(crate) async fn close(self, _bot: Bot) {
        self.is_idle().await;
        assert_eq!(self.house.close().await, 0, "events were left");
    }

    /// A webhook of the gateway's own.
    pub(crate) fn register(&self, resource: &str, event: &str) -> String {
        let registration = Registration {
            name: "botwarden".to_owned(),
            target: self.gateway(),
            resource: resource.to_owned(),
            event: event.to_owned(),
            filter: None,
            secret: Some(SECRET.to_owned()),
        };
        self.control.register("helpdesk", &registration).unwrap()
    }

    /// Where the bot lets Webex call it.
    pub(crate) fn gateway(&self) -> String {
        format!("http://{}{PATH}", self.house.webhooks())
    }

    /// Where the gateway calls the bot.
    pub(crate) fn bot(&self) -> String {
        format!("http://127.0.0.1:{}/", self.bot_port)
    }

    /// The base of the API as the frameworks want it.
    pub(crate) fn api(&self) -> String {
        format!("{}/", self.simulator.api())
    }

    pub(crate) fn token(&self) -> String {
        self.control.person("helpdesk").unwrap().token
    }

    /// The webhooks that the bot makes by itself: one for messages, and one for cards. A server may listen before the
    /// bot behind it has made them.
    pub(crate) async fn bots_webhooks(&self) -> Vec<WebhookView> {
        let find = || async {
            let mut webhooks = self.control.webhooks();
            webhooks.retain(|webhook| !webhook.name.starts_with("botwarden"));
            (webhooks.len() == 2).then_some(webhooks)
        };
        patiently("the bot registers", find).await
    }

    /// Gives the bot's webhooks the secret, under the names that the bot looks for.
    pub(crate) async fn sign_webhooks(&self) {
        for webhook in self.bots_webhooks().await {
            let url = format!("{}webhooks/{}", self.api(), webhook.id);
            let body = json!({"name": webhook.name, "targetUrl": webhook.target, "secret": SECRET});
            let call = self.client.put(url).bearer_auth(self.token()).json(&body);
            assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
        }
        assert!(self.bots_webhooks().await.iter().all(|webhook| webhook.signed));
    }

    /// The delivery that told of this.
    pub(crate) async fn delivery(&self, subject: &str) -> DeliveryRecord {
        let wanted = |delivery: &DeliveryRecord| {
            let body: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
            body.pointer("/data/id").is_some_and(|id| id == subject)
        };
        let find = || async { self.control.deliveries().into_iter().find(wanted) };
        patiently("Webex delivers", find).await
    }

    /// What the gateway's record says about the delivery that told of this: verdict and reason.
    pub(crate) async fn verdict(&self, subject: &str) -> (String, String) {
        let body = self.delivery(subject).await.body;
        let digest = base16ct::lower::encode_string(&Sha256::digest(body.as_bytes()));
        let wanted = |record: &Value| record.get("body_sha256").is_some_and(|sha| *sha == digest);
        let find = || async { self.records.all().into_iter().find(wanted) };
        let record = patiently("the gateway has decided", find).await;
        let word = |key| record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        (word("verdict"), word("reason"))
    }

    /// The gateway has said no to this, because of who is in the room. From here on it cannot reach the bot.
    pub(crate) async fn was_denied(&self, subject: &str) {
        let denied = ("deny".to_owned(), "outside_org".to_owned());
        assert_eq!(self.verdict(subject).await, denied);
        assert_eq!(self.delivery(subject).await.status, Some(200), "Webex hears no policy");
    }

    /// What the bot has said in a room, oldest first.
    pub(crate) fn answers(&self, room: &str) -> Vec<String> {
        let messages = self.control.messages(room).unwrap().into_iter();
        let own = messages.filter(|message| message.person == "helpdesk" && message.cards == 0);
        own.map(|message| message.text).collect()
    }

    /// The bot's answer number `count` in a room.
    pub(crate) async fn answer(&self, room: &str, count: usize) -> String {
        let what = format!("answer {count} in {room}");
        let answers = patiently(&what, || async {
            let answers = self.answers(room);
            (answers.len() >= count).then_some(answers)
        })
        .await;
        assert_eq!(answers.len(), count, "{answers:?}");
        answers.last().unwrap().clone()
    }

    /// Somebody comes or goes, and the gateway has heard of it if it hears of such things.
    pub(crate) async fn outsider_joins(&self, room: &str) {
        self.control.join(room, "fred").unwrap();
        assert!(self.control.wait_idle(PATIENCE).await);
    }

    pub(crate) async fn outsider_leaves(&self, room: &str) {
        self.control.leave(room, "fred").unwrap();
        assert!(self.control.wait_idle(PATIENCE).await);
    }
}

fn yaml(simulator: &Running, bot_port: u16, learns: Learns) -> String {
    let (cache, resources) = match learns {
        Learns::ByEvents => ("{}", "{memberships: deny}"),
        Learns::ByAsking => ("{allow_ttl: 0s, deny_ttl: 0s}", "{}"),
    };
    format!(
        "version: 1
orgs: {{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11}}
policy: {{allowed_orgs: [example]}}
server: {{listen: \"127.0.0.1:0\", drain_grace: 0s}}
ops: {{listen: null}}
admin: {{listen: null}}
webex: {{api: \"{api}\", proxy: direct}}
cache: {cache}
bots:
  helpdesk: {{token: {{env: TOKEN}}, webhook_secret: {{env: SECRET}}}}
routes:
  helpdesk:
    path: {PATH}
    bot: helpdesk
    upstream: \"http://127.0.0.1:{bot_port}/\"
    policy: {{resources: {resources}}}
",
        api = simulator.api()
    )
}

fn config(yaml: &str, control: &Control) -> Config {
    let token = control.person("helpdesk").unwrap().token;
    let source = Variables([("TOKEN", token), ("SECRET", SECRET.to_owned())].into());
    match config::load(yaml.as_bytes(), &source, SystemTime::now()) {
        Ok((config, _warnings)) => config,
        Err(problems) => panic!("{problems:#?}"),
    }
}

/// An environment, and no files.
struct Variables(BTreeMap<&'static str, String>);

impl Source for Variables {
    fn file(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn readable_by_others(&self, _: &Path) -> bool {
        false
    }
}

/// The gateway's records, for reading.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<u8>>>);

impl Records {
    fn all(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).lines().map(|line| line.parse().unwrap()).collect()
    }
}

impl Write for Records {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
