//! What runs beside the events: batches of traces as they end, and all series at intervals.

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::Client;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::figures::{self, Times};
use super::post::{self, PATIENCE, Sent, Untaken};
use super::spans;
use super::trail::Walk;
use super::wire::{
    KeyValue, Metrics, Resource, ResourceMetrics, ResourceSpans, SCOPE, ScopeMetrics, ScopeSpans,
    Traces, text,
};
use crate::config::Otlp;
use crate::gate::moment::Moment;
use crate::report::{Exposition, Fate, Reporter, Signal};
use crate::rt;

/// From the first trace of a batch to its sending: nobody looks at a trace sooner.
const LINGER: Duration = Duration::from_secs(1);

/// Traces in a batch; some 200 KiB of JSON.
const MOST_AT_ONCE: usize = 100;

/// For traces that end when everything ends.
const STRAGGLERS: Duration = Duration::from_millis(500);

/// For all that is sent at the end: less than what the gateway leaves to its tasks.
const LAST_WORDS: Duration = Duration::from_millis(1500);

/// How often it is told that a collector takes nothing.
const COMPLAINT: Duration = Duration::from_mins(1);

type Waiting = mpsc::Receiver<Box<Walk>>;

#[derive(Debug)]
pub(super) struct Exporter {
    client: Client,
    traces: Url,
    metrics: Url,
    resource: Resource<'static>,
    reporter: Arc<Reporter>,
    over: CancellationToken,
    start: Moment,
    complained: Mutex<Option<Moment>>,
    /// Nothing is sent any more after this; known once everything is over.
    end: OnceLock<Instant>,
}

impl Exporter {
    pub(super) fn new(
        client: Client,
        otlp: &Otlp,
        reporter: Arc<Reporter>,
        over: CancellationToken,
        start: Moment,
    ) -> Self {
        let resource = resource(otlp, start);
        let [traces, metrics] = ["traces", "metrics"].map(|signal| address(&otlp.endpoint, signal));
        let (complained, end) = (Mutex::new(None), OnceLock::new());
        Self { client, traces, metrics, resource, reporter, over, start, complained, end }
    }

    /// Sends traces until everything is over, and then those that are left.
    pub(super) async fn traces(&self, mut waiting: Waiting, under_way: TaskTracker) {
        while let Some(batch) = self.batch(&mut waiting).await {
            self.send_traces(&batch).await;
        }
        under_way.close();
        // Who did not come in time is not waited for.
        let _stragglers = timeout(STRAGGLERS, under_way.wait()).await;
        let mut rest = Vec::new();
        while let Ok(walk) = waiting.try_recv() {
            rest.push(walk);
        }
        for batch in rest.chunks(MOST_AT_ONCE) {
            self.send_traces(batch).await;
        }
    }

    /// The next batch; `None` when everything is over, or there is nobody left to make one.
    async fn batch(&self, waiting: &mut Waiting) -> Option<Vec<Box<Walk>>> {
        let first = self.over.run_until_cancelled(waiting.recv()).await??;
        let (mut batch, end) = (vec![first], Instant::now() + LINGER);
        while batch.len() < MOST_AT_ONCE && !self.over.is_cancelled() {
            let left = MOST_AT_ONCE - batch.len();
            let more = timeout_at(end, waiting.recv_many(&mut batch, left));
            match self.over.run_until_cancelled(more).await {
                Some(Ok(1..)) => {}
                Some(Ok(0) | Err(_)) | None => break,
            }
        }
        Some(batch)
    }

    async fn send_traces(&self, batch: &[Box<Walk>]) {
        let scope_spans = [ScopeSpans { scope: SCOPE, spans: spans::all(batch) }];
        let resource_spans = [ResourceSpans { resource: &self.resource, scope_spans }];
        let message = serde_json::to_vec(&Traces { resource_spans }).unwrap_or_default();
        let sent = self.in_time(post::send(&self.client, &self.traces, message, PATIENCE)).await;
        self.settle(Signal::Traces, batch.iter().map(|walk| walk.len()).sum(), sent);
    }

    /// Sends all series at intervals until everything is over, and once more then.
    pub(super) async fn metrics(&self, interval: Duration) {
        let mut next = Instant::now() + interval;
        while self.over.run_until_cancelled(sleep_until(next)).await.is_some() {
            next += interval;
            self.send_metrics(interval.min(PATIENCE)).await;
        }
        self.send_metrics(LAST_WORDS).await;
    }

    async fn send_metrics(&self, within: Duration) {
        let page = self.reporter.scrape(Exposition::OpenMetrics, rt::now().wall);
        let metrics = figures::read(&page, Times { start: self.start.wall, now: rt::now().wall });
        let points = figures::points(&metrics);
        let scope_metrics = [ScopeMetrics { scope: SCOPE, metrics }];
        let resource_metrics = [ResourceMetrics { resource: &self.resource, scope_metrics }];
        let message = serde_json::to_vec(&Metrics { resource_metrics }).unwrap_or_default();
        let sent = self.in_time(post::send(&self.client, &self.metrics, message, within)).await;
        self.settle(Signal::Metrics, points, sent);
    }

    /// Whatever is being sent: once everything is over, there is little time left for all of it.
    async fn in_time(&self, sending: impl Future<Output = Sent>) -> Sent {
        let time_is_up = async {
            self.over.cancelled().await;
            sleep_until(*self.end.get_or_init(|| Instant::now() + LAST_WORDS)).await;
        };
        tokio::select! {
            sent = sending => sent,
            () = time_is_up => Err(Untaken::Late),
        }
    }

    fn settle(&self, signal: Signal, items: u64, sent: Sent) {
        match sent {
            Ok(rejected) => {
                let rejected = rejected.min(items);
                self.reporter.exported(signal, Fate::Rejected, rejected);
                self.reporter.exported(signal, Fate::Sent, items - rejected);
            }
            Err(untaken) => {
                self.reporter.exported(signal, Fate::Failed, items);
                self.complain(signal, untaken);
            }
        }
    }

    fn complain(&self, signal: Signal, untaken: Untaken) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        let now = rt::now();
        if complained.is_none_or(|last| now.since(last) >= COMPLAINT) {
            *complained = Some(now);
            let signal = signal.label();
            tracing::warn!(signal, cause = %untaken, "the OTLP endpoint does not take what is sent");
        }
    }
}

/// Under a path that an operator gave, there is a place for each signal.
fn address(endpoint: &Url, signal: &str) -> Url {
    let mut url = endpoint.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["v1", signal]);
    }
    url
}

/// Each start is an instance of its own, so that the series of two replicas do not become one.
fn resource(otlp: &Otlp, start: Moment) -> Resource<'static> {
    let given = otlp.resource.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    let own = [
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), rt::new_id(start).to_string()),
    ];
    let is_given = |key: &str| otlp.resource.iter().any(|(given, _)| **given == *key);
    let own = own.into_iter().filter(|(key, _)| !is_given(key));
    let all = given.chain(own).map(|(key, value)| KeyValue { key: key.into(), ..text("", value) });
    Resource { attributes: all.collect() }
}
