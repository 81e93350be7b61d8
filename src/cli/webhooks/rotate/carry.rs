//! The second call: the webhooks get the new secret, once the gateway accepts it.

use std::time::Duration;

use url::Url;

use super::Arguments;
use super::canary::{self, Unproved};
use super::done::{Carried, Moved, Standing};
use crate::cli::common::{called, fail, say};
use crate::cli::exit::Exit;
use crate::cli::webhooks::page::count;
use crate::cli::webhooks::reach::{Failure, Named, Reach, told};
use crate::cli::webhooks::verdict::{Survey, event, secret, short};
use crate::config::{Bot, Config, WebhookSecret};
use crate::report::WebhookState;
use crate::rt;
use crate::webex::webhooks::{Repair, Seen, Webhook};

/// Kept events are verified again at every try until `inbox.max_age`; this is for deliveries that were under way.
const MARGIN: Duration = Duration::from_mins(1);

/// Gives the new secret to whichever webhook of the gateway does not carry it. Name and target stay.
pub(super) async fn carry<'a>(
    config: &'a Config,
    (name, bot): Named<'a>,
    new: &'a WebhookSecret,
    arguments: &Arguments,
) -> Result<Carried<'a>, Exit> {
    let failed = |failure: Failure| told(name, &failure);
    let reach = Reach::new(config, name, bot).map_err(failed)?;
    let survey = Survey::of(config, &reach).await.map_err(failed)?;
    let behind: Vec<&Webhook> = without(&survey, new).collect();
    let wait = config.inbox.max_age + MARGIN;
    let now = Ok(Standing::of(&survey, new));
    let carried = Carried { bot: name, new, moved: Vec::new(), now, wait, until: None };
    if behind.is_empty() {
        return Ok(carried);
    }
    prove(config, name, new, arguments).await?;
    agree(&behind, (name, bot), arguments).await?;
    let mut moved = Vec::new();
    for webhook in behind {
        let update = reach.client.update_webhook(reach.effort(), &with(webhook, new)).await;
        moved.push((webhook.clone(), update.map_err(|outage| Failure::from(&outage))));
    }
    let until = Some(rt::now().wall + wait);
    Ok(match Survey::of(config, &reach).await {
        Ok(after) => {
            let (moved, now) = (confirmed(moved, &after, new), Standing::of(&after, new));
            let until = until.filter(|_| now.without == 0);
            Carried { moved, now: Ok(now), until, ..carried }
        }
        Err(failure) => Carried { moved, now: Err(failure), ..carried },
    })
}

/// The webhooks that lead to the gateway.
fn here(survey: &Survey) -> impl Iterator<Item = &Webhook> {
    survey.plan.seen.iter().filter(|seen| leads_here(seen)).map(|seen| &seen.webhook)
}

fn without<'a>(survey: &'a Survey, new: &WebhookSecret) -> impl Iterator<Item = &'a Webhook> {
    here(survey).filter(|webhook| webhook.secret.as_ref() != Some(&new.secret))
}

impl Standing {
    fn of(survey: &Survey, new: &WebhookSecret) -> Self {
        Self { here: here(survey).count(), without: without(survey, new).count() }
    }
}

/// What Webex lists counts, and not what it answered.
fn confirmed(moved: Vec<Moved>, after: &Survey, new: &WebhookSecret) -> Vec<Moved> {
    let confirm = |(webhook, answer): Moved| {
        let listed = after.plan.seen.iter().find(|seen| seen.webhook.id == webhook.id);
        let result = match listed {
            Some(seen) if seen.webhook.secret.as_ref() == Some(&new.secret) => Ok(()),
            Some(_) => answer.and_then(|()| Err(failure(UNCHANGED, Exit::Unavailable))),
            None => answer.and_then(|()| Err(failure(GONE, Exit::Found))),
        };
        (webhook, result)
    };
    moved.into_iter().map(confirm).collect()
}

const UNCHANGED: &str = "Webex took the new secret, and lists another one";
const GONE: &str = "somebody has deleted it meanwhile";

fn failure(why: &str, exit: Exit) -> Failure {
    Failure { why: why.to_owned(), exit }
}

/// What goes elsewhere is the business of `sync` and of nobody.
fn leads_here(seen: &Seen) -> bool {
    let elsewhere = [WebhookState::Bypass, WebhookState::Foreign, WebhookState::WrongTarget];
    !seen.states.iter().any(|state| elsewhere.contains(state))
}

fn with(webhook: &Webhook, new: &WebhookSecret) -> Repair {
    Repair {
        id: webhook.id.clone(),
        name: webhook.name.clone(),
        target: webhook.target.clone(),
        secret: Some(new.secret.clone()),
        activate: false,
    }
}

/// A gateway that does not accept the new secret would turn every event away, and Webex would switch the webhook off.
async fn prove(
    config: &Config,
    name: &str,
    new: &WebhookSecret,
    arguments: &Arguments,
) -> Result<(), Exit> {
    if arguments.no_canary {
        return Ok(());
    }
    let url = door(config, name, arguments.gateway.as_ref())?;
    canary::sing(&url, &new.secret).await.map_err(|unproved| {
        fail(&unproved.to_string());
        match unproved {
            Unproved::Unreachable { .. } => Exit::Unavailable,
            Unproved::Refused { .. } | Unproved::Meaningless { .. } => Exit::Found,
        }
    })?;
    say("The gateway here accepts the new secret; so must every other of this bot.\n");
    Ok(())
}

/// Where a route of the bot is on this machine.
fn door(config: &Config, bot: &str, given: Option<&Url>) -> Result<Url, Exit> {
    let path = config.routes.values().find(|route| *route.bot == *bot).map(|route| &route.path);
    let own = config.server.listen.address().map(|listen| format!("http://{}", called(listen)));
    let url = match given {
        Some(url) => Some(url.clone()),
        None if config.server.tls.is_some() => None,
        None => own.and_then(|own| crate::cli::send::loopback(&own).ok()),
    };
    let (Some(mut url), Some(path)) = (url, path) else {
        fail(
            "the gateway cannot be asked at `server.listen`: only plain http on this machine\n  \
             say where it is with --gateway, or go on without asking with --no-canary",
        );
        return Err(Exit::Usage);
    };
    url.set_path(path);
    Ok(url)
}

async fn agree(
    behind: &[&Webhook],
    (name, bot): (&str, &Bot),
    arguments: &Arguments,
) -> Result<(), Exit> {
    for webhook in behind {
        let (webhook_name, event) = (short(&webhook.name), event(webhook));
        let secret = secret(webhook, bot);
        say(&format!("~ update  {name} {webhook_name}  {event}  secret {secret} → new\n"));
    }
    let webhooks = count(behind.len(), "webhook");
    arguments.consent.obtain(&format!("Give the new secret to {webhooks}?")).await
}
