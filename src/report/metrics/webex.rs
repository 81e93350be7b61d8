//! Bots and their way to Webex: calls, tokens, what is remembered.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{Bot, Call, Check, Evicted, Name, Operated, class, exists, seconds};
use super::series::Counters;
use crate::report::outage::Outage;
use crate::report::{CacheName, Eviction, Operation, RosterSource};

/// What Webex answers. Statuses that mean something of their own stand for themselves, all others for their class.
const CODES: [&str; 12] =
    ["200", "204", "2xx", "3xx", "401", "403", "404", "429", "4xx", "5xx", "none", "other"];

#[derive(Debug)]
pub(super) struct Webex {
    checks: Counters<RosterSource, Check>,
    calls: Family<Call, Counter>,
    took: Family<Operated, Histogram, fn() -> Histogram>,
    limited: Family<Bot, Counter>,
    tokens: Family<Bot, Gauge>,
    evicted: Family<Evicted, Counter>,
}

impl Webex {
    pub(super) fn new() -> Self {
        let webex = Self {
            checks: Counters::new(check, Counter::default),
            calls: Family::default(),
            took: Family::new_with_constructor(seconds),
            limited: Family::default(),
            tokens: Family::default(),
            evicted: Family::default(),
        };
        for (cache, cause) in evictions() {
            exists(&webex.evicted, &evicted(cache, cause));
        }
        webex
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { checks, calls, took, limited, tokens, evicted } = self;
        registry.register(
            "checks",
            "Questions who is in a room, by where the answer came from",
            checks.family(),
        );
        registry.register("webex_requests", "Calls to the Webex API", calls.clone());
        registry.register(
            "webex_request_duration_seconds",
            "How long calls to the Webex API take",
            took.clone(),
        );
        registry.register("webex_rate_limited", "Answers 429 of the Webex API", limited.clone());
        registry.register(
            "token_valid",
            "Whether Webex accepts the token of a bot",
            tokens.clone(),
        );
        registry.register(
            "cache_evictions",
            "What was forgotten before it was asked for again",
            evicted.clone(),
        );
    }

    pub(super) fn start_at_zero(&self, bot: &Name) {
        for source in RosterSource::ALL {
            self.checks.exists(bot, *source);
        }
        for operation in Operation::ALL {
            let operation = operation.label();
            exists(&self.took, &Operated { bot: Name::clone(bot), operation });
            for code in CODES {
                exists(&self.calls, &Call { bot: Name::clone(bot), operation, code });
            }
        }
        exists(&self.limited, &Bot { bot: Name::clone(bot) });
        exists(&self.tokens, &Bot { bot: Name::clone(bot) });
    }

    /// Nothing is known of a bot that is gone. What was counted stays counted.
    pub(super) fn forget(&self, bot: &Name) {
        self.tokens.remove(&Bot { bot: Name::clone(bot) });
    }

    pub(super) fn asked(&self, bot: &str, source: RosterSource) {
        self.checks.with(bot, source, |checks| {
            checks.inc();
        });
    }

    pub(super) fn called(
        &self,
        bot: &str,
        operation: Operation,
        status: Option<u16>,
        took: Duration,
    ) {
        let (bot, operation) = (Name::from(bot), operation.label());
        let call = Call { bot: Name::clone(&bot), operation, code: code(status) };
        self.calls.get_or_create(&call).inc();
        self.took.get_or_create(&Operated { bot, operation }).observe(took.as_secs_f64());
    }

    pub(super) fn evicted(&self, cache: CacheName, cause: Eviction) {
        self.evicted.get_or_create(&evicted(cache, cause)).inc();
    }

    pub(super) fn rate_limited(&self, bot: &str) {
        self.limited.get_or_create(&Bot { bot: bot.into() }).inc();
    }

    pub(super) fn token_checked(&self, bot: &str, problem: Option<&Outage>) {
        self.tokens.get_or_create(&Bot { bot: bot.into() }).set(i64::from(problem.is_none()));
    }
}

/// An event says something about who is in a room; it never takes back that another event was seen.
fn evictions() -> impl Iterator<Item = (CacheName, Eviction)> {
    let each = |cache: &'static CacheName| Eviction::ALL.iter().map(|cause| (*cache, *cause));
    let all = CacheName::ALL.iter().flat_map(each);
    all.filter(|(cache, cause)| *cache == CacheName::Members || *cause != Eviction::Event)
}

fn check(bot: &Name, source: RosterSource) -> Check {
    Check { bot: Name::clone(bot), result: source.label() }
}

fn evicted(cache: CacheName, cause: Eviction) -> Evicted {
    Evicted { cache: cache.label(), cause: cause.label() }
}

fn code(status: Option<u16>) -> &'static str {
    match status {
        None => "none",
        Some(200) => "200",
        Some(204) => "204",
        Some(401) => "401",
        Some(403) => "403",
        Some(404) => "404",
        Some(429) => "429",
        Some(status) => class(status),
    }
}
