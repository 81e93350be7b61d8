//! Simulator, gateway and bot, and the frame around each attack.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use rustls::ClientConfig;

use crate::beside::{Beside, IN_TIME, Sender};
use crate::bot::{Bot, Request};
use crate::event::Event;
use crate::line::Line;
use crate::memory::{KIB, Process};
use crate::process::site::{Gateway, Site, until};

/// As in `server` of the configuration that everybody starts from.
const SERVER: &str = "drain_grace: 0s";

/// When, and how often the bot is to get it.
#[derive(Clone, Copy)]
struct Sent {
    at: Instant,
    times: usize,
}

pub(crate) struct Stage {
    pub(crate) bot: Bot,
    pub(crate) gateway: Gateway,
    pub(crate) process: Process,
    pub(crate) client: Option<Arc<ClientConfig>>,
    site: Site,
    count: AtomicUsize,
    /// Bodies that were sent openly, by the time at which they were.
    open: Mutex<HashMap<Vec<u8>, Sent>>,
    wrong: Mutex<HashSet<Vec<u8>>>,
}

impl Stage {
    /// With more in `server` of the configuration.
    pub(crate) fn new(server: &str) -> Self {
        Self::of(Site::new(), server, None)
    }

    pub(crate) fn of(site: Site, server: &str, client: Option<Arc<ClientConfig>>) -> Self {
        let bot = Bot::start();
        site.change(SERVER, &format!("{SERVER}, {server}"));
        site.change(&site.bot.url(), &bot.url());
        let gateway = site.gateway();
        let process = Process(gateway.id());
        let (count, open, wrong) = (AtomicUsize::new(0), Mutex::default(), Mutex::default());
        let stage = Self { bot, gateway, process, client, site, count, open, wrong };
        stage.warm();
        stage
    }

    /// What is used for the first time is loaded for the first time: that is not the attack's.
    fn warm(&self) {
        for _ in 0..20 {
            assert_eq!(self.send(), Some(200));
        }
        until("the first events", || self.bot.count() == 20);
    }

    pub(crate) fn line(&self) -> Line {
        let address = &self.gateway.listen;
        self.client.as_ref().map_or_else(|| Line::to(address), |tls| Line::secure(address, tls))
    }

    /// An event that nobody knows of yet.
    pub(crate) fn secret(&self) -> Event {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        Event::signed(self.site.event("staff", &format!("event-{n}-")))
    }

    /// An event that the bot is to get.
    pub(crate) fn event(&self) -> Event {
        let event = self.secret();
        self.expect(&event);
        event
    }

    pub(crate) fn expect(&self, event: &Event) {
        self.expect_times(event, 1);
    }

    pub(crate) fn expect_times(&self, event: &Event, times: usize) {
        let sent = Sent { at: Instant::now(), times };
        self.open.lock().unwrap().insert(event.body.clone().into_bytes(), sent);
    }

    /// It went wrong with this event, and somebody says so: what the bot got of it counts no more.
    pub(crate) fn forget(&self, event: &Event) {
        self.open.lock().unwrap().remove(event.body.as_bytes());
        self.wrong.lock().unwrap().insert(event.body.clone().into_bytes());
    }

    /// Over a connection of its own.
    pub(crate) fn send(&self) -> Option<u16> {
        let mut line = self.line();
        line.say(self.event().call()).ok()?;
        line.answer()
    }

    /// An attack, while authentic events go on. It may cost so much memory. Afterwards the bot has got what was sent
    /// openly, once each, and nothing else; and no file is open that was not before.
    pub(crate) fn attacked(&self, name: &str, bound: u64, attack: impl FnOnce()) {
        self.attacked_beside(Sender::New, name, bound, attack);
    }

    /// The same, and who sends the events.
    pub(crate) fn attacked_beside(
        &self,
        sender: Sender,
        name: &str,
        bound: u64,
        attack: impl FnOnce(),
    ) {
        let (began, before) = (Instant::now(), (self.process.resident(), self.process.files()));
        self.process.forget_peak();
        let beside = std::thread::scope(|scope| {
            let beside = Beside::begin(scope, self, sender);
            attack();
            beside.end()
        });
        let late = self.delivered(began);
        let cost = self.process.peak().saturating_sub(before.0);
        eprintln!("{name:<52} {beside}, delivered {late:>4} ms, {:>6} KiB", cost / KIB);
        assert!(cost <= bound, "{name}: {} KiB, more than {}", cost / KIB, bound / KIB);
        // Connections to the bot are kept for a moment.
        until("its files are closed", || self.process.files() <= before.1 + 2);
    }

    /// Waits until everything has come to the bot; the longest delay, in milliseconds, of what was sent since then.
    pub(crate) fn delivered(&self, since: Instant) -> u128 {
        let mut left = self.open.lock().unwrap().clone();
        let calls = left.values().map(|sent| sent.times).sum();
        until("everything is delivered", || self.counted().len() >= calls);
        assert_eq!(self.bot.strays(), Vec::<Vec<u8>>::new());
        let mut worst = 0;
        for request in self.counted() {
            let sent = left.get_mut(&request.body).filter(|sent| sent.times > 0);
            let sent =
                sent.unwrap_or_else(|| panic!("not sent, or too often: {}", text(&request.body)));
            sent.times -= 1;
            let took = request.came.saturating_duration_since(sent.at);
            assert!(took < IN_TIME, "{took:?}");
            if sent.at >= since {
                worst = worst.max(took.as_millis());
            }
        }
        worst
    }

    fn counted(&self) -> Vec<Request> {
        let wrong = self.wrong.lock().unwrap();
        let requests = self.bot.requests().into_iter();
        requests.filter(|request| !wrong.contains(&request.body)).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The check of the project tells it once more at its end.
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/skipped.txt");
    let file = File::options().create(true).append(true).open(file);
    writeln!(file.unwrap(), "hostile wire: {why}").unwrap();
}
