//! The world, the gateway in it, and what may be said otherwise while it runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use botwarden::cli::house::House;
use botwarden::cli::reload::{Following, Fresh, Held, Origin, Prints, Unusable};
use botwarden::config::{Config, Manage, MaxLeave, Source, load};
use botwarden::ingress::Passed;
use botwarden::report::record::Form;
use botwarden::report::{Reporter, Scope};
use botwarden::simulator::{Control, Options, Running, Simulator, World};

use crate::bot::Bot;
use crate::clock::At;
use crate::dice::Dice;
use crate::mac::SECRETS;
use crate::told::Told;

/// One way from Webex to a bot.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) bot: &'static str,
    pub(crate) events: &'static [&'static str],
}

pub(crate) const ROUTES: [Route; 3] = [
    Route {
        name: "helpdesk",
        path: "/helpdesk",
        bot: "helpdesk",
        events: &["messages.created", "memberships.created", "memberships.deleted"],
    },
    Route {
        name: "cards",
        path: "/cards",
        bot: "helpdesk",
        events: &["attachmentActions.created"],
    },
    Route {
        name: "clerk",
        path: "/clerk",
        bot: "clerk",
        events: &["messages.created", "memberships.created", "memberships.deleted"],
    },
];

pub(crate) const BOTS: [&str; 2] = ["helpdesk", "clerk"];

/// Rooms whose list always fits on one page: Webex can hide outsiders in them only by hiding the bot as well. On
/// several pages it could leave one out of which nobody could know.
pub(crate) const SMALL: [&str; 4] = ["h0", "h1", "c0", "ann-helpdesk"];
/// Rooms whose list may come in pages.
pub(crate) const PAGED: [&str; 6] = ["h2", "h3", "h4", "c1", "c2", "c3"];

/// The longest of each that any configuration of a run has, in milliseconds.
pub(crate) const ALLOW_TTL: At = 2000;
pub(crate) const STALE_DENY: At = 3000;
pub(crate) const GIVE_UP_AFTER: At = 2000;
pub(crate) const CONNECT: At = 200;
pub(crate) const MAX_AGE: At = 5000;
pub(crate) const MAX_EVENT_AGE: At = 3500;
/// Calls a minute.
pub(crate) const BUDGET: i64 = 900;

const WORLD: &str = "
orgs:
  example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11
  contoso: 5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22
  bots: 7e4a1c9d-2b58-4f0f-b6a1-91c2d3e4f533
  public: consumer
people:
  ann: { name: A, email: ann@example.com, org: example }
  bob: { name: B, email: bob@example.com, org: example }
  cat: { name: C, email: cat@example.com, org: example }
  tom: { name: T, email: tom@contoso.example, org: contoso }
  tim: { name: T, email: tim@contoso.example, org: contoso }
  fred: { name: F, email: fred@mail.example, org: public }
  gus: { name: G, email: gus@0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11, org: example, type: appuser }
  other: { name: O, email: other@webex.bot, org: bots, type: bot }
  helpdesk: { name: H, email: helpdesk@webex.bot, org: bots, type: bot }
  clerk: { name: C, email: clerk@webex.bot, org: bots, type: bot }
rooms:
  ann-helpdesk: { title: R, type: direct, members: [ann, helpdesk] }
";

fn world() -> World {
    let mut yaml = WORLD.to_owned();
    for room in SMALL.iter().chain(&PAGED).filter(|room| **room != "ann-helpdesk") {
        let bot = bot_of(room);
        writeln!(yaml, "  {room}: {{ title: R, members: [ann, bob, {bot}] }}").unwrap();
    }
    World::from_yaml(&yaml).unwrap()
}

pub(crate) fn bot_of(room: &str) -> &'static str {
    if room.starts_with('c') { "clerk" } else { "helpdesk" }
}

/// What a reload may change.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, set by chance")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The first route lets people of contoso in as well.
    pub(crate) contoso: bool,
    pub(crate) allow_ttl: u64,
    pub(crate) timeout: u64,
    /// Which secret stands first.
    pub(crate) first: usize,
    /// Almost no place for events.
    pub(crate) narrow: bool,
    /// With a mistake.
    pub(crate) broken: bool,
}

pub(crate) const FIRST: Choice =
    Choice { contoso: false, allow_ttl: 2, timeout: 2, first: 0, narrow: false, broken: false };

impl Choice {
    pub(crate) fn any(dice: &mut Dice) -> Self {
        Self {
            contoso: dice.percent(50),
            allow_ttl: dice.between(1, 2),
            timeout: dice.between(2, 3),
            first: usize::try_from(dice.below(2)).unwrap(),
            narrow: false,
            broken: dice.percent(15),
        }
    }

    /// Whether people of an organisation may be in rooms of this route.
    pub(crate) fn admits(&self, route: &str, org: &str) -> bool {
        org == "example"
            || (org == "contoso" && (route == "cards" || (route == "helpdesk" && self.contoso)))
    }

