//! A world of its own for each test: simulator, gateway and bot on ports that were free.

pub(crate) mod bot;
pub(crate) mod event;
pub(crate) mod setup;
pub(crate) mod told;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use botwarden::admin::{Control as _, NotReloaded, Reloaded};
use botwarden::cli::house::House;
use botwarden::config::Config;
use botwarden::rt::Tasks;
use botwarden::simulator::{Control, Fault, Misbehaviour, Prepared, Registration, Running};
use botwarden::upkeep::Tools;
use serde_json::Value;
use tokio::time::Instant;

use bot::Bot;
use event::{SECRET, mac};
pub(crate) use setup::Setup;
use told::Told;
use wire::{Answer, call, post};

/// Organisations and people for worlds with rooms of their own.
pub(crate) const PEOPLE: &str = "
orgs:
  example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11
  contoso: 5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22
  public: consumer
people:
  ann: { name: Ann, email: ann@example.com, org: example }
  bob: { name: Bob, email: bob@example.com, org: example }
  tom: { name: Tom, email: tom@contoso.example, org: contoso }
  fred: { name: Fred, email: fred@mail.example, org: public }
  helpdesk: { name: Helpdesk, email: helpdesk@webex.bot, org: public, type: bot }
";

/// Everything that takes part.
pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) bot: Bot,
    pub(crate) told: Told,
    pub(crate) address: SocketAddr,
    pub(crate) webhook: String,
    config: Config,
    written: Arc<setup::Written>,
    house: Option<House>,
    #[expect(dead_code, reason = "the simulator ends with it")]
    running: Running,
}

/// How long something that must happen may take; nothing waits for what must not.
pub(crate) fn patience() -> Duration {
    let seconds = std::env::var("BOTWARDEN_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

/// Waits until it holds; fails the test when patience ends.
macro_rules! eventually {
    ($condition:expr) => {
        $crate::harness::until(stringify!($condition), || $condition).await
    };
}
pub(crate) use eventually;

pub(crate) async fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(patience(), condition).await, "it never came true: {what}");
}

pub(crate) async fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

impl World {
    pub(crate) async fn start() -> Self {
        Setup::new().start().await
    }

    pub(crate) fn house(&self) -> &House {
        self.house.as_ref().unwrap()
    }

    /// A message that exists in the room, and the call that would tell of it.
    pub(crate) fn message(&self, person: &str, room: &str) -> Prepared {
        self.control.event(person, room, "/help", &self.webhook).unwrap()
    }

    /// The same with changes, to be signed anew.
    pub(crate) fn altered(
        &self,
        person: &str,
        room: &str,
        change: impl FnOnce(&mut Value),
    ) -> String {
        let mut envelope = serde_json::from_str(&self.message(person, room).body).unwrap();
        change(&mut envelope);
        envelope.to_string()
    }

    /// Signs a body and sends it.
    pub(crate) async fn send(&self, body: impl AsRef<[u8]>) -> Answer {
        self.send_to("/hook", body).await
    }

    pub(crate) async fn send_to(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        let signature = mac(SECRET.as_bytes(), body.as_ref());
        self.post(path, &[("X-Spark-Signature", &signature)], body.as_ref()).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        call(self.address, &post(path, headers, body)).await
    }

    /// Somebody says something, and the gateway hears of it.
    pub(crate) async fn say(&self, person: &str, room: &str) -> Answer {
        self.send(self.message(person, room).body).await
    }

    /// Waits until every kept event has come to its end.
    pub(crate) async fn settled(&self) {
        eventually!(self.house().waiting() == 0);
    }

    /// Says something and waits for its end, when there may be no record of it.
    pub(crate) async fn verdict_less(&self, person: &str, room: &str) {
        self.say(person, room).await;
        self.settled().await;
    }

    /// Says something and waits for its end. The record of it.
    pub(crate) async fn verdict(&self, person: &str, room: &str) -> Value {
        let body = self.message(person, room).body;
        self.verdict_on(&body).await
    }

