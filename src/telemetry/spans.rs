//! From trails to spans on the wire.

use super::span::{Note, Part, Span};
use super::trail::Walk;
use super::wire::{self, CLIENT, ERROR, INTERNAL, KeyValue, SERVER, Status, nanos, number, text};
use crate::report::Verdict;

/// The name of the span that is the whole event.
const ROOT: &str = "event";

/// All spans of these events, each root before its parts.
pub(super) fn all(walks: &[Box<Walk>]) -> Vec<wire::Span<'_>> {
    let of =
        |walk| std::iter::once(root(walk)).chain(walk.spans.iter().map(|span| part(walk, span)));
    walks.iter().map(|walk| &**walk).flat_map(of).collect()
}

fn root(walk: &Walk) -> wire::Span<'_> {
    wire::Span {
        trace_id: walk.trace.id().to_string(),
        span_id: walk.trace.span(0).to_string(),
        parent_span_id: walk.trace.parent().map(|span| span.to_string()),
        name: ROOT,
        kind: SERVER,
        start_time_unix_nano: nanos(walk.began),
        end_time_unix_nano: nanos(walk.ended),
        attributes: about(walk),
        status: came_to_nothing(walk),
    }
}

fn about(walk: &Walk) -> Vec<KeyValue<'_>> {
    let mut about = vec![
        text("botwarden.decision_id", walk.event.to_string()),
        text("botwarden.route", &*walk.route),
        text("botwarden.bot", &*walk.bot),
    ];
    if let Some((resource, event)) = walk.what {
        about.extend([text("botwarden.resource", resource), text("botwarden.event", event)]);
    }
    if let Some(verdict) = walk.verdict {
        about.push(text("botwarden.verdict", verdict.label()));
        about.push(text("botwarden.reason", verdict.reason()));
        about.extend(verdict.would().map(|would| text("botwarden.would", would)));
    }
    about
}

/// A refusal is no error: the gateway did what it is there for.
fn came_to_nothing(walk: &Walk) -> Option<Status> {
    let last = walk.spans.iter().rev().find(|span| span.part == Part::Forward);
    match (walk.verdict, last.map(|span| span.note)) {
        (Some(Verdict::Expired(kind)), _) | (_, Some(Note::Failed(kind))) => {
            Some(failed(kind.label()))
        }
        (Some(Verdict::Allow { .. } | Verdict::AllowUnasked | Verdict::Refused(_)) | None, _) => {
            None
        }
    }
}

fn part<'a>(walk: &Walk, span: &'a Span) -> wire::Span<'a> {
    let (attributes, status) = noted(span.note);
    wire::Span {
        trace_id: walk.trace.id().to_string(),
        span_id: span.id.to_string(),
        parent_span_id: Some(span.parent.to_string()),
        name: span.part.label(),
        kind: if span.part == Part::Forward { CLIENT } else { INTERNAL },
        start_time_unix_nano: nanos(span.began),
        end_time_unix_nano: nanos(span.ended),
        attributes,
        status,
    }
}

/// To a client, 4xx and 5xx are errors: the conventions for HTTP spans.
fn noted(note: Note) -> (Vec<KeyValue<'static>>, Option<Status>) {
    match note {
        Note::Plain => (Vec::new(), None),
        Note::Source(source) => (vec![text("botwarden.source", source.label())], None),
        Note::Status(status) => {
            let error = (status >= 400).then_some(Status { code: ERROR, message: None });
            (vec![number("http.response.status_code", status.into())], error)
        }
        Note::Failed(kind) => (vec![text("error.type", kind.label())], Some(failed(kind.label()))),
    }
}

fn failed(why: &'static str) -> Status {
    Status { code: ERROR, message: Some(why) }
}
