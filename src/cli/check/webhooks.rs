//! What leads to the gateway, and what goes around it.

use std::sync::Arc;

use super::{Finding, State};
use crate::config::{Config, Manage};
use crate::report::WebhookState;
use crate::report::outage::Outage;
use crate::webex::webhooks::{Desired, Health, Plan, plan};
use crate::webex::{Claim, Client};

/// Nothing where the configuration does not look after them, or does not say where the gateway is.
pub(super) async fn look(
    config: &Config,
    name: &Arc<str>,
    client: &Client,
) -> Option<Result<Finding, Outage>> {
    let bot = config.bots.get(name)?;
    if bot.webhooks.manage == Manage::None {
        return None;
    }
    let desired = Desired::of(config, name, Health::Steady)?;
    let actual = client.webhooks(client.effort(Claim::Regular)).await;
    Some(actual.map(|actual| finding(name, &plan(&desired, &actual))))
}

/// What a check calls its row.
pub(super) fn subject(name: &str) -> String {
    format!("{name} webhooks")
}

fn finding(name: &str, plan: &Plan) -> Finding {
    let counts = plan.counts();
    let fine = |(state, _): &(WebhookState, usize)| {
        matches!(state, WebhookState::Ok | WebhookState::Foreign)
    };
    let state = if counts.iter().all(fine) { State::Ok } else { State::Fail };
    let more = if state == State::Ok { "" } else { "  (botwarden webhooks list)" };
    let words: Vec<String> = counts.iter().map(|(state, count)| words(*state, *count)).collect();
    let found = plan.seen.len();
    let colon = if words.is_empty() { "" } else { ": " };
    Finding::new(subject(name), state, format!("{found} found{colon}{}{more}", words.join(", ")))
}

fn words(state: WebhookState, count: usize) -> String {
    let is_one = count == 1;
    match state {
        WebhookState::Bypass if is_one => "1 BYPASSES the gateway".to_owned(),
        WebhookState::Bypass => format!("{count} BYPASS the gateway"),
        WebhookState::SecretDiffers => format!("{count} with another secret"),
        WebhookState::WrongTarget => format!("{count} with a wrong target"),
        WebhookState::Duplicate
        | WebhookState::Foreign
        | WebhookState::Inactive
        | WebhookState::Missing
        | WebhookState::Ok
        | WebhookState::Unsigned => format!("{count} {}", state.label()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_in_words() {
        for (state, count, told) in [
            (WebhookState::Ok, 2, "2 ok"),
            (WebhookState::Bypass, 1, "1 BYPASSES the gateway"),
            (WebhookState::Bypass, 3, "3 BYPASS the gateway"),
            (WebhookState::SecretDiffers, 1, "1 with another secret"),
            (WebhookState::Missing, 4, "4 missing"),
        ] {
            assert_eq!(words(state, count), told);
        }
        let empty = Plan { seen: Vec::new(), missing: Vec::new(), changes: Vec::new() };
        let finding = finding("helpdesk", &empty);
        assert_eq!((finding.state, finding.note.as_str()), (State::Ok, "0 found"));
    }
}
