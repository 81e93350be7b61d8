//! How things stand, gathered from what was told: for a screen, where metrics are for graphs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::lifecycle::Lifecycle;
use super::{Happening, RoomState, RouteScope, Scope, Upkeep, WebhookState};

/// Every word for a verdict.
const VERDICTS: [&str; 5] = ["allow", "deny", "expired", "reject", "skip"];

/// How things stand. No room, no person, no secret.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The fingerprint of the configuration in force.
    pub fingerprint: Box<str>,
    /// Its routes.
    pub routes: Vec<RouteScope>,
    /// Its bots.
    pub bots: BTreeMap<Arc<str>, BotStanding>,
    /// Verdicts since the start, by their word.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// The last attempt to put another configuration in force.
    pub reload: Option<Reload>,
}

/// What is known of a bot.
#[derive(Clone, Debug, Default)]
pub struct BotStanding {
    /// Whether Webex accepts its token, or why not; nothing before Webex has said so.
    pub token: Option<Result<(), &'static str>>,
    /// How many of its webhooks are in which state, and when that was; nothing before somebody has looked.
    pub webhooks: Option<Counted<WebhookState>>,
    /// How many of its rooms are in which state, and when the audit ended that found it.
    pub audit: Option<Counted<RoomState>>,
}

/// How many are in which state.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    /// States that are not named have none.
    pub counts: Vec<(S, usize)>,
    /// When.
    pub at: SystemTime,
}

/// An attempt to put another configuration in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// When.
    pub at: SystemTime,
    /// Whether it is in force, or how many mistakes it has.
    pub result: Result<(), usize>,
}

/// The same, kept up to date.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Standing>);

impl Board {
    pub(super) fn new(scope: &Scope) -> Self {
        let board = Self::default();
        board.locked().verdicts = VERDICTS.map(|verdict| (verdict, 0)).into();
        board.renew(scope);
        board
    }

    /// What is known of a bot that stays, stays.
    pub(super) fn renew(&self, scope: &Scope) {
        let mut standing = self.locked();
        standing.fingerprint.clone_from(&scope.fingerprint);
        standing.routes.clone_from(&scope.routes);
        let known = std::mem::take(&mut standing.bots);
        let of = |bot: &Arc<str>| known.get(bot).cloned().unwrap_or_default();
        standing.bots = scope.routes.iter().map(|r| (Arc::clone(&r.bot), of(&r.bot))).collect();
    }

    pub(super) fn seen(&self) -> Standing {
        self.locked().clone()
    }

    pub(super) fn note(&self, happening: &Happening<'_>) {
        match happening {
            Happening::Decided(decision) => self.count(decision.verdict.label()),
            Happening::TurnedAway { refusal, .. } => self.count(refusal.family().label()),
            Happening::Lifecycle(turn) => self.reloaded(&turn.what, turn.at),
            Happening::TokenChecked { bot, problem } => {
                let token = problem.map_or(Ok(()), |outage| Err(outage.kind.label()));
                self.bot(bot, |standing| standing.token = Some(token));
            }
            Happening::Upkeep { bot, upkeep: Upkeep::Webhooks { counts, at, .. } } => {
                self.bot(bot, |standing| {
                    standing.webhooks = Some(Counted { counts: counts.to_vec(), at: *at });
                });
            }
            Happening::Upkeep { bot, upkeep: Upkeep::Audited { rooms, at, .. } } => {
                self.bot(bot, |standing| {
                    standing.audit = Some(Counted { counts: rooms.to_vec(), at: *at });
                });
            }
            Happening::CallBegan { .. }
            | Happening::CallEnded { .. }
            | Happening::Deferred { .. }
            | Happening::Delivered { .. }
            | Happening::Evicted { .. }
            | Happening::RateLimited { .. }
            | Happening::RosterAsked { .. }
            | Happening::Staged { .. }
            | Happening::Upkeep { .. }
            | Happening::WebexCalled { .. } => {}
        }
    }

    fn count(&self, verdict: &'static str) {
        let mut standing = self.locked();
        let count = standing.verdicts.entry(verdict).or_default();
        *count = count.saturating_add(1);
    }

    fn reloaded(&self, what: &Lifecycle<'_>, at: SystemTime) {
        let result = match what {
            Lifecycle::Reloaded { .. } => Ok(()),
            Lifecycle::NotReloaded { problems } => Err(*problems),
            Lifecycle::Draining
            | Lifecycle::Enforced { .. }
            | Lifecycle::Started
            | Lifecycle::Stopped { .. } => return,
        };
        self.locked().reload = Some(Reload { at, result });
    }

    /// Of a bot that left with the last configuration, what comes late is not told.
    fn bot(&self, bot: &str, note: impl FnOnce(&mut BotStanding)) {
        if let Some(standing) = self.locked().bots.get_mut(bot) {
            note(standing);
        }
    }

    /// A panic elsewhere leaves it whole: each change is one assignment.
    fn locked(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::policy::Mode;
    use crate::report::Turn;

    fn scope(bots: &[&str]) -> Scope {
        let route = |bot: &&str| RouteScope {
            name: (*bot).into(),
            bot: (*bot).into(),
            mode: Mode::Enforce,
        };
        let routes = bots.iter().map(route).collect();
        Scope { routes, fingerprint: "5f0c21e9".into(), ..Scope::default() }
    }

    fn accepted(bot: &str) -> Happening<'_> {
        Happening::TokenChecked { bot, problem: None }
    }

    #[test]
    fn every_verdict_is_there_from_the_start() {
        let standing = Board::new(&scope(&["a"])).seen();
        let all = [("allow", 0), ("deny", 0), ("expired", 0), ("reject", 0), ("skip", 0)];
        assert_eq!(standing.verdicts.into_iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn what_is_known_of_a_bot_outlives_a_reload_and_leaves_with_the_bot() {
        let board = Board::new(&scope(&["a", "b"]));
        board.note(&accepted("a"));
        board.note(&accepted("b"));
        board.renew(&scope(&["a", "c"]));
        board.note(&accepted("b"));
        let known: Vec<_> =
            board.seen().bots.into_iter().map(|(bot, known)| (bot, known.token)).collect();
        assert_eq!(known, [("a".into(), Some(Ok(()))), ("c".into(), None)]);
    }

    #[test]
    fn the_last_reload_is_told() {
        let board = Board::new(&Scope::default());
        assert_eq!(board.seen().reload, None);
        let at = SystemTime::UNIX_EPOCH;
        let turn = Turn { at, what: Lifecycle::NotReloaded { problems: 3 } };
        board.note(&Happening::Lifecycle(&turn));
        board.note(&Happening::Lifecycle(&Turn { at, what: Lifecycle::Draining }));
        assert_eq!(board.seen().reload, Some(Reload { at, result: Err(3) }));
    }
}
