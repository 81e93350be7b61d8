//! What `sync` writes for people.

use std::fmt::Write as _;

use super::sync::Job;
use super::verdict::{event, in_order, secret, short, state};
use crate::cli::common::{self, columns, tamed};
use crate::report::WebhookState;
use crate::webex::webhooks::{Applied, Change, Plan, Repair, Seen};

/// Whether something was to be done at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// What could be done was done.
    Done,
    /// Nothing was to be done.
    DryRun,
}

/// A number and a noun.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What will be done, and what is left as it is.
pub(super) fn plans(jobs: &[Job<'_>]) -> String {
    let mut rows: Vec<[String; 4]> = Vec::new();
    for job in jobs {
        rows.extend(job.survey.plan.changes.iter().map(|change| changed(job, change)));
        rows.extend(job.survey.plan.seen.iter().filter_map(|seen| kept(job, seen)));
    }
    let mut page = columns(&rows);
    if jobs.iter().any(switches_on) {
        page.push_str(
            "Within five minutes after Webex has switched a webhook off, one failure switches it off again:\n\
             see that the gateway is well.\n",
        );
    }
    page
}

fn switches_on(job: &Job<'_>) -> bool {
    let mut changes = job.survey.plan.changes.iter();
    changes.any(|change| {
        matches!(change, Change::Update { repair: Repair { activate: true, .. }, .. })
    })
}

fn changed(job: &Job<'_>, change: &Change) -> [String; 4] {
    let (sign, name, what) = match change {
        Change::Create { fresh } => {
            ("+ create", &fresh.name, format!("→ {}, signed", short(&fresh.target)))
        }
        Change::Update { repair, from, .. } => {
            ("~ update", &repair.name, differences(job, repair, from))
        }
        Change::Delete { name, .. } => ("- delete", name, change.why().label().to_owned()),
    };
    [sign.to_owned(), format!("{} {}", job.reach.name, short(name)), short(&change.event()), what]
}

/// From what to what.
fn differences(job: &Job<'_>, repair: &Repair, from: &str) -> String {
    let mut all = Vec::new();
    let before = job.survey.plan.seen.iter().find(|seen| seen.webhook.id == repair.id);
    if let Some(to) = moved(job, repair) {
        all.push(format!("target {} → {}", short(from), short(to)));
    }
    if repair.secret.is_some() {
        let before = before.map_or("none", |seen| secret(&seen.webhook, job.reach.bot));
        all.push(format!("secret {before} → match"));
    }
    if repair.activate {
        all.push("status inactive → active".to_owned());
    }
    all.join(", ")
}

/// Where it leads from now on, if that is new: then it is an address of the gateway, with nothing secret in it.
pub(super) fn moved<'a>(job: &Job<'_>, repair: &'a Repair) -> Option<&'a str> {
    let before = job.survey.plan.seen.iter().find(|seen| seen.webhook.id == repair.id);
    let stays = before.is_some_and(|seen| seen.webhook.target == repair.target);
    (!stays).then_some(&*repair.target)
}

/// What `sync` does not touch although it is not in order, or is nobody's but the operator's to judge.
fn kept(job: &Job<'_>, seen: &Seen) -> Option<[String; 4]> {
    let changes = &job.survey.plan.changes;
    let webhook = &seen.webhook;
    let is_touched = changes.iter().any(|change| id(change) == Some(&webhook.id));
    if seen.state() == WebhookState::Ok || is_touched {
        return None;
    }
    let why = seen.note.map_or_else(|| state(seen), |note| format!("{}: {note}", state(seen)));
    Some([
        "  keep".to_owned(),
        format!("{} {}", job.reach.name, short(&webhook.name)),
        event(webhook),
        format!("{why}; delete with: botwarden webhooks delete {}", tamed(&webhook.id)),
    ])
}

/// Of the webhook that is changed.
pub(super) fn id(change: &Change) -> Option<&str> {
    match change {
        Change::Create { .. } => None,
        Change::Update { repair, .. } => Some(&repair.id),
        Change::Delete { id, .. } => Some(id),
    }
}

/// What came of it, for each bot.
pub(super) fn results(jobs: &[Job<'_>], outcomes: &[Option<Applied>], how: Outcome) -> String {
    let mut page = String::new();
    for (job, outcome) in jobs.iter().zip(outcomes) {
        let (name, result) = (job.reach.name, result(job, outcome.as_ref(), how));
        // Writing to a String cannot fail.
        let _written = writeln!(page, "{name}: {result}");
    }
    page
}

fn result(job: &Job<'_>, applied: Option<&Applied>, how: Outcome) -> String {
    let changes = job.survey.plan.changes.len();
    let Some(Applied { made, failed, now, switched_on: _ }) = applied else {
        return match (how, changes) {
            (_, 0) => format!("nothing to do{}", rest(&job.survey.plan)),
            (Outcome::DryRun | Outcome::Done, _) => {
                format!("{} to make; nothing was changed", count(changes, "change"))
            }
        };
    };
    let made = format!("{} made", count(*made, "change"));
    match (failed, now) {
        (Some(outage), _) => format!("{made}, not all: {}", common::outage(outage)),
        (None, Some(plan)) if !plan.changes.is_empty() => {
            format!(
                "{made}, but {} to make: run it again; does somebody else change them?",
                count(plan.changes.len(), "more change")
            )
        }
        (None, Some(plan)) => format!("{made}{}", rest(plan)),
        (None, None) => made,
    }
}

fn rest(plan: &Plan) -> &'static str {
    if in_order(plan) { "" } else { "; some are not in order: botwarden webhooks list" }
}
