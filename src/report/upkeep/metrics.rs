//! Gauges and counters of what is looked after.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{NoticeKind, RoomState, Upkeep, WebhookChange, WebhookState};
use crate::report::outage::Outage;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Bot {
    bot: Arc<str>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct State {
    bot: Arc<str>,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    bot: Arc<str>,
    kind: &'static str,
    result: &'static str,
}

#[derive(Debug, Default)]
pub(in crate::report) struct Metrics {
    rooms: Family<State, Gauge>,
    last: Family<Bot, Gauge>,
    took: Family<Bot, Gauge<f64, AtomicU64>>,
    audits: Family<Outcome, Counter>,
    departures: Family<Outcome, Counter>,
    webhooks: Family<State, Gauge>,
    changes: Family<Outcome, Counter>,
    notices: Family<Outcome, Counter>,
}

const ENDS: [&str; 2] = ["done", "failed"];

fn done<T>(result: &Result<T, &Outage>) -> &'static str {
    if result.is_ok() { "done" } else { "failed" }
}

impl Metrics {
    pub(in crate::report) fn register(&self, registry: &mut Registry) {
        let Self { rooms, last, took, audits, departures, webhooks, changes, notices } = self;
        registry.register("rooms", "Rooms of a bot, by what the last audit found", rooms.clone());
        registry.register(
            "audit_last_success_timestamp_seconds",
            "When an audit last came to its end",
            last.clone(),
        );
        registry.register(
            "audit_duration_seconds",
            "How long the last audit took that came to its end",
            took.clone(),
        );
        registry.register("audits", "Audits", audits.clone());
        registry.register("departures", "Rooms that the bot left or hid", departures.clone());
        registry.register(
            "webhooks",
            "Webhooks of a bot, by how it is with them",
            webhooks.clone(),
        );
        registry.register("webhook_changes", "Changes to webhooks", changes.clone());
        registry.register("notices", "What the gateway said by itself", notices.clone());
    }

    pub(in crate::report) fn start_at_zero(&self, bot: &Arc<str>) {
        let of = |kind, result| Outcome { bot: Arc::clone(bot), kind, result };
        let state = |state| State { bot: Arc::clone(bot), state };
        for room in RoomState::ALL {
            self.rooms.get_or_create(&state(room.label())).set(0);
        }
        for webhook in WebhookState::ALL {
            self.webhooks.get_or_create(&state(webhook.label())).set(0);
        }
        for end in ENDS {
            self.audits.get_or_create(&of("rooms", end)).inc_by(0);
            self.departures.get_or_create(&of("confirmed", end)).inc_by(0);
            for change in WebhookChange::ALL {
                self.changes.get_or_create(&of(change.label(), end)).inc_by(0);
            }
            for notice in NoticeKind::ALL {
                self.notices.get_or_create(&of(notice.label(), end)).inc_by(0);
            }
        }
        self.last.get_or_create(&Bot { bot: Arc::clone(bot) }).set(0);
        self.took.get_or_create(&Bot { bot: Arc::clone(bot) }).set(0.0);
    }

    pub(in crate::report) fn count(&self, bot: &str, upkeep: &Upkeep<'_>) {
        let bot: Arc<str> = bot.into();
        let of = |kind, result| Outcome { bot: Arc::clone(&bot), kind, result };
        match upkeep {
            Upkeep::Audited { rooms, took, at } => self.audited(&bot, rooms, *took, *at),
            Upkeep::AuditFailed { .. } => {
                self.audits.get_or_create(&of("rooms", "failed")).inc();
            }
            Upkeep::RoomLeft { result, .. } => {
                self.departures.get_or_create(&of("confirmed", done(result))).inc();
            }
            Upkeep::Webhooks { counts, known: _ } => self.seen(&bot, counts),
            Upkeep::WebhookChanged { change, result, .. } => {
                self.changes.get_or_create(&of(change.label(), done(result))).inc();
            }
            Upkeep::Noticed { kind, result, .. } => {
                self.notices.get_or_create(&of(kind.label(), done(result))).inc();
            }
            Upkeep::RoomFound { .. } | Upkeep::RoomKept { .. } | Upkeep::RoomLeaving { .. } => {}
        }
    }

    fn audited(
        &self,
        bot: &Arc<str>,
        rooms: &[(RoomState, usize)],
        took: Duration,
        at: SystemTime,
    ) {
        for (state, count) in rooms {
            let state = State { bot: Arc::clone(bot), state: state.label() };
            self.rooms.get_or_create(&state).set(whole(*count));
        }
        let done = Outcome { bot: Arc::clone(bot), kind: "rooms", result: "done" };
        self.audits.get_or_create(&done).inc();
        let bot = Bot { bot: Arc::clone(bot) };
        let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.last.get_or_create(&bot).set(i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
        self.took.get_or_create(&bot).set(took.as_secs_f64());
    }

    fn seen(&self, bot: &Arc<str>, counts: &[(WebhookState, usize)]) {
        for state in WebhookState::ALL {
            let count = counts.iter().filter(|(seen, _)| seen == state).map(|(_, n)| n).sum();
            let state = State { bot: Arc::clone(bot), state: state.label() };
            self.webhooks.get_or_create(&state).set(whole(count));
        }
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
