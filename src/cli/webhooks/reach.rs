//! Which bots a command is about, and how Webex is asked about their webhooks.

use std::sync::Arc;

use url::Url;

use crate::cli::common::{self, fail, tamed};
use crate::cli::exit::Exit;
use crate::config::{self, Bot, Config};
use crate::report::Reporter;
use crate::report::outage::{Kind, Outage};
use crate::webex::webhooks::Webhook;
use crate::webex::{Claim, Client, Effort};

/// One bot, and a way to ask Webex with its token.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    pub(super) name: &'a Arc<str>,
    pub(super) bot: &'a Bot,
    pub(super) client: Client,
}

/// Why a bot's webhooks could not be had or changed, in words, and how that ends the program.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    pub(super) exit: Exit,
}

impl From<&Outage> for Failure {
    fn from(outage: &Outage) -> Self {
        let exit = if outage.kind == Kind::Bug { Exit::Config } else { Exit::from(outage.kind) };
        Self { why: common::outage(outage), exit }
    }
}

impl<'a> Reach<'a> {
    pub(super) fn new(config: &Config, name: &'a Arc<str>, bot: &'a Bot) -> Result<Self, Failure> {
        let reporter = Arc::new(Reporter::default());
        let client = Client::new(Arc::clone(name), &bot.token, &config.webex, reporter);
        let client =
            client.map_err(|problem| Failure { why: problem.to_string(), exit: Exit::Config })?;
        Ok(Self { name, bot, client })
    }

    /// All webhooks of the bot.
    pub(super) async fn webhooks(&self) -> Result<Vec<Webhook>, Failure> {
        let listed = self.client.webhooks(self.effort()).await;
        listed.map_err(|outage| Failure::from(&outage))
    }

    /// Somebody sits before a terminal and waits.
    pub(super) fn effort(&self) -> Effort {
        self.client.effort(Claim::Regular)
    }
}

/// Tells why a bot's webhooks could not be had or changed.
pub(super) fn told(name: &str, failure: &Failure) -> Exit {
    fail(&format!("{name}: {}", failure.why));
    failure.exit
}

/// A bot of the configuration.
pub(super) type Named<'a> = (&'a Arc<str>, &'a Bot);

/// These bots, or all of them; or advice.
pub(super) fn bots<'a>(config: &'a Config, names: &[String]) -> Result<Vec<Named<'a>>, Exit> {
    if names.is_empty() {
        return Ok(config.bots.iter().collect());
    }
    let mut found: Vec<_> = names.iter().map(|name| bot(config, name)).collect::<Result<_, _>>()?;
    found.sort_by_key(|(name, _)| *name);
    found.dedup_by_key(|(name, _)| *name);
    Ok(found)
}

/// The bot of this name, or advice.
pub(super) fn bot<'a>(config: &'a Config, name: &str) -> Result<Named<'a>, Exit> {
    config.bots.get_key_value(name).ok_or_else(|| {
        let names: Vec<&str> = config.bots.keys().map(|name| &**name).collect();
        let advice = config::suggestion(name, &names)
            .unwrap_or_else(|| format!("bots: {}", names.join(", ")));
        fail(&format!("there is no bot `{}`\n  {advice}", tamed(name)));
        Exit::Usage
    })
}

/// Without it, nobody can tell a webhook of the gateway from one around it.
pub(super) fn public_url(config: &Config) -> Result<&Url, Exit> {
    config.server.public_url.as_ref().ok_or_else(|| {
        fail(
            "the configuration does not say where Webex finds the gateway\n  \
             add it to gateway.yaml: server: {public_url: https://bots.example.com}, or set BOTWARDEN_PUBLIC_URL",
        );
        Exit::Config
    })
}

/// The exit of several bots: a refused token first, then findings, then what could not be found out.
pub(super) fn worst(exits: impl IntoIterator<Item = Exit>) -> Exit {
    const ORDER: [Exit; 5] =
        [Exit::Bug, Exit::Config, Exit::Denied, Exit::Found, Exit::Unavailable];
    let exits: Vec<Exit> = exits.into_iter().collect();
    ORDER.into_iter().find(|exit| exits.contains(exit)).unwrap_or(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_bot_decides_the_exit() {
        let (fine, found) = (Exit::Fine, Exit::Found);
        assert_eq!(worst([]), Exit::Fine);
        assert_eq!(worst([fine, Exit::Unavailable]), Exit::Unavailable);
        assert_eq!(worst([Exit::Unavailable, found, fine]), found);
        assert_eq!(worst([found, Exit::Denied]), Exit::Denied);
    }
}
