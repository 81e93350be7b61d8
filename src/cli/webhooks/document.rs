//! What `sync` writes for programs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::page::{Outcome, id, moved};
use super::reach::Failure;
use super::sync::Job;
use super::verdict::{in_order, secret, status};
use crate::cli::common;
use crate::webex::webhooks::{Applied, Change};

/// What would be and what was done.
pub(super) fn document(
    jobs: &[Job<'_>],
    outcomes: &[Option<Applied>],
    failures: &[(Arc<str>, Failure)],
    how: Outcome,
) -> String {
    let done = jobs.iter().zip(outcomes).map(|(job, outcome)| of_bot(job, outcome.as_ref()));
    let failed = failures.iter().map(|(bot, failure)| json!({"bot": bot, "error": failure.why}));
    let document = json!({
        "schema": "botwarden/webhooks-sync/1",
        "at": common::now(),
        "dry_run": how == Outcome::DryRun,
        "bots": done.chain(failed).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn of_bot(job: &Job<'_>, applied: Option<&Applied>) -> Value {
    let now = applied.map_or(Some(&job.survey.plan), |applied| applied.now.as_ref());
    let failed = applied.and_then(|applied| applied.failed.as_ref());
    json!({
        "bot": job.reach.name,
        "changes": job.survey.plan.changes.iter().map(|change| of_change(job, change)).collect::<Vec<_>>(),
        "made": applied.map_or(0, |applied| applied.made),
        "error": failed.map(common::outage),
        "in_order": now.is_some_and(in_order),
    })
}

fn of_change(job: &Job<'_>, change: &Change) -> Value {
    let before = job.survey.plan.seen.iter().find(|seen| Some(&*seen.webhook.id) == id(change));
    let before = before.map(|seen| {
        json!({
            "target": seen.webhook.shown_target(),
            "secret": secret(&seen.webhook, job.reach.bot),
            "status": status(&seen.webhook),
        })
    });
    let (action, name) = match change {
        Change::Create { fresh } => ("create", &fresh.name),
        Change::Update { repair, .. } => ("update", &repair.name),
        Change::Delete { name, .. } => ("delete", name),
    };
    let target = match change {
        Change::Create { fresh } => Some(&*fresh.target),
        Change::Update { repair, .. } => moved(job, repair),
        Change::Delete { .. } => None,
    };
    json!({
        "action": action,
        "id": id(change),
        "name": name,
        "event": change.event(),
        "new_target": target,
        "why": change.why().label(),
        "before": before,
    })
}
