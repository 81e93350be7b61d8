//! What becomes of the gateway itself: so that a gap in the records can be explained.

use std::time::SystemTime;

/// Something that happened to the gateway as a whole. Each is a record, in the same chain as the verdicts.
#[derive(Clone, Debug)]
pub enum Lifecycle<'a> {
    /// It takes events from now on.
    Started,
    /// Another configuration is in force from now on.
    Reloaded {
        /// The fingerprint of the configuration before.
        old: &'a str,
        /// The fingerprint of the one in force.
        new: &'a str,
    },
    /// A configuration was offered and is not in force: it has mistakes. The old one stays.
    NotReloaded {
        /// How many.
        problems: usize,
    },
    /// A route no longer observes: its date has come.
    Enforced {
        /// Which.
        route: &'a str,
    },
    /// Somebody asked it to end, or to take no more events; it still takes those that come.
    Draining,
    /// It has ended; everything has its record.
    Stopped {
        /// Events that expired because it ended.
        expired: usize,
    },
}

/// When, and what.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    /// When.
    pub at: SystemTime,
    /// What.
    pub what: Lifecycle<'a>,
}

/// What an event goes through, for the time that each part takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Its signature, at the door.
    Verify,
    /// From the question who is in the room to the answer: what is known, or a reading.
    Ask,
    /// One list read from Webex, all pages.
    Fetch,
    /// The rules.
    Judge,
    /// The bot.
    Forward,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 5] = [Self::Verify, Self::Ask, Self::Fetch, Self::Judge, Self::Forward];

    /// The word for it in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Ask => "ask",
            Self::Fetch => "fetch",
            Self::Judge => "judge",
            Self::Forward => "forward",
        }
    }
}
