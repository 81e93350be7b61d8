//! How a world is before it starts.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use botwarden::cli::house::House;
use botwarden::cli::reload::{Following, Fresh, Held, Origin, Prints, Unusable};
use botwarden::config::{Config, Problem, Source, load};
use botwarden::ingress::Passed;
use botwarden::report::record::Form;
use botwarden::report::{Reporter, Scope};
use botwarden::simulator::{self, Options, Registration, Simulator};

use super::bot::Bot;
use super::event::{OLD_SECRET, SECRET, SIGNING};
use super::told::Told;
use super::{World, eventually};

const DEFAULTS: [(&str, &str); 10] = [
    (
        "orgs",
        "{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11, contoso: 5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22}",
    ),
    ("server", "{listen: '127.0.0.1:0', drain_grace: 0s, drain_timeout: 5s}"),
    ("ops", "{listen: '127.0.0.1:0'}"),
    ("admin", "{listen: null}"),
    ("webex", "{api: API, proxy: direct, timeout: 1s, retry: {attempts: 1, give_up_after: 2s}}"),
    ("policy", "{allowed_orgs: [example]}"),
    ("cache", "{}"),
    ("inbox", "{}"),
    ("bots", "{helpdesk: {token: {env: TOKEN}, webhook_secret: {env: SECRET}}}"),
    ("routes", "{helpdesk: ROUTE}"),
];

const UPSTREAM: &str = "{url: 'BOT', timeout: 3s, retry: {from: 20ms, up_to: 200ms}}";

type Adjust = Box<dyn Fn(&mut Config) + Send + Sync>;

pub(crate) struct Setup {
    people: simulator::World,
    sections: BTreeMap<&'static str, String>,
    upstream: String,
    route: String,
    variables: Variables,
    adjust: Vec<Adjust>,
    bot: Option<Bot>,
    patient: bool,
    form: Form,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let sections = DEFAULTS.iter().map(|(name, text)| (*name, (*text).to_owned()));
        Self {
            people: simulator::World::demo(),
            sections: sections.collect(),
            upstream: UPSTREAM.to_owned(),
            route: String::new(),
            variables: Variables::default(),
            adjust: Vec::new(),
            bot: None,
            patient: true,
            form: Form::Json,
        }
    }

    /// Replaces a whole section of the configuration. `API`, `BOT` and `ROUTE` stand for what they say.
    pub(crate) fn with(mut self, section: &'static str, text: &str) -> Self {
        self.sections.insert(section, text.to_owned());
        self
    }

    /// More keys for the one route.
    pub(crate) fn route(mut self, text: &str) -> Self {
        self.route = format!("{}, {text}", self.route);
        self
    }

    pub(crate) fn upstream(mut self, text: &str) -> Self {
        text.clone_into(&mut self.upstream);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Changes what no configuration file may: waits that are shorter than anybody would want.
    pub(crate) fn adjust(mut self, change: impl Fn(&mut Config) + Send + Sync + 'static) -> Self {
        self.adjust.push(Box::new(change));
        self
    }

    pub(crate) fn people(mut self, yaml: &str) -> Self {
        self.people = simulator::World::from_yaml(yaml).unwrap();
        self
    }

    /// How records look.
    pub(crate) fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    pub(crate) fn bot(mut self, bot: Bot) -> Self {
        self.bot = Some(bot);
        self
    }

    /// Does not wait until Webex has said who the bot is.
    pub(crate) fn at_once(mut self) -> Self {
        self.patient = false;
        self
    }

    pub(crate) fn text(&self, api: &str, bot: &str) -> String {
        let route =
            format!("{{path: /hook, bot: helpdesk, upstream: {}{}}}", self.upstream, self.route);
        let section = |(name, text): (&&str, &String)| format!("{name}: {text}\n");
        let sections: String = self.sections.iter().map(section).collect();
        let text = format!("version: 1\n{sections}").replace("ROUTE", &route);
        text.replace("api: API", &format!("api: '{api}'")).replace("BOT", bot)
    }

    /// The configuration, or what is wrong with it.
    pub(crate) fn load(&self, api: &str, bot: &str) -> Result<Config, Vec<Problem>> {
        let text = self.text(api, bot);
        let now = std::time::SystemTime::now();
        load(text.as_bytes(), &self.variables, now).map(|(config, _warnings)| config)
    }

    pub(crate) async fn start(self) -> World {
        let running = Simulator::start(self.people.clone(), Options::default()).await.unwrap();
        self.start_in(running).await
    }

    /// A gateway in a world that is there already.
    pub(crate) async fn start_in(mut self, running: simulator::Running) -> World {
        let bot = match self.bot.take() {
            Some(bot) => bot,
            None => Bot::start().await,
        };
        let written = Written {
            text: Mutex::new(self.text(running.api().as_str(), &bot.url)),
            variables: Mutex::new(self.variables.clone()),
            adjust: std::mem::take(&mut self.adjust),
        };
        let written = Arc::new(written);
        let config = written.read().unwrap().config;
        let told = Told::default();
        assert!(!super::told::log().contains("panicked"), "a task panicked");
        let house = open(&config, reporter_of(&config, &told, self.form), &written).await;
        let (control, address) = (running.control(), house.webhooks());
        let webhook = hidden(&control);
        let house = Some(house);
        let world = World { control, bot, told, address, webhook, config, written, house, running };
        if self.patient {
            eventually!(world.house().readiness().checks().contains_key("token helpdesk"));
        }
        world
    }
}

