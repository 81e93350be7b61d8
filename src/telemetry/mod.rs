//! OpenTelemetry, for those who want it: a trace of each event, and the series of `/metrics`, sent to a collector.
//!
//! What must stay true:
//!
//! 1. Without an endpoint there is no queue, no task, no client, and nothing is allocated for an event.
//! 2. An event never waits for a collector: what has no place is dropped and counted.
//! 3. Nothing is sent but names from the configuration, words from closed lists, ids of decisions, times and figures:
//!    no id of a room or a person, and no text of anybody else.
//! 4. Only authentic events are traced. A flood of forged calls is none in traces.
//! 5. A batch is sent once. Whatever becomes of it, it is counted, and told at most once a minute.
//!
//! What is sent is OTLP over http in its JSON form: the OpenTelemetry specification, "OTLP 1.x, JSON Protobuf Encoding".

mod export;
mod figures;
mod post;
mod span;
mod spans;
mod trail;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Otlp, Telemetry};
use crate::gate::signature::Authentic;
use crate::gate::trace::{Propagation, Trace};
use crate::report::Reporter;
use crate::rt::{self, Tasks};

use export::Exporter;
pub use span::{Note, Part};
pub use trail::{Away, Subject, Trail};
use trail::{Recorder, Walk};

/// Traces that wait to be sent: what a busy gateway makes in a second or two. At some 2 KiB each, 4 MiB at most.
const MOST_WAITING: usize = 2048;

/// Gives each event its trail.
#[derive(Clone, Debug)]
pub struct Tracer {
    propagation: Propagation,
    recorder: Option<Recorder>,
}

/// What sending needs.
#[derive(Debug)]
pub struct Parts {
    /// Calls the collector.
    pub client: reqwest::Client,
    /// Has the metrics, and counts what is sent.
    pub reporter: Arc<Reporter>,
    /// Where sending runs.
    pub tasks: Tasks,
    /// Cancelled when the last event has had its end.
    pub over: CancellationToken,
}

impl Tracer {
    /// Records nothing; the bot is told of traces all the same.
    pub fn silent(propagation: Propagation) -> Self {
        Self { propagation, recorder: None }
    }

    /// Records, and sends until everything is over.
    pub fn start(config: &Telemetry, otlp: &Otlp, parts: Parts) -> Self {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let under_way = TaskTracker::new();
        let recorder =
            Recorder { queue, under_way: under_way.clone(), reporter: Arc::clone(&parts.reporter) };
        let Parts { client, reporter, tasks, over } = parts;
        let exporter = Arc::new(Exporter::new(client, otlp, reporter, over, rt::now()));
        let traces = Arc::clone(&exporter);
        tasks.spawn("traces", async move { traces.traces(waiting, under_way).await });
        if let Some(interval) = otlp.interval {
            tasks.spawn("metrics", async move { exporter.metrics(interval).await });
        }
        Self { propagation: config.traceparent, recorder: Some(recorder) }
    }

    /// The trail of an authentic event.
    pub fn follow(&self, authentic: &Authentic, subject: Subject<'_>) -> Trail {
        let trace = Trace::of(authentic, self.propagation);
        let recorder = self.recorder.as_ref().filter(|_| trace.is_sampled());
        let walk =
            recorder.map(|to| Box::new(Walk::begin(&trace, authentic.arrival(), subject, to)));
        Trail::new(trace, walk)
    }
}
