//! Counters and histograms. Labels come from closed lists and from names in the configuration, never from ids.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::outage::Kind;
use super::record::{Decision, Verdict};
use super::telemetry;
use super::upkeep;
use super::{Happening, RosterSource, RouteScope, Scope};
use crate::gate::refusal::{Family as Fam, Refusal};

/// The bounds that OpenTelemetry recommends for the duration of HTTP requests, in seconds.
const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

type Name = Arc<str>;
type Pairs = Vec<(&'static str, Name)>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
#[expect(clippy::struct_field_names, reason = "the names are those of the labels")]
struct Event {
    route: Name,
    resource: &'static str,
    event: &'static str,
    verdict: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reason {
    route: Name,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Code {
    route: Name,
    code: Name,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Check {
    bot: Name,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Call {
    bot: Name,
    operation: &'static str,
    code: Name,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Bot {
    bot: Name,
}

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    events: Family<Event, Counter>,
    shadow: Family<Reason, Counter>,
    deferred: Family<Reason, Counter>,
    checks: Family<Check, Counter>,
    calls: Family<Call, Counter>,
    limited: Family<Bot, Counter>,
    tokens: Family<Bot, Gauge>,
    decided: Histogram,
    upstream: Family<Code, Histogram>,
    inbox: Gauge,
    lost: Counter<u64, AtomicU64>,
    upkeep: upkeep::Metrics,
    telemetry: telemetry::Metrics,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    pub(super) fn new(scope: &Scope) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("botwarden"),
            events: Family::default(),
            shadow: Family::default(),
            deferred: Family::default(),
            checks: Family::default(),
            calls: Family::default(),
            limited: Family::default(),
            tokens: Family::default(),
            decided: seconds(),
            upstream: Family::new_with_constructor(seconds),
            inbox: Gauge::default(),
            lost: Counter::default(),
            upkeep: upkeep::Metrics::default(),
            telemetry: telemetry::Metrics::default(),
        };
        metrics.register(scope);
        metrics.start_at_zero(scope);
        metrics
    }

    fn register(&mut self, scope: &Scope) {
        let Self {
            registry,
            events,
            shadow,
            deferred,
            checks,
            calls,
            limited,
            tokens,
            decided,
            upstream,
            inbox,
            lost,
            upkeep,
            telemetry,
        } = self;
        upkeep.register(registry);
        telemetry.register(registry);
        let build: Pairs = vec![("version", env!("CARGO_PKG_VERSION").into())];
        let config: Pairs = vec![("hash", (&*scope.fingerprint).into())];
        registry.register("build", "Which botwarden this is", Info::new(build));
        registry.register("config", "Which configuration is in force", Info::new(config));
        registry.register("events", "Verdicts", events.clone());
        registry.register("shadow_denied", "Events that observe mode let pass", shadow.clone());
        registry.register("deferred", "Tries that must be made again", deferred.clone());
        registry.register(
            "checks",
            "Questions who is in a room, by where the answer came from",
            checks.clone(),
        );
        registry.register("webex_requests", "Calls to the Webex API", calls.clone());
        registry.register("webex_rate_limited", "Answers 429 of the Webex API", limited.clone());
        registry.register(
            "token_valid",
            "Whether Webex accepts the token of a bot",
            tokens.clone(),
        );
        registry.register(
            "decision_duration_seconds",
            "From the inbox to the verdict, without the bot",
            decided.clone(),
        );
        registry.register(
            "upstream_request_duration_seconds",
            "How long bots take",
            upstream.clone(),
        );
        registry.register("inbox_events", "Events that wait or are being tried", inbox.clone());
        registry.register("decision_log_errors", "Records that could not be written", lost.clone());
    }

    pub(super) fn renew(&self, scope: &Scope) {
        self.start_at_zero(scope);
    }

    /// Every series that can be named beforehand exists from the start, so that alerts see the first event.
    fn start_at_zero(&self, scope: &Scope) {
        for RouteScope { name: route, bot, .. } in &scope.routes {
            for refusal in Refusal::ALL {
                self.events.get_or_create(&event(route, None, Verdict::Refused(refusal))).inc_by(0);
                self.shadow
                    .get_or_create(&Reason { route: Arc::clone(route), reason: refusal.label() })
                    .inc_by(0);
            }
            for kind in Kind::ALL {
                self.events.get_or_create(&event(route, None, Verdict::Expired(kind))).inc_by(0);
                self.deferred
                    .get_or_create(&Reason { route: Arc::clone(route), reason: kind.label() })
                    .inc_by(0);
            }
            self.events
                .get_or_create(&event(route, None, Verdict::Allow { would_refuse: None }))
                .inc_by(0);
            for source in RosterSource::ALL {
                self.checks
                    .get_or_create(&Check { bot: Arc::clone(bot), result: source.label() })
                    .inc_by(0);
            }
            self.upkeep.start_at_zero(bot);
            self.limited.get_or_create(&Bot { bot: Arc::clone(bot) }).inc_by(0);
            self.tokens.get_or_create(&Bot { bot: Arc::clone(bot) }).set(0);
        }
    }

    pub(super) fn count(&self, happening: &Happening<'_>) {
        match happening {
            Happening::Decided(decision) => self.decided(decision),
            Happening::Deferred { route, outage, .. } => {
                let reason = outage.kind.label();
                self.deferred.get_or_create(&Reason { route: (*route).into(), reason }).inc();
            }
            Happening::Delivered { route, answer, took, .. } => {
                let code = answer.as_ref().map_or_else(
                    |outage| outage.kind.label().into(),
                    |code| code.to_string().into(),
                );
                self.upstream
                    .get_or_create(&Code { route: (*route).into(), code })
                    .observe(took.as_secs_f64());
            }
            Happening::Kept { events } => {
                self.inbox.set(i64::try_from(*events).unwrap_or(i64::MAX));
            }
            Happening::Lifecycle(_) | Happening::Staged { .. } => {}
            Happening::RateLimited { bot, .. } => {
                self.limited.get_or_create(&Bot { bot: (*bot).into() }).inc();
            }
            Happening::RosterAsked { bot, source } => {
                self.checks
                    .get_or_create(&Check { bot: (*bot).into(), result: source.label() })
                    .inc();
            }
            Happening::TokenChecked { bot, problem } => {
                self.tokens
                    .get_or_create(&Bot { bot: (*bot).into() })
                    .set(i64::from(problem.is_none()));
            }
            Happening::TurnedAway { route, refusal, .. } => {
                let route = route.unwrap_or("").into();
                self.events.get_or_create(&event(&route, None, Verdict::Refused(*refusal))).inc();
            }
            Happening::Upkeep { bot, upkeep } => self.upkeep.count(bot, upkeep),
            Happening::WebexCalled { bot, operation, status, .. } => {
                let code = status.map_or_else(|| "none".into(), |status| status.to_string().into());
                self.calls.get_or_create(&Call { bot: (*bot).into(), operation, code }).inc();
            }
        }
    }

    fn decided(&self, decision: &Decision<'_>) {
        let route: Name = decision.route.into();
        self.events.get_or_create(&event(&route, Some(decision), decision.verdict)).inc();
        self.decided.observe(decision.took.as_secs_f64());
        if let Verdict::Allow { would_refuse: Some(refusal) } = decision.verdict {
            self.shadow.get_or_create(&Reason { route, reason: refusal.label() }).inc();
        }
    }

    /// So many spans or points came to this end.
    pub(super) fn exported(&self, signal: telemetry::Signal, fate: telemetry::Fate, items: u64) {
        self.telemetry.count(signal, fate, items);
    }

    /// So many lines were lost by now.
    pub(super) fn lost(&self, lines: u64) {
        self.lost.inner().fetch_max(lines, Ordering::Relaxed);
    }

    pub(super) fn scrape(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(_formatting_into_a_string_does_not_fail) => String::new(),
        }
    }
}

fn event(route: &Name, decision: Option<&Decision<'_>>, verdict: Verdict) -> Event {
    let facts = decision.and_then(|decision| decision.facts);
    // An unauthenticated call has no resource, whatever its body says.
    let read = facts.filter(
        |_| !matches!(verdict, Verdict::Refused(refusal) if refusal.family() == Fam::Reject),
    );
    Event {
        route: Arc::clone(route),
        resource: read.map_or("", |facts| facts.resource.label()),
        event: read.map_or("", |facts| facts.verb.label()),
        verdict: verdict.label(),
        reason: verdict.reason(),
    }
}
