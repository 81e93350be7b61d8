//! The path of events: calls, verdicts, stages, the bot.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{
    CLASSES, Code, Event, Name, Reason, Route, Staged, Verdicts, class, exists, seconds, stages,
};
use super::series::{Counters, Gauges, Histograms};
use crate::gate::refusal::{Family as Fam, Refusal};
use crate::report::Stage;
use crate::report::outage::{Kind, Outage, Source};
use crate::report::record::{Decision, Verdict};

/// What bots are for. Their series exist from the start; those of other events from the first on.
const USUAL: [Words; 4] = [
    ("attachmentActions", "created"),
    ("memberships", "created"),
    ("memberships", "deleted"),
    ("messages", "created"),
];

/// Resource and event.
type Words = (&'static str, &'static str);

/// A call of which nothing is known but that it came.
const UNREAD: Words = ("", "");

/// Where no route is meant.
const NOWHERE: &str = "";

/// Of everything that has a record. Without the bot's time; what was turned away before has no decision.
const DECIDED: [&str; 4] = ["allow", "deny", "expired", "skip"];

#[derive(Debug)]
pub(super) struct Path {
    events: Counters<(Words, Verdict), Event>,
    shadow: Family<Reason, Counter>,
    deferred: Family<Reason, Counter>,
    dropped: Family<Reason, Counter>,
    decided: Histograms<&'static str, Verdicts>,
    stages: Histograms<Stage, Staged>,
    upstream: Histograms<&'static str, Code>,
    in_flight: Gauges<(), Route>,
}

impl Path {
    pub(super) fn new() -> Self {
        let path = Self {
            events: Counters::new(event, Counter::default),
            shadow: Family::default(),
            deferred: Family::default(),
            dropped: Family::default(),
            decided: Histograms::new(verdicts, seconds),
            stages: Histograms::new(staged, stages),
            upstream: Histograms::new(code, seconds),
            in_flight: Gauges::new(in_flight, Gauge::default),
        };
        let nowhere = NOWHERE.into();
        Stage::ALL.into_iter().for_each(|stage| path.stages.exists(&nowhere, stage));
        path.events.exists(&nowhere, (UNREAD, Verdict::Refused(Refusal::NoRoute)));
        path
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { events, shadow, deferred, dropped, decided, stages, upstream, in_flight } = self;
        registry.register("events", "Verdicts", events.family());
        registry.register("shadow_denied", "Events that observe mode let pass", shadow.clone());
        registry.register("deferred", "Tries that must be made again", deferred.clone());
        registry.register(
            "inbox_dropped",
            "Authentic events that had no place, or whose time was up",
            dropped.clone(),
        );
        registry.register(
            "decision_duration_seconds",
            "From the inbox to the verdict, without the bot",
            decided.family(),
        );
        registry.register("stage_duration_seconds", "Parts of the way of events", stages.family());
        registry.register(
            "upstream_request_duration_seconds",
            "How long bots take",
            upstream.family(),
        );
        registry.register(
            "in_flight_requests",
            "Calls that wait for their answer",
            in_flight.family(),
        );
    }

    pub(super) fn start_at_zero(&self, route: &Name) {
        self.in_flight.exists(route, ());
        DECIDED.into_iter().for_each(|verdict| self.decided.exists(route, verdict));
        let codes = CLASSES.into_iter().chain(bot_faults());
        codes.for_each(|code| self.upstream.exists(route, code));
        for refusal in Refusal::ALL {
            if refusal.family() != Fam::Reject {
                exists(&self.shadow, &reason(route, refusal.label()));
            }
        }
        for kind in Kind::ALL {
            exists(&self.deferred, &reason(route, kind.label()));
            exists(&self.dropped, &reason(route, kind.label()));
        }
        exists(&self.dropped, &reason(route, Refusal::Overloaded.label()));
        self.verdicts_at_zero(route);
    }

    fn verdicts_at_zero(&self, route: &Name) {
        let passes = [None, Some(Refusal::OutsideOrg)];
        let passes = passes.map(|would_refuse| Verdict::Allow { would_refuse });
        let passes = passes.into_iter().chain([Verdict::AllowUnasked]);
        let refused = Refusal::ALL.into_iter().filter(|one| *one != Refusal::NoRoute);
        let refused = refused.map(Verdict::Refused);
        let expired = Kind::ALL.into_iter().map(Verdict::Expired);
        for verdict in passes.chain(refused).chain(expired) {
            if unread(verdict) != Unread::Never {
                self.events.exists(route, (UNREAD, verdict));
            }
            if unread(verdict) != Unread::Always {
                for usual in USUAL {
                    self.events.exists(route, (usual, verdict));
                }
            }
        }
    }

