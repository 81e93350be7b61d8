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
use crate::report::metrics::labels::{Bot, Outcome, State, exists, timestamp, whole};
use crate::report::outage::Outage;
use crate::report::{BotScope, Watch};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Scheduled {
    bot: Arc<str>,
    kind: &'static str,
}

#[derive(Debug, Default)]
pub(in crate::report) struct Metrics {
    rooms: Family<State, Gauge>,
    last: Family<Bot, Gauge>,
    took: Family<Bot, Gauge<f64, AtomicU64>>,
    audits: Family<Outcome, Counter>,
    departures: Family<Outcome, Counter>,
    webhooks: Family<State, Gauge>,
    looked: Family<Bot, Gauge>,
    scheduled: Family<Scheduled, Gauge>,
    changes: Family<Outcome, Counter>,
    notices: Family<Outcome, Counter>,
}

const ENDS: [&str; 2] = ["done", "failed"];

fn done<T>(result: &Result<T, &Outage>) -> &'static str {
    if result.is_ok() { "done" } else { "failed" }
}

impl Metrics {
    pub(in crate::report) fn register(&self, registry: &mut Registry) {
        let Self {
            rooms,
            last,
            took,
            audits,
            departures,
            webhooks,
            looked,
            scheduled,
            changes,
            notices,
        } = self;
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
        registry.register(
            "webhooks_last_look_timestamp_seconds",
            "When the webhooks of a bot were last listed",
            looked.clone(),
        );
        registry.register(
            "upkeep_scheduled",
            "Whether webhooks and rooms of a bot are looked at by the clock",
            scheduled.clone(),
        );
        registry.register("webhook_changes", "Changes to webhooks", changes.clone());
        registry.register("notices", "What the gateway said by itself", notices.clone());
    }

    pub(in crate::report) fn start_at_zero(&self, bot: &Arc<str>) {
        let of = |kind, result| Outcome { bot: Arc::clone(bot), kind, result };
        let state = |state| State { bot: Arc::clone(bot), state };
        for room in RoomState::ALL {
            exists(&self.rooms, &state(room.label()));
        }
        for end in ENDS {
            exists(&self.audits, &of("rooms", end));
            exists(&self.departures, &of("confirmed", end));
            for change in WebhookChange::ALL {
                exists(&self.changes, &of(change.label(), end));
            }
            for notice in NoticeKind::ALL {
                exists(&self.notices, &of(notice.label(), end));
            }
        }
        // How many webhooks are in which state is not said before somebody has looked: no bypass would be a lie.
        exists(&self.looked, &Bot { bot: Arc::clone(bot) });
        exists(&self.last, &Bot { bot: Arc::clone(bot) });
        exists(&self.took, &Bot { bot: Arc::clone(bot) });
    }

    /// What is never looked at cannot be overdue: alerts ask for it.
    pub(in crate::report) fn schedule(&self, bot: &BotScope) {
        for (kind, watch) in [("audit", bot.audits), ("webhooks", bot.webhooks)] {
            let scheduled = Scheduled { bot: Arc::clone(&bot.name), kind };
            self.scheduled.get_or_create(&scheduled).set((watch == Watch::Scheduled).into());
        }
    }

    /// Nobody looks after a bot that is gone. What was counted stays counted.
    pub(in crate::report) fn forget(&self, bot: &Arc<str>) {
        let state = |state| State { bot: Arc::clone(bot), state };
        for room in RoomState::ALL {
            self.rooms.remove(&state(room.label()));
        }
        for webhook in WebhookState::ALL {
            self.webhooks.remove(&state(webhook.label()));
        }
        for kind in ["audit", "webhooks"] {
            self.scheduled.remove(&Scheduled { bot: Arc::clone(bot), kind });
        }
        let bot = Bot { bot: Arc::clone(bot) };
        self.looked.remove(&bot);
        self.last.remove(&bot);
        self.took.remove(&bot);
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
            Upkeep::Webhooks { counts, known: _, at } => self.seen(&bot, counts, *at),
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
        self.last.get_or_create(&bot).set(timestamp(at));
        self.took.get_or_create(&bot).set(took.as_secs_f64());
    }

    fn seen(&self, bot: &Arc<str>, counts: &[(WebhookState, usize)], at: SystemTime) {
        self.looked.get_or_create(&Bot { bot: Arc::clone(bot) }).set(timestamp(at));
        for state in WebhookState::ALL {
            let count: usize =
                counts.iter().filter(|(seen, _)| seen == state).map(|(_, n)| n).sum();
            let state = State { bot: Arc::clone(bot), state: state.label() };
            self.webhooks.get_or_create(&state).set(whole(count));
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::report::Known;

    fn page(metrics: &Metrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut page = String::new();
        encode(&mut page, &registry).unwrap();
        page
    }

    #[test]
    fn nobody_says_that_there_is_no_bypass_before_somebody_has_looked() {
        let metrics = Metrics::default();
        metrics.start_at_zero(&"helpdesk".into());
        let before = page(&metrics);
        assert!(!before.contains("webhooks{"), "{before}");
        assert!(before.contains("webhooks_last_look_timestamp_seconds{bot=\"helpdesk\"} 0\n"));
        let at = SystemTime::UNIX_EPOCH + Duration::from_mins(1);
        let counts = [(WebhookState::Ok, 2)];
        metrics.count("helpdesk", &Upkeep::Webhooks { counts: &counts, known: Known::News, at });
        let after = page(&metrics);
        for line in [
            "webhooks{bot=\"helpdesk\",state=\"bypass\"} 0\n",
            "webhooks{bot=\"helpdesk\",state=\"ok\"} 2\n",
            "webhooks_last_look_timestamp_seconds{bot=\"helpdesk\"} 60\n",
        ] {
            assert!(after.contains(line), "{line}{after}");
        }
    }
}
