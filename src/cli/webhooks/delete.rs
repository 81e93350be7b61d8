//! `botwarden webhooks delete`

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::reach::{Failure, Reach, bots, told, worst};
use super::verdict::{event, short};
use crate::cli::common::{self, fail, load_or_tell, print, tamed};
use crate::cli::consent::Consent;
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};
use crate::config::{Bot, Config};
use crate::webex::webhooks::Webhook;

/// Delete one webhook, whatever it is
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden webhooks delete Y2lzY29…\n  botwarden webhooks delete Y2lzY29… --bot helpdesk --yes"
)]
pub(super) struct Arguments {
    /// Its id, as `botwarden webhooks list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Whose it is; else every bot is asked
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(arguments: &Arguments, global: &Global) -> Exit {
    match delete(arguments, global).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn delete(arguments: &Arguments, global: &Global) -> Result<Exit, Exit> {
    let config = load_or_tell(global)?;
    let (reach, webhook) = find(&config, arguments).await?;
    let (name, event) = (short(&webhook.name), event(&webhook));
    let target = short(&webhook.shown_target());
    let what = format!("{} `{name}`, {event} → {target}", reach.name);
    arguments.consent.obtain(&format!("Delete {what}?")).await?;
    let deleted = reach.client.delete_webhook(reach.effort(), &webhook.id).await;
    deleted.map_err(|outage| told(reach.name, &Failure::from(&outage)))?;
    Ok(print(&match global.output() {
        Output::Text => format!("deleted  {what}\n"),
        Output::Json => {
            let document = json!({
                "schema": "botwarden/webhooks-delete/1",
                "at": common::now(),
                "bot": reach.name,
                "id": webhook.id,
                "deleted": true,
            });
            format!("{document:#}\n")
        }
    }))
}

/// Each bot sees its own webhooks only.
async fn find<'a>(config: &'a Config, arguments: &Arguments) -> Result<(Reach<'a>, Webhook), Exit> {
    let mut exits = vec![Exit::Found];
    for (name, bot) in bots(config, arguments.bot.as_slice())? {
        match of_bot(config, name, bot, &arguments.id).await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(failure) => exits.push(told(name, &failure)),
        }
    }
    fail(&format!(
        "no webhook has the id `{}`\n  botwarden webhooks list shows them",
        tamed(&arguments.id)
    ));
    Err(worst(exits))
}

async fn of_bot<'a>(
    config: &Config,
    name: &'a Arc<str>,
    bot: &'a Bot,
    id: &str,
) -> Result<Option<(Reach<'a>, Webhook)>, Failure> {
    let reach = Reach::new(config, name, bot)?;
    let all = reach.webhooks().await?;
    Ok(all.into_iter().find(|webhook| *webhook.id == *id).map(|webhook| (reach, webhook)))
}