    pub(super) fn call_began(&self, route: &str) {
        self.in_flight.with(route, (), |calls| {
            calls.inc();
        });
    }

    pub(super) fn call_ended(&self, route: &str) {
        self.in_flight.with(route, (), |calls| {
            calls.dec();
        });
    }

    pub(super) fn deferred(&self, route: &str, outage: &Outage) {
        self.deferred.get_or_create(&reason(&route.into(), outage.kind.label())).inc();
    }

    pub(super) fn delivered(&self, route: &str, answer: &Result<u16, &Outage>, took: Duration) {
        self.upstream.with(route, bot_code(answer), |bot| bot.observe(took.as_secs_f64()));
    }

    pub(super) fn staged(&self, stage: Stage, took: Duration) {
        self.stages.with(NOWHERE, stage, |part| part.observe(took.as_secs_f64()));
    }

    pub(super) fn turned_away(&self, route: Option<&str>, refusal: Refusal) {
        let words = (UNREAD, Verdict::Refused(refusal));
        self.events.with(route.unwrap_or(NOWHERE), words, |calls| {
            calls.inc();
        });
    }

    pub(super) fn decided(&self, decision: &Decision<'_>) {
        let (route, verdict) = (decision.route, decision.verdict);
        self.events.with(route, (words(decision), verdict), |events| {
            events.inc();
        });
        let took = decision.took.as_secs_f64();
        self.decided.with(route, verdict.label(), |verdicts| verdicts.observe(took));
        match verdict {
            Verdict::Allow { would_refuse: Some(refusal) } => {
                self.shadow.get_or_create(&reason(&route.into(), refusal.label())).inc();
            }
            Verdict::Expired(_) | Verdict::Refused(Refusal::Overloaded) => {
                self.dropped.get_or_create(&reason(&route.into(), verdict.reason())).inc();
            }
            Verdict::Allow { would_refuse: None } | Verdict::AllowUnasked | Verdict::Refused(_) => {
            }
        }
    }
}

/// Whether a verdict falls before it is read what the event is about.
#[derive(PartialEq)]
enum Unread {
    Always,
    Never,
    Sometimes,
}

fn unread(verdict: Verdict) -> Unread {
    match verdict {
        Verdict::Refused(Refusal::Malformed | Refusal::WrongWebhook) => Unread::Always,
        Verdict::Refused(Refusal::Overloaded) => Unread::Sometimes,
        Verdict::Refused(refusal) if refusal.family() == Fam::Reject => Unread::Always,
        Verdict::Refused(_)
        | Verdict::Allow { .. }
        | Verdict::AllowUnasked
        | Verdict::Expired(_) => Unread::Never,
    }
}

fn words(decision: &Decision<'_>) -> Words {
    let said = |facts: &crate::gate::event::Facts| (facts.resource.label(), facts.verb.label());
    // An unauthenticated call has no resource, whatever its body says.
    let facts = decision.facts.filter(|_| unread(decision.verdict) != Unread::Always);
    facts.map_or(UNREAD, said)
}

fn event(route: &Name, ((resource, event), verdict): (Words, Verdict)) -> Event {
    let (verdict, reason) = (verdict.label(), verdict.reason());
    Event { route: Name::clone(route), resource, event, verdict, reason }
}

fn verdicts(route: &Name, verdict: &'static str) -> Verdicts {
    Verdicts { route: Name::clone(route), verdict }
}

fn staged(_nowhere: &Name, stage: Stage) -> Staged {
    Staged { stage: stage.label() }
}

fn code(route: &Name, code: &'static str) -> Code {
    Code { route: Name::clone(route), code }
}

fn in_flight(route: &Name, (): ()) -> Route {
    Route { route: Name::clone(route) }
}

fn reason(route: &Name, reason: &'static str) -> Reason {
    Reason { route: Name::clone(route), reason }
}

fn bot_faults() -> impl Iterator<Item = &'static str> {
    Kind::ALL.into_iter().filter(|kind| kind.source() == Source::Bot).map(Kind::label)
}

fn bot_code(answer: &Result<u16, &Outage>) -> &'static str {
    match answer {
        Ok(status) => class(*status),
        Err(outage) => outage.kind.label(),
    }
}