pub(crate) async fn open(
    config: &Config,
    reporter: Arc<Reporter>,
    written: &Arc<Written>,
) -> House {
    let origin = Arc::clone(written);
    let following = Following { origin, ..Following::nothing(config) };
    House::open_following(config, reporter, (following, Passed::default())).await.unwrap()
}

/// Where the configuration lies, and is written anew.
pub(crate) struct Written {
    pub(crate) text: Mutex<String>,
    pub(crate) variables: Mutex<Variables>,
    adjust: Vec<Adjust>,
}

impl Origin for Written {
    fn read(&self) -> Result<Fresh, Unusable> {
        let (text, now) = (self.text.lock().unwrap().clone(), std::time::SystemTime::now());
        let prints = Prints::new();
        match load(text.as_bytes(), &*self.variables.lock().unwrap(), now) {
            Ok((mut config, warnings)) => {
                config.webex.requests_per_minute = 1_000_000;
                // Tests also run at three in the morning.
                config.bots.values_mut().for_each(|bot| bot.audit.every = None);
                self.adjust.iter().for_each(|change| change(&mut config));
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

/// A webhook that leads nowhere: it lends its shape to events that the test delivers itself.
fn hidden(control: &simulator::Control) -> String {
    let registration = Registration {
        name: "n".to_owned(),
        target: "http://127.0.0.1:1/".to_owned(),
        resource: "messages".to_owned(),
        event: "deleted".to_owned(),
        filter: None,
        secret: None,
    };
    control.register("helpdesk", &registration).unwrap()
}

pub(crate) fn reporter(config: &Config, told: &Told) -> Arc<Reporter> {
    reporter_of(config, told, Form::Json)
}

fn reporter_of(config: &Config, told: &Told, form: Form) -> Arc<Reporter> {
    let scope = Scope { letters: 0, ..Scope::of(config) };
    let reporter = Arc::new(Reporter::new(&scope, form, Box::new(told.clone())));
    told.written_by(&reporter);
    reporter
}

/// The environment of the configuration. No files.
#[derive(Clone, Debug)]
pub(crate) struct Variables(pub(crate) BTreeMap<String, String>);

impl Default for Variables {
    fn default() -> Self {
        let all = [
            ("TOKEN", "sim-token-helpdesk"),
            ("SECRET", SECRET),
            ("OLD_SECRET", OLD_SECRET),
            ("SIGNING", SIGNING),
        ];
        Self(all.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

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
