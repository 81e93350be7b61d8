//! `botwarden webhooks rotate-secret`: first the gateway accepts both secrets, then the webhooks carry the new one,
//! then the old one goes. Each step can be repeated, and no event is lost between them.

mod canary;
mod carry;
mod done;
mod fresh;
mod prepare;
mod reuse;
mod stage;
mod words;

use clap::Args;
use url::Url;

use super::reach::{bot, public_url};
use crate::cli::Global;
use crate::cli::common::{fail, load_or_tell};
use crate::cli::consent::Consent;
use crate::cli::exit::Exit;
use crate::cli::send::loopback;
use stage::{Stage, stage};

/// Give the webhooks of a bot a new secret, without losing an event
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden webhooks rotate-secret helpdesk\n  botwarden webhooks rotate-secret helpdesk --yes --no-canary",
    after_help = "It is called twice. The first call makes a new secret beside the present one and says what to write in gateway.yaml. Once every gateway accepts both, the second call gives the new one to the webhooks and says when the old one may go."
)]
pub(super) struct Arguments {
    /// The bot
    #[arg(value_name = "BOT")]
    bot: String,
    /// The gateway on this machine that is asked whether it accepts the new secret, by two calls that cannot become
    /// events; else the one at `server.listen`
    #[arg(long, value_name = "URL", value_parser = loopback, conflicts_with = "no_canary")]
    gateway: Option<Url>,
    /// Ask no gateway, because they run elsewhere: all of them accept both secrets
    #[arg(long)]
    no_canary: bool,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(arguments: &Arguments, global: &Global) -> Exit {
    match rotate(arguments, global).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn rotate(arguments: &Arguments, global: &Global) -> Result<Exit, Exit> {
    let config = load_or_tell(global)?;
    public_url(&config)?;
    let (name, bot) = bot(&config, &arguments.bot)?;
    let stage = stage(&bot.secrets, &fresh::written).map_err(|unclear| {
        fail(&format!("bot `{name}`: {unclear}"));
        Exit::Config
    })?;
    match stage {
        Stage::Prepare(present) => prepare::prepare(name, present, global),
        Stage::Move(pair) => {
            Ok(carry::carry(&config, (name, bot), pair.new, arguments).await?.tell(global))
        }
    }
}
