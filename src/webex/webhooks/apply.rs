//! Makes the changes of a plan, one after the other, and looks again.

use super::api::Webhook;
use super::desired::Desired;
use super::plan::{Change, Plan, plan};
use crate::report::outage::Outage;
use crate::report::{Happening, Reporter, Upkeep, WebhookChange};
use crate::webex::{Client, Effort};

/// Two replicas that make the same webhook at once see both in their second round, and none in their third. A framework
/// that registers meanwhile costs one more. Who needs more than this is fighting somebody; the next look goes on.
const MOST_ROUNDS: usize = 4;

/// What came of it.
#[derive(Debug)]
pub struct Applied {
    /// Changes that were made.
    pub made: usize,
    /// The last that could not be.
    pub failed: Option<Outage>,
    /// How it is now, if that could be found out; there may be changes left.
    pub now: Option<Plan>,
}

/// Makes the changes, looks what there is then, and goes on until there is nothing to do.
///
/// A change that fails does not stop those behind it. It does stop removals: what was to replace a webhook may not be
/// there.
pub async fn apply(
    client: &Client,
    effort: Effort,
    desired: &Desired,
    changes: Vec<Change>,
    reporter: &Reporter,
) -> Applied {
    let mut applied = Applied { made: 0, failed: None, now: None };
    let mut changes = changes;
    for _round in 0..MOST_ROUNDS {
        for change in &changes {
            if matches!(change, Change::Delete { .. }) && applied.failed.is_some() {
                continue;
            }
            let result = make(client, effort, change).await;
            tell(reporter, desired, change, result.as_ref().map(|_done| ()));
            match result {
                Ok(()) => applied.made += 1,
                Err(outage) => applied.failed = Some(outage),
            }
        }
        let actual: Vec<Webhook> = match client.webhooks(effort).await {
            Ok(actual) => actual,
            Err(outage) => return Applied { failed: Some(outage), now: None, ..applied },
        };
        let found = plan(desired, &actual);
        changes.clone_from(&found.changes);
        applied.now = Some(found);
        if changes.is_empty() || applied.failed.is_some() {
            break;
        }
    }
    applied
}

async fn make(client: &Client, effort: Effort, change: &Change) -> Result<(), Outage> {
    match change {
        Change::Create { fresh } => client.create_webhook(effort, fresh).await,
        Change::Update { repair, .. } => client.update_webhook(effort, repair).await,
        Change::Delete { id, .. } => client.delete_webhook(effort, id).await,
    }
}

fn tell(reporter: &Reporter, desired: &Desired, change: &Change, result: Result<(), &Outage>) {
    let how = match change {
        Change::Create { .. } => WebhookChange::Created,
        Change::Update { .. } => WebhookChange::Updated,
        Change::Delete { .. } => WebhookChange::Deleted,
    };
    let (state, event) = (change.why(), change.event());
    let upkeep = Upkeep::WebhookChanged { change: how, state, event: &event, result };
    reporter.emit(&Happening::Upkeep { bot: &desired.bot, upkeep: &upkeep });
}