    fn text(&self, api: &str, gateway: SocketAddr, bots: &[SocketAddr]) -> String {
        let routes: String =
            ROUTES.iter().zip(bots).map(|(route, bot)| self.route(route, *bot)).collect();
        let Self { allow_ttl, first, .. } = self;
        let secrets = format!("[{{env: SECRET{first}}}, {{env: SECRET{}}}]", 1 - first);
        let typo = if self.broken { "typo: 1\n" } else { "" };
        let events = if self.narrow { 3 } else { 500 };
        format!(
            "version: 1
{typo}orgs: {{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11, contoso: 5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22}}
server: {{listen: '{gateway}', drain_grace: 0s, drain_timeout: 5s}}
ops: {{listen: '127.0.0.1:0'}}
admin: {{listen: null}}
webex: {{api: '{api}', proxy: direct, timeout: 1s, requests_per_minute: {BUDGET}, retry: {{attempts: 2, give_up_after: {GIVE_UP_AFTER}ms}}}}
policy: {{allowed_orgs: [example, contoso]}}
cache: {{allow_ttl: {allow_ttl}s, deny_ttl: 1s, stale_deny: {STALE_DENY}ms}}
inbox: {{max_events: {events}}}
bots:
  helpdesk: {{token: {{env: HELPDESK}}, webhook_secret: {secrets}}}
  clerk: {{token: {{env: CLERK}}, webhook_secret: {secrets}, audit: {{leave_rooms_with_outsiders: confirmed}}}}
routes:
{routes}"
        )
    }

    fn route(&self, route: &Route, bot: SocketAddr) -> String {
        let orgs = ["example", "contoso"].into_iter().filter(|org| self.admits(route.name, org));
        let (orgs, events) = (orgs.collect::<Vec<_>>().join(", "), route.events.join(", "));
        let (Route { name, path, bot: owner, .. }, timeout) = (route, self.timeout);
        // One route answers Webex only when the bot has answered, or after a second.
        let answer = if *name == "cards" { "answer: delivered, answer_within: 1s, " } else { "" };
        let upstream = format!(
            "{{url: 'http://{bot}/bot', connect_timeout: {CONNECT}ms, timeout: {timeout}s, max_in_flight: 2, retry: {{from: 50ms, up_to: 400ms}}}}"
        );
        format!(
            "  {name}: {{path: {path}, bot: {owner}, {answer}events: [{events}], upstream: {upstream}, policy: {{allowed_orgs: [{orgs}]}}}}\n"
        )
    }
}

/// Where the configuration lies.
pub(crate) struct Written {
    choice: Mutex<Choice>,
    api: String,
    gateway: SocketAddr,
    bots: Vec<SocketAddr>,
}

/// What no file may say: waits that are shorter than anybody would want.
fn adjusted(config: &mut Config, gateway: SocketAddr) {
    config.server.public_url = Some(format!("http://{gateway}").parse().unwrap());
    config.inbox.max_age = Duration::from_millis(MAX_AGE.unsigned_abs());
    for route in config.routes.values_mut() {
        route.policy.max_event_age = Duration::from_millis(MAX_EVENT_AGE.unsigned_abs());
    }
    for bot in config.bots.values_mut() {
        bot.webhooks.manage = Manage::Ensure;
        bot.webhooks.every = Duration::from_millis(500);
        bot.audit.every = None;
        bot.audit.max_leave = MaxLeave::Rooms(1_000_000);
    }
}

impl Written {
    pub(crate) fn write(&self, choice: Choice) {
        *self.choice.lock().unwrap() = choice;
    }
}

impl Origin for Written {
    fn read(&self) -> Result<Fresh, Unusable> {
        let text = self.choice.lock().unwrap().text(&self.api, self.gateway, &self.bots);
        let (now, prints) = (std::time::SystemTime::now(), Prints::new());
        match load(text.as_bytes(), &Variables, now) {
            Ok((mut config, warnings)) => {
                adjusted(&mut config, self.gateway);
                Ok(Fresh { config, warnings, text, prints, held: Held::default() })
            }
            Err(problems) => Err(Unusable { file: "gateway.yaml".into(), problems, text, prints }),
        }
    }

    fn look(&self, _: &[PathBuf]) -> Prints {
        Prints::new()
    }

    fn file(&self) -> Option<&Path> {
        None
    }
}

struct Variables;

impl Source for Variables {
    fn file(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn var(&self, name: &str) -> Option<String> {
        let all = BTreeMap::from([
            ("HELPDESK", "sim-token-helpdesk"),
            ("CLERK", "sim-token-clerk"),
            ("SECRET0", SECRETS[0]),
            ("SECRET1", SECRETS[1]),
        ]);
        all.get(name).map(|value| (*value).to_owned())
    }

    fn readable_by_others(&self, _: &Path) -> bool {
        false
    }
}

/// Everything that takes part.
pub(crate) struct Site {
    pub(crate) control: Control,
    pub(crate) house: House,
    pub(crate) bots: Vec<Bot>,
    pub(crate) told: Told,
    pub(crate) written: Arc<Written>,
    pub(crate) gateway: SocketAddr,
    /// The simulator ends with it.
    pub(crate) running: Running,
}

/// Addresses must be known before anybody listens. Every process has a loopback address of its own.
fn address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(18_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, 128 | (high & 0x3f), middle, low], port))
}

impl Site {
    pub(crate) async fn start(dice: &mut Dice) -> Self {
        let running = Simulator::start(world(), Options::default()).await.unwrap();
        let bots: Vec<_> = ROUTES.iter().map(|_| Bot::start(address(), dice.fork())).collect();
        let (gateway, api) = (address(), running.api().to_string());
        let at = bots.iter().map(|bot| bot.address).collect();
        let written = Arc::new(Written { choice: Mutex::new(FIRST), api, gateway, bots: at });
        let config = written.read().unwrap_or_else(|bad| panic!("{:?}", bad.problems)).config;
        let told = Told::default();
        let scope = Scope { letters: 0, ..Scope::of(&config) };
        let reporter = Arc::new(Reporter::new(&scope, Form::Json, Box::new(told.clone())));
        let origin = Arc::<Written>::clone(&written);
        let following = Following { origin, ..Following::nothing(&config) };
        let house = House::open_following(&config, reporter, (following, Passed::default()));
        let house = house.await.unwrap();
        Self { control: running.control(), house, bots, told, written, gateway, running }
    }
}
