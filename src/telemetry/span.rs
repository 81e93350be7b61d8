//! What an event goes through, as traces tell it.

use std::time::SystemTime;

use crate::gate::trace::SpanId;
use crate::report::RosterSource;
use crate::report::outage::Kind;

/// A part of the way of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its body is read, and its signature proved, at the door.
    Verify,
    /// It waits: for those before it, or for another try.
    Wait,
    /// Somebody finds out who is in the room.
    Ask,
    /// The list is read from Webex. A part of [`Self::Ask`].
    Fetch,
    /// The rules.
    Judge,
    /// The bot.
    Forward,
}

impl Part {
    /// The name of the span.
    pub fn label(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Wait => "inbox wait",
            Self::Ask => "ask",
            Self::Fetch => "fetch",
            Self::Judge => "judge",
            Self::Forward => "forward",
        }
    }
}

/// What is told of it beside its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing.
    Plain,
    /// Where the answer came from.
    Source(RosterSource),
    /// What the bot answered.
    Status(u16),
    /// Why it came to nothing.
    Failed(Kind),
}

/// One part, done.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) part: Part,
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) note: Note,
}
