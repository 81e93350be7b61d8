//! The decision log: how many records it has, and how many it should have had.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::timestamp;
use crate::report::JournalState;

#[derive(Debug, Default)]
pub(super) struct Journal {
    records: Counter<u64, AtomicU64>,
    errors: Counter<u64, AtomicU64>,
    checkpoint: Gauge,
}

impl Journal {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { records, errors, checkpoint } = self;
        registry.register("decision_log_records", "Records that are written", records.clone());
        registry.register(
            "decision_log_errors",
            "Records that were lost, and tries to write that failed",
            errors.clone(),
        );
        registry.register(
            "decision_log_last_checkpoint_timestamp_seconds",
            "When the last seal was written",
            checkpoint.clone(),
        );
    }

    /// Two scrapes at once may come in another order than what they saw: a counter never goes back.
    pub(super) fn is(&self, state: &JournalState) {
        self.records.inner().fetch_max(state.records, Ordering::Relaxed);
        self.errors.inner().fetch_max(state.errors, Ordering::Relaxed);
        if let Some(at) = state.last_checkpoint {
            self.checkpoint.set(timestamp(at));
        }
    }
}
