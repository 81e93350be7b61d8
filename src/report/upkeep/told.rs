//! The ordinary log.

use super::{Known, RoomState, Upkeep, WebhookState};

/// The log line that a person should see.
pub(in crate::report) fn log(bot: &str, upkeep: &Upkeep<'_>) {
    match upkeep {
        Upkeep::Audited { rooms, took, .. } => {
            let count =
                |state| rooms.iter().filter(|(of, _)| *of == state).map(|(_, n)| n).sum::<usize>();
            let (clean, outsiders, unknown) =
                (count(RoomState::Clean), count(RoomState::Outsiders), count(RoomState::Unknown));
            let took_s = took.as_secs_f64();
            if outsiders + unknown == 0 {
                tracing::info!(bot, clean, took_s, "audit: every room is clean");
            } else {
                tracing::warn!(
                    bot,
                    clean,
                    outsiders,
                    unknown,
                    took_s,
                    "audit: some rooms are not clean"
                );
            }
        }
        Upkeep::AuditFailed { outage } => {
            tracing::warn!(bot, cause = %outage, "the audit did not come to its end; nothing was left");
        }
        Upkeep::RoomLeft { room, result: Ok(how), outsiders, .. } => {
            tracing::warn!(bot, room = ?room, how, outsiders, "the bot left a room with outsiders");
        }
        Upkeep::RoomLeft { room, result: Err(outage), .. } => {
            tracing::warn!(bot, room = ?room, cause = %outage, "the bot could not leave a room with outsiders");
        }
        Upkeep::RoomKept { room, why } => {
            tracing::warn!(bot, room = ?room, why, "the bot stays in a room, and is silent there");
        }
        Upkeep::Webhooks { counts, known: Known::News, .. } => webhooks(bot, counts),
        Upkeep::WebhookChanged { change, state, event, id, from, result } => {
            let (change, state) = (change.label(), state.label());
            match result {
                Ok(()) => {
                    tracing::info!(bot, change, state, event, id, from, "webhook put in order");
                }
                Err(outage) => {
                    tracing::warn!(bot, change, state, event, id, from, cause = %outage, "webhook could not be put in order");
                }
            }
        }
        Upkeep::Noticed { kind, room, result: Err(outage) } => {
            tracing::warn!(bot, notice = kind.label(), room = ?room, cause = %outage, "could not tell");
        }
        Upkeep::Noticed { kind, room, result: Ok(()) } => {
            tracing::info!(bot, notice = kind.label(), room = ?room, "told");
        }
        Upkeep::RoomFound { .. }
        | Upkeep::RoomLeaving { .. }
        | Upkeep::Webhooks { known: Known::Already, .. } => {}
    }
}

/// One warning for each state that is not as it should be.
fn webhooks(bot: &str, counts: &[(WebhookState, usize)]) {
    for (state, count) in counts.iter().filter(|(_, count)| *count > 0) {
        let advice = match state {
            WebhookState::Ok | WebhookState::Foreign => continue,
            WebhookState::Bypass => "events reach the bot without being checked",
            WebhookState::Duplicate => "the bot gets events twice",
            WebhookState::Inactive => "Webex has switched it off, and sends nothing",
            WebhookState::Missing => "the bot does not hear of this",
            WebhookState::SecretDiffers | WebhookState::Unsigned => {
                "its events are turned away, and Webex will switch it off"
            }
            WebhookState::WrongTarget => "its events do not arrive",
        };
        tracing::warn!(bot, state = state.label(), count, "webhook: {advice}");
    }
}
