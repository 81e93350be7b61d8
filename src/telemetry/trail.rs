//! The trail of one event: what is told to the bot about its trace, and what is remembered for the collector.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::span::{Note, Part, Span};
use crate::gate::arrival::Arrival;
use crate::gate::event::Facts;
use crate::gate::moment::Moment;
use crate::gate::trace::{Context, SpanId, Trace, TraceId};
use crate::report::outage::Kind;
use crate::report::{Fate, Reporter, RosterSource, Signal, Verdict};
use crate::rt;

/// The first seven tries or so; an event that is tried for a quarter of an hour has many more, all alike.
const MOST_SPANS: usize = 32;

/// Where trails are sent when they end.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    pub(super) queue: mpsc::Sender<Box<Walk>>,
    /// Trails that have not ended.
    pub(super) under_way: TaskTracker,
    pub(super) reporter: Arc<Reporter>,
}

/// Which event it is, by names from the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The route that it came in on.
    pub route: &'a Arc<str>,
    /// The route's bot.
    pub bot: &'a Arc<str>,
}

/// The trail of one authentic event. It ends when it is dropped, and is then handed to whoever sends it.
#[derive(Debug)]
pub struct Trail {
    trace: Trace,
    walk: Option<Box<Walk>>,
}

/// On the way to the bot.
#[derive(Debug)]
pub struct Away {
    span: Option<SpanId>,
    /// What the bot is told.
    pub context: Option<Context>,
}

/// What is remembered of one event.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) trace: Trace,
    pub(super) event: Uuid,
    pub(super) route: Arc<str>,
    pub(super) bot: Arc<str>,
    /// Resource and event.
    pub(super) what: Option<(&'static str, &'static str)>,
    pub(super) verdict: Option<Verdict>,
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) spans: Vec<Span>,
    /// Spans that had no place.
    unsaid: u64,
    next: u32,
    waits: SystemTime,
    away: Option<(SpanId, SystemTime)>,
    recorder: Recorder,
    #[expect(dead_code, reason = "held, never looked at")]
    under_way: TaskTrackerToken,
}

impl Trail {
    pub(super) fn new(trace: Trace, walk: Option<Box<Walk>>) -> Self {
        Self { trace, walk }
    }

    /// The trace that the record names: there is one when the bot is told of it, or a collector is.
    pub fn id(&self) -> Option<TraceId> {
        (self.trace.is_told() || self.walk.is_some()).then(|| self.trace.id())
    }

    #[cfg(test)]
    pub(super) fn is_recorded(&self) -> bool {
        self.walk.is_some()
    }

    /// It is authentic, and this is what it says.
    pub fn read(&mut self, facts: &Facts) {
        let Some(walk) = &mut self.walk else { return };
        walk.what = Some((facts.resource.label(), facts.verb.label()));
        walk.part(Part::Verify, walk.began, Note::Plain);
        walk.waits = walk.ended;
    }

    /// It is being tried.
    pub fn taken(&mut self) {
        let Some(walk) = &mut self.walk else { return };
        walk.part(Part::Wait, walk.waits, Note::Plain);
    }

    /// It waits for another try.
    pub fn put_back(&mut self) {
        let Some(walk) = &mut self.walk else { return };
        walk.waits = rt::now().wall;
    }

    /// It is known who is in the room, by a list whose reading began then; or why it is not.
    pub fn asked(&mut self, asked: Moment, answer: Result<(Moment, RosterSource), Kind>) {
        let Some(walk) = &mut self.walk else { return };
        let note = answer.map_or_else(Note::Failed, |(_, source)| Note::Source(source));
        let ask = walk.part(Part::Ask, asked.wall, note);
        if let Ok((read, RosterSource::Miss | RosterSource::Coalesced)) = answer {
            let (id, ended) = (walk.id(), walk.ended);
            let fetch = Part::Fetch;
            walk.push(Span {
                part: fetch,
                id,
                parent: ask,
                began: read.wall,
                ended,
                note: Note::Plain,
            });
        }
    }

    /// The rules have been gone through.
    pub fn judged(&mut self, began: Moment) {
        let Some(walk) = &mut self.walk else { return };
        walk.part(Part::Judge, began.wall, Note::Plain);
    }

    /// It goes to the bot now.
    pub fn leaves(&mut self) -> Away {
        let span = self.walk.as_mut().map(|walk| {
            let span = walk.id();
            walk.away = Some((span, rt::now().wall));
            span
        });
        Away { span, context: self.trace.context(span) }
    }

    /// What the bot said.
    pub fn back(&mut self, away: &Away, note: Note) {
        let Some(walk) = &mut self.walk else { return };
        debug_assert_eq!(away.span, walk.away.map(|(span, _)| span));
        walk.arrive(note);
    }

    /// What was decided.
    pub fn decided(&mut self, verdict: Verdict) {
        let Some(walk) = &mut self.walk else { return };
        walk.verdict = Some(verdict);
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if let Some(walk) = self.walk.take() {
            walk.end();
        }
    }
}

impl Walk {
    pub(super) fn begin(
        trace: &Trace,
        arrival: &Arrival,
        subject: Subject<'_>,
        recorder: &Recorder,
    ) -> Self {
        let began = arrival.received().wall;
        Self {
            trace: trace.clone(),
            event: arrival.id(),
            route: Arc::clone(subject.route),
            bot: Arc::clone(subject.bot),
            what: None,
            verdict: None,
            began,
            ended: began,
            spans: Vec::new(),
            unsaid: 0,
            next: 1,
            waits: began,
            away: None,
            under_way: recorder.under_way.token(),
            recorder: recorder.clone(),
        }
    }

    /// Spans, with the root.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.spans.len()).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn id(&mut self) -> SpanId {
        let id = self.trace.span(self.next);
        self.next = self.next.saturating_add(1);
        id
    }

    /// A part that ends now.
    fn part(&mut self, part: Part, began: SystemTime, note: Note) -> SpanId {
        let (id, parent) = (self.id(), self.trace.span(0));
        self.ended = rt::now().wall;
        self.push(Span { part, id, parent, began, ended: self.ended, note });
        id
    }

    fn push(&mut self, span: Span) {
        if self.spans.len() < MOST_SPANS {
            self.spans.push(span);
        } else {
            self.unsaid += 1;
        }
    }

    fn arrive(&mut self, note: Note) {
        let Some((id, began)) = self.away.take() else { return };
        let parent = self.trace.span(0);
        self.ended = rt::now().wall;
        self.push(Span { part: Part::Forward, id, parent, began, ended: self.ended, note });
    }

    /// The bot may have seen a span whose try was cut short.
    fn end(mut self: Box<Self>) {
        let why = match self.verdict {
            Some(Verdict::Expired(kind)) => kind,
            Some(Verdict::Allow { .. } | Verdict::AllowUnasked | Verdict::Refused(_)) | None => {
                Kind::GatewayStopped
            }
        };
        self.arrive(Note::Failed(why));
        self.ended = rt::now().wall;
        let reporter = Arc::clone(&self.recorder.reporter);
        let (queue, mut dropped) = (self.recorder.queue.clone(), self.unsaid);
        let len = self.len();
        if queue.try_send(self).is_err() {
            dropped = dropped.saturating_add(len);
        }
        if dropped > 0 {
            reporter.exported(Signal::Traces, Fate::Dropped, dropped);
        }
    }
}
