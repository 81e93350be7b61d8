//! `GET /api/v1/status`: one screen about the running gateway. No room, no person, no secret.

use std::sync::Arc;
use std::time::SystemTime;

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::Office;
use super::body::Answer;
use super::page::whole;
use crate::gate::moment::Moment;
use crate::gate::policy::Mode;
use crate::report::build::{REVISION, VERSION};
use crate::report::{
    BotFigures, BotStanding, Counted, Figures, JournalState, Reload, Reporter, RoomState,
    RouteScope, Standing, WebhookState,
};

/// The document, at this moment.
pub(super) fn status(office: &Office, started: SystemTime, now: Moment) -> Response<Answer> {
    let standing = office.sources.reporter.standing();
    let figures = office.sources.reporter.figures();
    let checks = office.sources.checks();
    let ready = checks.values().all(Result::is_ok);
    let document = json!({
        "schema": "botwarden/status/1",
        "at": time(now.wall),
        "version": VERSION,
        "revision": REVISION,
        "pid": std::process::id(),
        "started": time(started),
        "ready": ready,
        "checks": checks.into_iter().map(check).collect::<Map<_, _>>(),
        "config": { "hash": standing.fingerprint, "reload": standing.reload.map(reload) },
        "verdicts": standing.verdicts,
        "inbox": { "events": (office.waiting)() },
        "decision_log": decision_log(&office.sources.reporter),
        "cache": caches(&figures),
        "routes": routes(&standing, &figures, now),
        "bots": bots(&standing, &figures),
    });
    whole(StatusCode::OK, &document)
}

/// RFC 3339, UTC.
fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map_or_else(|_| "-".to_owned(), |at| format!("{at:.0}"))
}

fn check((name, state): (Box<str>, Result<(), Box<str>>)) -> (String, Value) {
    (name.into(), state.map_or_else(|reason| String::from(reason).into(), |()| "ok".into()))
}

fn decision_log(reporter: &Reporter) -> Value {
    let JournalState { records, last_checkpoint, .. } = reporter.journal();
    json!({
        "writable": reporter.writable(),
        "records": records,
        "lost": reporter.lost(),
        "last_checkpoint": last_checkpoint.map(time),
    })
}

fn reload(reload: Reload) -> Value {
    let state = if reload.result.is_ok() { "in_force" } else { "refused" };
    json!({ "at": time(reload.at), "state": state, "problems": reload.result.err().unwrap_or(0) })
}

/// Entries by the name of the cache.
fn caches(figures: &Figures) -> Map<String, Value> {
    figures.caches.iter().map(|(name, count)| (name.label().to_owned(), json!(count))).collect()
}

/// A figure that nobody told is null.
fn routes(standing: &Standing, figures: &Figures, now: Moment) -> Map<String, Value> {
    let told = |route: &RouteScope| {
        let (mode, until) = match route.mode.at(now) {
            Mode::Enforce => ("enforce", None),
            Mode::Observe { until } => ("observe", Some(time(until))),
        };
        let told = figures.routes.iter().find(|told| told.route == route.name);
        let document = json!({
            "bot": route.bot,
            "mode": mode,
            "observe_until": until,
            "waiting": told.map(|told| told.events),
            "oldest_s": told.map(|told| told.oldest.as_secs()),
        });
        (route.name.to_string(), document)
    };
    standing.routes.iter().map(told).collect()
}

fn bots(standing: &Standing, figures: &Figures) -> Map<String, Value> {
    let told = |name: &Arc<str>| figures.bots.iter().find(|told| told.bot == *name);
    standing.bots.iter().map(|(name, bot)| (name.to_string(), of_bot(bot, told(name)))).collect()
}

fn of_bot(standing: &BotStanding, told: Option<&BotFigures>) -> Value {
    let token = match standing.token {
        None => "unknown",
        Some(Ok(())) => "accepted",
        Some(Err(reason)) => reason,
    };
    let webhooks = standing.webhooks.as_ref().map(|seen| counted(seen, WebhookState::label));
    let audit = standing.audit.as_ref().map(|seen| counted(seen, RoomState::label));
    json!({
        "token": token,
        "webhooks": webhooks,
        "last_audit": audit,
        "budget_left": told.map(|told| told.budget_left),
    })
}

fn counted<S: Copy>(seen: &Counted<S>, label: impl Fn(S) -> &'static str) -> Value {
    let count = |(state, count): &(S, usize)| (label(*state).to_owned(), json!(count));
    let counts: Map<_, _> = seen.counts.iter().map(count).collect();
    json!({ "at": time(seen.at), "counts": counts })
}