    pub(crate) async fn verdict_on(&self, body: &str) -> Value {
        let before = self.told.decisions().len();
        assert_eq!(self.send(body).await.status, 200);
        eventually!(self.told.decisions().len() > before && self.house().waiting() == 0);
        self.told.decisions().pop().unwrap()
    }

    pub(crate) fn fault(&self, misbehaviour: Misbehaviour) {
        self.control.fault(Fault::new(misbehaviour).on("/memberships"));
    }

    /// How often who is in a room was asked, page by page.
    pub(crate) fn readings(&self) -> usize {
        self.control.calls().iter().filter(|call| call.path == "/memberships").count()
    }

    /// How often Webex was asked anything but who the bot is.
    pub(crate) fn questions(&self) -> usize {
        self.control.calls().iter().filter(|call| call.path != "/people/me").count()
    }

    /// Registers one more webhook of the bot at the gateway: from now on the simulator delivers such events itself.
    pub(crate) fn subscribe(&self, resource: &str, event: &str) -> String {
        self.subscribe_at(resource, event, "/hook")
    }

    pub(crate) fn subscribe_at(&self, resource: &str, event: &str, path: &str) -> String {
        let registration = Registration {
            name: "botwarden:test".to_owned(),
            target: format!("http://{}{path}", self.address),
            resource: resource.to_owned(),
            event: event.to_owned(),
            filter: None,
            secret: Some(SECRET.to_owned()),
        };
        self.control.register("helpdesk", &registration).unwrap()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// What upkeep works with, for a keeper of the test's own.
    pub(crate) fn tools(&self) -> Tools {
        Tools {
            gateway: self.house().gateway(),
            reporter: setup::reporter(&self.config, &Told::default()),
            readiness: self.house().readiness().clone(),
            tasks: Tasks::default(),
        }
    }

    /// A page of the listener for probes.
    pub(crate) async fn ops(&self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nhost: ops\r\nconnection: close\r\n\r\n");
        call(self.house().ops().unwrap(), request.as_bytes()).await
    }

    /// The value of a series whose name and labels hold all of these words; zero if there is none.
    pub(crate) async fn metric(&self, words: &[&str]) -> f64 {
        let page = self.ops("/metrics").await.text();
        let found = page.lines().filter(|line| words.iter().all(|word| line.contains(word)));
        let values = found.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        values.sum()
    }

    /// Stops the gateway as an operator does. How many events expired by that.
    pub(crate) async fn close(&mut self) -> usize {
        self.take().close().await
    }

    /// The gateway itself, for the test to close.
    pub(crate) fn take(&mut self) -> House {
        self.house.take().unwrap()
    }

    /// Writes the configuration anew, and lets the running gateway read it.
    pub(crate) async fn reload(
        &self,
        change: impl FnOnce(&str) -> String,
    ) -> Result<Reloaded, NotReloaded> {
        self.rewrite(change);
        self.house().control().reload().await
    }

    /// Writes the configuration anew.
    pub(crate) fn rewrite(&self, change: impl FnOnce(&str) -> String) {
        let mut text = self.written.text.lock().unwrap();
        *text = change(&text);
    }

    /// The configuration as it is written now.
    pub(crate) fn text(&self) -> String {
        self.written.text.lock().unwrap().clone()
    }

    /// Sets a variable of the environment, from the next reload on.
    pub(crate) fn variable(&self, name: &str, value: &str) {
        let mut variables = self.written.variables.lock().unwrap();
        variables.0.insert(name.to_owned(), value.to_owned());
    }

    /// The same gateway anew, as after a restart, at another address.
    pub(crate) async fn reopen(&mut self) {
        self.close().await;
        let reporter = setup::reporter(&self.config, &self.told);
        let house = setup::open(&self.config, reporter, &self.written).await;
        self.address = house.webhooks();
        self.house = Some(house);
    }
}
