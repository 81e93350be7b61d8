//! Makes the changes of a plan, one after the other, and looks again.

use std::collections::BTreeSet;

use super::desired::{Desired, Health};
use super::plan::{Change, Plan, plan};
use super::unlisted::{Key, Unlisted, key, unshown};
use crate::gate::moment::Moment;
use crate::report::outage::{Kind, Outage};
use crate::report::{Happening, Reporter, Upkeep, WebhookChange};
use crate::webex::{Client, Effort};

/// What replaces a webhook is there in the second round, so that the other can be removed. Two replicas that make the
/// same webhook at once see both in their second round, and none in their third. A framework that registers meanwhile
/// costs one more. Who needs more than this is fighting somebody; the next look goes on.
const MOST_ROUNDS: usize = 4;

/// What is to be put in order, and how far.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// With the token of the bot.
    pub client: &'a Client,
    /// How hard Webex is asked.
    pub effort: Effort,
    /// How it should be.
    pub desired: &'a Desired,
    /// Which changes are made after the first ones.
    pub scope: Scope,
    /// Hears of each change, once a list shows whether it is there.
    pub reporter: &'a Reporter,
    /// When this was begun.
    pub now: Moment,
}

/// Which changes are made after the first ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whatever leads to what is desired.
    Desired,
    /// Those only that somebody has agreed to: the first ones.
    Agreed,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Applied {
    /// Changes that were made, and that the list showed then.
    pub made: usize,
    /// What Webex was asked to switch on, and took, by id: also when it shows nothing of it.
    pub switched_on: BTreeSet<Box<str>>,
    /// Why it is not as it should be, as far as that is known.
    pub failed: Option<Outage>,
    /// How it is now, if that could be found out; there may be changes left.
    pub now: Option<Plan>,
}

type Tried = Vec<(Change, Result<(), Outage>)>;

/// Makes the changes, looks what there is then, and goes on until there is nothing to do, or nothing new after a
/// failure. The same webhook is made once at most, and nothing is switched on after the first round: it has not rested.
pub async fn apply(work: &Work<'_>, mut changes: Vec<Change>, unlisted: &mut Unlisted) -> Applied {
    let (mut applied, mut created) = (Applied::default(), BTreeSet::new());
    let agreed = keys(&changes);
    for _round in 0..MOST_ROUNDS {
        applied.failed = hold(&mut changes, unlisted, &created, work.now);
        let mut tried = round(work, &changes).await;
        let made: Vec<Key> = taken(&tried).filter_map(key).collect();
        created.extend(made.iter().cloned());
        applied.switched_on.extend(taken(&tried).filter_map(activated));
        let listed = work.client.webhooks(work.effort).await;
        if let Ok(actual) = &listed {
            for (change, result) in &mut tried {
                unshown(change, result, actual);
            }
            unlisted.heed(made, actual, work.now);
        }
        applied.count(work, tried);
        let actual = match listed {
            Ok(actual) => actual,
            Err(outage) => return Applied { failed: Some(outage), now: None, ..applied },
        };
        let found = plan(work.desired, &actual);
        let is_done = found.changes.is_empty();
        applied.now = Some(found);
        if is_done {
            // Somebody else may have been quicker.
            return Applied { failed: None, ..applied };
        }
        let next = next(work, &actual, &agreed);
        if next.is_empty() || (applied.failed.is_some() && keys(&next) == keys(&changes)) {
            break;
        }
        changes = next;
    }
    applied
}

impl Applied {
    /// Tells what came of each, and keeps the last failure.
    fn count(&mut self, work: &Work<'_>, tried: Tried) {
        for (change, result) in tried {
            tell(work, &change, result.as_ref().map(|_done| ()));
            match result {
                Ok(()) => self.made += 1,
                Err(outage) => self.failed = Some(outage),
            }
        }
    }
}

/// Takes away what was made before and is in no list, or was made in this call; and says so.
fn hold(
    changes: &mut Vec<Change>,
    unlisted: &Unlisted,
    created: &BTreeSet<Key>,
    now: Moment,
) -> Option<Outage> {
    let all = changes.len();
    changes.retain(|change| {
        key(change).is_none_or(|key| !created.contains(&key) && !unlisted.holds(&key, now))
    });
    (changes.len() < all).then(|| {
        let cause = "Webex took a webhook and does not list it; it is not made again for a while";
        Outage::new(Kind::WebexUnavailable, cause)
    })
}

/// What came of each. A change that fails does not stop those behind it, but for removals: what was to replace a
/// webhook may not be there.
async fn round(work: &Work<'_>, changes: &[Change]) -> Tried {
    let mut tried = Tried::new();
    for change in changes {
        let has_failed = tried.iter().any(|(_, result)| result.is_err());
        if matches!(change, Change::Delete { .. }) && has_failed {
            continue;
        }
        tried.push((change.clone(), make(work, change).await));
    }
    tried
}

fn taken(tried: &Tried) -> impl Iterator<Item = &Change> {
    tried.iter().filter(|(_, result)| result.is_ok()).map(|(change, _)| change)
}

fn activated(change: &Change) -> Option<Box<str>> {
    match change {
        Change::Update { repair, .. } if repair.activate => Some(repair.id.clone()),
        Change::Update { .. } | Change::Create { .. } | Change::Delete { .. } => None,
    }
}

/// What is to be done now.
fn next(work: &Work<'_>, actual: &[super::Webhook], agreed: &[Known]) -> Vec<Change> {
    let desired = Desired { health: Health::NotYet, ..work.desired.clone() };
    let mut next = plan(&desired, actual).changes;
    if work.scope == Scope::Agreed {
        next.retain(|change| agreed.contains(&known(change)));
    }
    next
}

/// What tells changes apart.
type Known = (Box<str>, String);

fn keys(changes: &[Change]) -> Vec<Known> {
    changes.iter().map(known).collect()
}

fn known(change: &Change) -> Known {
    let id = match change {
        Change::Create { .. } => "",
        Change::Update { repair, .. } => &*repair.id,
        Change::Delete { id, .. } => id,
    };
    (id.into(), change.to_string())
}

async fn make(work: &Work<'_>, change: &Change) -> Result<(), Outage> {
    let Work { client, effort, .. } = *work;
    match change {
        Change::Create { fresh } => client.create_webhook(effort, fresh).await,
        Change::Update { repair, .. } => client.update_webhook(effort, repair).await,
        Change::Delete { id, .. } => client.delete_webhook(effort, id).await,
    }
}

fn tell(work: &Work<'_>, change: &Change, result: Result<(), &Outage>) {
    let how = match change {
        Change::Create { .. } => WebhookChange::Created,
        Change::Update { .. } => WebhookChange::Updated,
        Change::Delete { .. } => WebhookChange::Deleted,
    };
    let (state, event) = (change.why(), change.event());
    let (id, from) = match change {
        Change::Create { .. } => ("", ""),
        Change::Update { repair, from, .. } => (&*repair.id, &**from),
        Change::Delete { id, .. } => (&**id, ""),
    };
    let upkeep = Upkeep::WebhookChanged { change: how, state, event: &event, id, from, result };
    work.reporter.emit(&Happening::Upkeep { bot: &work.desired.bot, upkeep: &upkeep });
}
