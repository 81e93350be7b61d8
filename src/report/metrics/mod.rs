//! Counters, gauges and histograms. Labels come from closed lists and from names in the configuration, never from ids.

mod asked;
mod exposition;
mod http;
mod journal;
pub(super) mod labels;
mod path;
mod process;
mod series;
mod webex;
mod whole;

use std::sync::Weak;
use std::time::SystemTime;

use prometheus_client::encoding::text::{encode, encode_registry};
use prometheus_client::registry::Registry;

use super::observed::{Figures, Observed};
use super::telemetry::{self, Fate, Signal};
use super::upkeep;
use super::{Happening, JournalState, Scope};
use asked::Asked;
pub use exposition::Exposition;
use http::Server;
use journal::Journal;
use path::Path;
use webex::Webex;
use whole::Whole;

/// All of the gateway's own carry it.
const PREFIX: &str = "botwarden";

#[derive(Debug)]
pub(super) struct Metrics {
    /// Series that stay.
    lasting: Registry,
    whole: Whole,
    path: Path,
    server: Server,
    webex: Webex,
    upkeep: upkeep::Metrics,
    journal: Journal,
    telemetry: telemetry::Metrics,
    asked: Asked,
}

impl Metrics {
    pub(super) fn new(scope: &Scope) -> Self {
        let mut metrics = Self {
            lasting: Registry::default(),
            whole: Whole::new(scope),
            path: Path::new(),
            server: Server::new(),
            webex: Webex::new(),
            upkeep: upkeep::Metrics::default(),
            journal: Journal::default(),
            telemetry: telemetry::Metrics::default(),
            asked: Asked::default(),
        };
        metrics.register();
        metrics.start_at_zero(scope);
        metrics
    }

    fn register(&mut self) {
        let Self { lasting, whole, path, server, webex, upkeep, journal, telemetry, asked: _ } =
            self;
        server.register(lasting);
        let own = lasting.sub_registry_with_prefix(PREFIX);
        whole.register(own);
        path.register(own);
        webex.register(own);
        upkeep.register(own);
        journal.register(own);
        telemetry.register(own);
    }

    /// What is new has its series from now on; of what is gone, nothing is said that would not be true.
    pub(super) fn renew(&self, scope: &Scope) {
        let before = self.whole.renew(scope);
        self.start_at_zero(scope);
        let bots = before.routes.iter().map(|route| &route.bot);
        let gone = |bot: &&labels::Name| !scope.routes.iter().any(|route| route.bot == **bot);
        for bot in bots.filter(gone) {
            self.webex.forget(bot);
            self.upkeep.forget(bot);
        }
    }

    /// Every series that can be named beforehand exists from the start, so that alerts see the first event.
    fn start_at_zero(&self, scope: &Scope) {
        for route in &scope.routes {
            self.path.start_at_zero(&route.name);
            self.server.start_at_zero(&route.name);
            self.webex.start_at_zero(&route.bot);
            self.upkeep.start_at_zero(&route.bot);
        }
        for bot in &scope.bots {
            self.upkeep.schedule(bot);
        }
    }

    /// What is only known by asking.
    pub(super) fn figures(&self) -> Figures {
        self.asked.figures()
    }

    /// At each scrape, this one is asked for what only it knows.
    pub(super) fn ask(&self, observed: Weak<dyn Observed>) {
        self.asked.ask(observed);
    }

    pub(super) fn count(&self, happening: &Happening<'_>) {
        let Self { path, server, webex, .. } = self;
        match *happening {
            Happening::CallBegan { route } => path.call_began(route),
            Happening::CallEnded { route, method, status, took } => {
                if let Some(route) = route {
                    path.call_ended(route);
                }
                if let Some(status) = status {
                    server.answered(route, method, status, took);
                }
            }
            Happening::Decided(decision) => path.decided(decision),
            Happening::Deferred { route, outage, .. } => path.deferred(route, outage),
            Happening::Delivered { route, ref answer, took, .. } => {
                path.delivered(route, answer, took);
            }
            Happening::Evicted { cache, cause } => webex.evicted(cache, cause),
            Happening::Lifecycle(turn) => self.whole.count(turn),
            Happening::RateLimited { bot, .. } => webex.rate_limited(bot),
            Happening::RosterAsked { bot, source } => webex.asked(bot, source),
            Happening::Staged { stage, took } => path.staged(stage, took),
            Happening::TokenChecked { bot, problem } => webex.token_checked(bot, problem),
            Happening::TurnedAway { route, refusal, .. } => path.turned_away(route, refusal),
            Happening::Upkeep { bot, upkeep } => self.upkeep.count(bot, upkeep),
            Happening::WebexCalled { bot, operation, status, took } => {
                webex.called(bot, operation, status, took);
            }
        }
    }

    /// So many spans or points came to this end.
    pub(super) fn exported(&self, signal: Signal, fate: Fate, items: u64) {
        self.telemetry.count(signal, fate, items);
    }

    /// How it is with the decision log by now.
    pub(super) fn journal(&self, state: &JournalState) {
        self.journal.is(state);
    }

    pub(super) fn scrape(&self, exposition: Exposition, now: SystemTime) -> String {
        let mut text = String::new();
        let written = encode_registry(&mut text, &self.lasting)
            .and_then(|()| encode(&mut text, &self.current(now)));
        match written {
            Ok(()) => exposition.of(text),
            Err(_formatting_into_a_string_does_not_fail) => String::new(),
        }
    }

    /// Series of this scrape.
    fn current(&self, now: SystemTime) -> Registry {
        let mut current = Registry::default();
        process::register(&mut current);
        let own = current.sub_registry_with_prefix(PREFIX);
        self.whole.register_current(own, now);
        self.asked.register_current(own);
        current
    }
}

#[cfg(test)]
mod tests;
