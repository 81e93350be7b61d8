//! How it is with the webhooks of a bot, in the words of tables and documents.

use crate::config::{Bot, Config};
use crate::report::WebhookState;
use crate::webex::webhooks::{Desired, Health, Plan, Seen, Webhook, plan};

use super::reach::{Failure, Reach};
use crate::cli::common::tamed;
use crate::cli::exit::Exit;

/// In a table; `--json` has all of it.
const LONGEST: usize = 60;

/// What a bot's webhooks should be, what they are, and what to do about it.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) desired: Desired,
    pub(super) plan: Plan,
}

impl Survey {
    /// Asks Webex. The word of an operator counts as health: what is off may be switched on.
    pub(super) async fn of(config: &Config, reach: &Reach<'_>) -> Result<Self, Failure> {
        let desired = Desired::of(config, reach.name, Health::Steady).ok_or_else(|| Failure {
            why: "it has no route or no `webhook_secret`, so that no webhook can be for it"
                .to_owned(),
            exit: Exit::Config,
        })?;
        let actual = reach.webhooks().await?;
        Ok(Self { plan: plan(&desired, &actual), desired })
    }
}

/// Whether everything is as it should be, apart from what is none of the gateway's business.
pub(super) fn in_order(plan: &Plan) -> bool {
    let fine = |state| matches!(state, WebhookState::Ok | WebhookState::Foreign);
    plan.missing.is_empty() && plan.seen.iter().all(|seen| fine(seen.state()))
}

/// The secret of a webhook, without showing it: the first of the configuration, another of it, one that the gateway
/// does not accept, or none.
pub(super) fn secret(webhook: &Webhook, bot: &Bot) -> &'static str {
    let Some(secret) = &webhook.secret else { return "none" };
    match bot.secrets.iter().position(|known| known.secret == *secret) {
        Some(0) => "match",
        Some(_) => "accepted",
        None => "differs",
    }
}

/// Everything that is wrong with it, the worst first. What goes around the gateway is not to be overlooked.
pub(super) fn state(seen: &Seen) -> String {
    let word = |state: &WebhookState| {
        if *state == WebhookState::Bypass { "BYPASS" } else { state.label() }
    };
    seen.states.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// Such as `messages.created`.
pub(super) fn event(webhook: &Webhook) -> String {
    let filtered = if webhook.filter.is_some() { " (filtered)" } else { "" };
    short(&format!("{}.{}{filtered}", webhook.resource, webhook.event))
}

/// `active` or `inactive`.
pub(super) fn status(webhook: &Webhook) -> &'static str {
    if webhook.active { "active" } else { "inactive" }
}

/// Foreign text as far as a table has room for it.
pub(super) fn short(text: &str) -> String {
    let text = tamed(text);
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_neither_commands_the_terminal_nor_fills_it() {
        assert_eq!(short("a\u{1b}[31mb\n\u{202e}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
        assert_eq!(short(&"ü".repeat(60)), "ü".repeat(60));
        assert_eq!(short(&"ü".repeat(61)), format!("{}…", "ü".repeat(60)));
    }
}
