//! Telling what happened: one [`Happening`] becomes a log line, a metric and a record.

pub mod outage;

use std::time::Duration;

/// Something worth telling. Every field is safe to write down: no secret, no body, no name of a person.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// A call to the Webex API ended.
    WebexCalled {
        /// The bot whose token was used.
        bot: &'a str,
        /// `people_me`, `memberships`, …
        operation: &'static str,
        /// The HTTP status, or `None` when there was no answer.
        status: Option<u16>,
        /// How long it took.
        took: Duration,
    },
    /// Webex asked us to slow down.
    RateLimited {
        /// The bot whose token was used.
        bot: &'a str,
        /// For how long.
        wait: Duration,
    },
    /// Somebody asked who is in a room.
    RosterAsked {
        /// The bot that asked.
        bot: &'a str,
        /// Where the answer came from.
        source: RosterSource,
    },
}

/// Where the knowledge about a room came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RosterSource {
    /// Another event had asked already, and its reading served.
    Coalesced,
    /// It could not be found out.
    Error,
    /// It was known and young enough.
    Hit,
    /// It was read.
    Miss,
    /// It was known to be unclean, and Webex could not be asked again.
    StaleDeny,
}

impl RosterSource {
    /// The word for it in metrics and records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Coalesced => "coalesced",
            Self::Error => "error",
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::StaleDeny => "stale_deny",
        }
    }
}

/// Takes happenings. Shared by everything that has something to tell.
#[derive(Debug, Default)]
pub struct Reporter {}

impl Reporter {
    /// Tells it.
    pub fn emit(&self, happening: &Happening<'_>) {
        tracing::debug!(?happening);
    }

    /// All metrics, in the text format of `OpenMetrics`.
    #[expect(clippy::unused_self, reason = "nothing is counted yet")]
    pub fn scrape(&self) -> String {
        "# EOF\n".to_owned()
    }
}
