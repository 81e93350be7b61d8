//! Makes the changes of a plan, one after the other, and looks again.

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
    /// Why it is not as it should be, as far as that is known.
    pub failed: Option<Outage>,
    /// How it is now, if that could be found out; there may be changes left.
    pub now: Option<Plan>,
}

/// Makes the changes, looks what there is then, and goes on until there is nothing to do, or nothing new after a
/// failure.
pub async fn apply(
    client: &Client,
    effort: Effort,
    desired: &Desired,
    mut changes: Vec<Change>,
    reporter: &Reporter,
) -> Applied {
    let mut applied = Applied { made: 0, failed: None, now: None };
    for _round in 0..MOST_ROUNDS {
        let (made, failed) = round(client, effort, &desired.bot, &changes, reporter).await;
        applied = Applied { made: applied.made + made, failed, now: None };
        let found = match client.webhooks(effort).await {
            Ok(actual) => plan(desired, &actual),
            Err(outage) => return Applied { failed: Some(outage), ..applied },
        };
        let nothing_new = keys(&found.changes) == keys(&changes);
        changes.clone_from(&found.changes);
        applied.now = Some(found);
        if changes.is_empty() {
            // Somebody else may have been quicker.
            return Applied { failed: None, ..applied };
        }
        if applied.failed.is_some() && nothing_new {
            break;
        }
    }
    applied
}

/// How many changes were made, and the last failure. A change that fails does not stop those behind it, but for
/// removals: what was to replace a webhook may not be there.
async fn round(
    client: &Client,
    effort: Effort,
    bot: &str,
    changes: &[Change],
    reporter: &Reporter,
) -> (usize, Option<Outage>) {
    let (mut made, mut failed) = (0, None);
    for change in changes {
        if matches!(change, Change::Delete { .. }) && failed.is_some() {
            continue;
        }
        let result = make(client, effort, change).await;
        tell(reporter, bot, change, result.as_ref().map(|_done| ()));
        match result {
            Ok(()) => made += 1,
            Err(outage) => failed = Some(outage),
        }
    }
    (made, failed)
}

/// What tells changes apart.
fn keys(changes: &[Change]) -> Vec<(&str, String)> {
    let id = |change| match change {
        &Change::Create { .. } => "",
        Change::Update { repair, .. } => &*repair.id,
        Change::Delete { id, .. } => id,
    };
    changes.iter().map(|change| (id(change), change.to_string())).collect()
}

async fn make(client: &Client, effort: Effort, change: &Change) -> Result<(), Outage> {
    match change {
        Change::Create { fresh } => client.create_webhook(effort, fresh).await,
        Change::Update { repair, .. } => client.update_webhook(effort, repair).await,
        Change::Delete { id, .. } => client.delete_webhook(effort, id).await,
    }
}

fn tell(reporter: &Reporter, bot: &str, change: &Change, result: Result<(), &Outage>) {
    let how = match change {
        Change::Create { .. } => WebhookChange::Created,
        Change::Update { .. } => WebhookChange::Updated,
        Change::Delete { .. } => WebhookChange::Deleted,
    };
    let (state, event) = (change.why(), change.event());
    let upkeep = Upkeep::WebhookChanged { change: how, state, event: &event, result };
    reporter.emit(&Happening::Upkeep { bot, upkeep: &upkeep });
}
