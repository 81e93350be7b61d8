//! Records for who looks on while they are made: whoever is too slow misses some, and nobody waits for them.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::lifecycle::Turn;
use super::record::{self, Decision, Form, Turned, Verdict};
use super::turns;
use super::upkeep::{self, Upkeep};

/// Records that a slow reader may be behind: a burst of a full second at a few hundred events, some 700 KB. Those of rooms with
/// thousands of outsiders are larger, up to 100 KB each, and come with audits only.
const BEHIND: usize = 1024;

/// A record, and what it can be chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The route, where there is one.
    pub route: Option<Box<str>>,
    /// The bot, where there is one.
    pub bot: Option<Box<str>>,
    /// The verdict, where it is about an event.
    pub verdict: Option<&'static str>,
    /// The record as JSON, one line without its end.
    pub json: Box<str>,
}

impl Told {
    pub(super) fn decision(decision: &Decision<'_>) -> Self {
        Self {
            route: Some(decision.route.into()),
            bot: Some(decision.bot.into()),
            verdict: Some(decision.verdict.label()),
            json: decision.line(Form::Json).into(),
        }
    }

    pub(super) fn turned_away(turned: &Turned<'_>) -> Self {
        Self {
            route: turned.route.map(Into::into),
            bot: None,
            verdict: Some(Verdict::Refused(turned.refusal).label()),
            json: record::turned_away(turned, Form::Json).into(),
        }
    }

    /// Nothing for the start, which nobody can have seen.
    pub(super) fn turn(turn: &Turn<'_>, config: &str) -> Option<Self> {
        let json = turns::line(turn, config, Form::Json)?.into();
        Some(Self { route: None, bot: None, verdict: None, json })
    }

    /// Nothing for what is no record.
    pub(super) fn upkeep(bot: &str, upkeep: &Upkeep<'_>, config: &str) -> Option<Self> {
        let (_at, json) = upkeep::line(bot, upkeep, config, Form::Json)?;
        Some(Self { route: None, bot: Some(bot.into()), verdict: None, json: json.into() })
    }
}

/// Those who look on.
#[derive(Debug)]
pub(super) struct Followers(broadcast::Sender<Arc<Told>>);

impl Default for Followers {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }
}

impl Followers {
    pub(super) fn follow(&self) -> broadcast::Receiver<Arc<Told>> {
        self.0.subscribe()
    }

    /// Costs nothing while nobody looks on: the record is not even written.
    pub(super) fn tell(&self, told: impl FnOnce() -> Option<Told>) {
        if self.0.receiver_count() == 0 {
            return;
        }
        if let Some(mut told) = told() {
            let line = told.json.trim_end();
            if line.len() < told.json.len() {
                told.json = line.into();
            }
            // The last one may have gone this moment.
            let _nobody = self.0.send(Arc::new(told));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Told {
        Told { route: None, bot: None, verdict: Some("deny"), json: text.into() }
    }

    #[test]
    fn nothing_is_written_for_nobody() {
        let followers = Followers::default();
        followers.tell(|| panic!("nobody looks on"));
        drop(followers.follow());
        followers.tell(|| panic!("nobody looks on any more"));
    }

    #[test]
    fn who_is_slow_misses_records_and_learns_how_many() {
        let followers = Followers::default();
        let mut slow = followers.follow();
        for n in 0..BEHIND + 7 {
            followers.tell(|| Some(told(&format!("{n}\n"))));
        }
        let lagged = broadcast::error::TryRecvError::Lagged(7);
        assert_eq!(slow.try_recv().unwrap_err(), lagged);
        assert_eq!(&*slow.try_recv().unwrap().json, "7", "without the end of its line");
    }
}
