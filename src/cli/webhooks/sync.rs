//! `botwarden webhooks sync`, also `botwarden sync`

use std::sync::Arc;

use clap::Args;

use super::document::document;
use super::page::{self, Outcome};
use super::reach::{Failure, Named, Reach, bots, public_url, told, worst};
use super::verdict::{Survey, in_order};
use crate::cli::common::{load_or_tell, print};
use crate::cli::consent::Consent;
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};
use crate::config::{Bot, Config};
use crate::report::Reporter;
use crate::rt;
use crate::webex::webhooks::{Applied, Scope, Unlisted, Work, apply, plan};

/// Make and repair the webhooks that the gateway needs
#[derive(Debug, Args)]
#[command(before_help = "  botwarden sync --dry-run\n  botwarden webhooks sync helpdesk --yes")]
pub(in crate::cli) struct Arguments {
    /// These bots only
    #[arg(value_name = "BOT")]
    bots: Vec<String>,
    /// Only say what would be done
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

/// A bot, and what there is to do for it.
pub(super) struct Job<'a> {
    pub(super) reach: Reach<'a>,
    pub(super) survey: Survey,
}

pub(in crate::cli) async fn run(arguments: &Arguments, global: &Global) -> Exit {
    match Box::pin(sync(arguments, global)).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn sync(arguments: &Arguments, global: &Global) -> Result<Exit, Exit> {
    let config = load_or_tell(global)?;
    public_url(&config)?;
    let (jobs, failures) = survey(&config, bots(&config, &arguments.bots)?).await;
    let changes = jobs.iter().map(|job| job.survey.plan.changes.len()).sum::<usize>();
    if global.output() == Output::Text {
        let printed = print(&page::plans(&jobs));
        if printed != Exit::Fine {
            return Err(printed);
        }
    }
    let outcomes = if arguments.dry_run || changes == 0 {
        jobs.iter().map(|_| None).collect()
    } else {
        let question = format!("Make {}?", page::count(changes, "change"));
        arguments.consent.obtain(&question).await?;
        let mut outcomes = made(&jobs).await;
        if jobs.len() > 1 {
            look_again(&jobs, &mut outcomes).await;
        }
        outcomes
    };
    let how = if arguments.dry_run { Outcome::DryRun } else { Outcome::Done };
    let printed = print(&match global.output() {
        Output::Text => page::results(&jobs, &outcomes, how),
        Output::Json => document(&jobs, &outcomes, &failures, how),
    });
    let exits = jobs.iter().zip(&outcomes).map(|(job, outcome)| exit(job, outcome.as_ref()));
    let failed = failures.iter().map(|(_, failure)| failure.exit);
    Ok(printed.and(worst(exits.chain(failed))))
}

type Failures = Vec<(Arc<str>, Failure)>;

/// One bot that cannot be looked at does not stop the others.
async fn survey<'a>(config: &'a Config, bots: Vec<Named<'a>>) -> (Vec<Job<'a>>, Failures) {
    let (mut jobs, mut failures) = (Vec::new(), Vec::new());
    for (name, bot) in bots {
        match job(config, name, bot).await {
            Ok(job) => jobs.push(job),
            Err(failure) => {
                told(name, &failure);
                failures.push((Arc::clone(name), failure));
            }
        }
    }
    (jobs, failures)
}

async fn job<'a>(config: &Config, name: &'a Arc<str>, bot: &'a Bot) -> Result<Job<'a>, Failure> {
    let reach = Reach::new(config, name, bot)?;
    let survey = Survey::of(config, &reach).await?;
    Ok(Job { reach, survey })
}

async fn made(jobs: &[Job<'_>]) -> Vec<Option<Applied>> {
    let (reporter, mut all) = (Reporter::default(), Vec::new());
    for Job { reach, survey } in jobs {
        let changes = survey.plan.changes.clone();
        if changes.is_empty() {
            all.push(None);
            continue;
        }
        let work = Work {
            client: &reach.client,
            effort: reach.effort(),
            desired: &survey.desired,
            scope: Scope::Agreed,
            reporter: &reporter,
            now: rt::now(),
        };
        all.push(Some(apply(&work, changes, &mut Unlisted::default()).await));
    }
    all
}

/// Two bots with one token are one bot at Webex: what was done for the second may have undone what was done for the
/// first, so all are judged by what there is at the end.
async fn look_again(jobs: &[Job<'_>], outcomes: &mut [Option<Applied>]) {
    for (Job { reach, survey }, outcome) in jobs.iter().zip(outcomes) {
        let listed = reach.client.webhooks(reach.effort()).await;
        let last = listed.map(|actual| plan(&survey.desired, &actual));
        *outcome = match (outcome.take(), last) {
            (None, Ok(last)) if last.changes.is_empty() => None,
            (None, Ok(last)) => Some(Applied { now: Some(last), ..Applied::default() }),
            (None, Err(outage)) => Some(Applied { failed: Some(outage), ..Applied::default() }),
            (Some(applied), Ok(last)) => Some(Applied { now: Some(last), ..applied }),
            (Some(applied), Err(outage)) => {
                let failed = applied.failed.or(Some(outage));
                Some(Applied { failed, now: None, ..applied })
            }
        };
    }
}

/// What could not be put in order is a finding, whether nothing can be done about it or nothing was.
fn exit(job: &Job<'_>, applied: Option<&Applied>) -> Exit {
    let plan = match applied {
        None => &job.survey.plan,
        Some(Applied { failed: Some(outage), .. }) => return Failure::from(outage).exit,
        Some(Applied { now: Some(plan), .. }) => plan,
        Some(Applied { now: None, .. }) => return Exit::Unavailable,
    };
    if in_order(plan) { Exit::Fine } else { Exit::Found }
}
