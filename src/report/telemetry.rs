//! What became of what was sent to collectors. It is counted here, so that a collector that is gone is seen where the
//! gateway is scraped.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Series.
    Metrics,
    /// Spans.
    Traces,
}

impl Signal {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Metrics, Self::Traces];

    /// The word for it in metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Traces => "traces",
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// There was no place for it; it was never sent.
    Dropped,
    /// The collector did not take it.
    Failed,
    /// The collector took the rest, and not this.
    Rejected,
    /// The collector has it.
    Sent,
}

impl Fate {
    /// Every fate.
    pub const ALL: [Self; 4] = [Self::Dropped, Self::Failed, Self::Rejected, Self::Sent];

    /// The word for it in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Sent => "sent",
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    signal: &'static str,
    result: &'static str,
}

#[derive(Debug, Default)]
pub(super) struct Metrics {
    exported: Family<Labels, Counter>,
}

impl Metrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help =
            "Spans and points of series, by what became of them on their way to the collector";
        registry.register("telemetry_exported", help, self.exported.clone());
        for (signal, fate) in
            Signal::ALL.into_iter().flat_map(|it| Fate::ALL.map(|fate| (it, fate)))
        {
            self.count(signal, fate, 0);
        }
    }

    pub(super) fn count(&self, signal: Signal, fate: Fate, items: u64) {
        let labels = Labels { signal: signal.label(), result: fate.label() };
        self.exported.get_or_create(&labels).inc_by(items);
    }
}
