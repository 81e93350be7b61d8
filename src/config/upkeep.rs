//! What is done besides clearing events: webhooks kept alive, rooms kept clean, people told.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::gate::id::RoomId;

/// `bots.*.webhooks`
#[derive(Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// How far the gateway goes by itself.
    pub manage: Manage,
    /// Between two looks.
    pub every: Duration,
    /// Targets that are known and left alone, word for word; none that is a route's.
    pub foreign: Vec<Box<str>>,
}

/// Addresses may hold secrets: they are counted.
impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { manage, every, foreign } = self;
        let foreign = foreign.len();
        f.debug_struct("Webhooks")
            .field("manage", manage)
            .field("every", every)
            .field("foreign", &foreign)
            .finish()
    }
}

/// `bots.*.webhooks.manage`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manage {
    /// They are not looked at.
    None,
    /// They are looked at, and told about.
    Check,
    /// They are made and repaired.
    Ensure,
}

/// `bots.*.audit`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Between two audits of the running gateway; `None` for none.
    pub every: Option<Duration>,
    /// Minutes after midnight, UTC, at which the first of a day begins.
    pub at: Option<u16>,
    /// Calls a second, at most.
    pub requests_per_second: u32,
    /// Where reports go, and what is remembered about who added the bot.
    pub reports: Option<Reports>,
    /// Whether the bot leaves rooms by itself.
    pub leave: Leave,
    /// More than this is not left in one go.
    pub max_leave: MaxLeave,
    /// What is said in a group room before it is left.
    pub farewell: Option<Farewell>,
}

/// `bots.*.audit.reports`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reports {
    /// The directory.
    pub dir: PathBuf,
    /// Older reports are removed.
    pub keep: Duration,
}

/// `bots.*.audit.leave_rooms_with_outsiders`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It stays, and is silent.
    Never,
    /// After two complete readings that agree.
    Confirmed,
}

/// `bots.*.audit.max_leave`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxLeave {
    /// So many rooms.
    Rooms(usize),
    /// So many of a hundred of the bot's rooms.
    Percent(u8),
}

impl MaxLeave {
    /// How many rooms that is of so many; a percentage of few rooms still allows one.
    pub fn of(self, rooms: usize) -> usize {
        match self {
            Self::Rooms(most) => most,
            Self::Percent(percent) => (rooms.saturating_mul(percent.into()) / 100).max(1),
        }
    }
}

/// `bots.*.audit.farewell`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The text.
    pub text: Box<str>,
    /// Once in this time and room.
    pub at_most_every: Duration,
}

/// `policy.on_deny`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notices {
    /// Who is told that something was refused.
    pub notify: Notify,
    /// What they are told.
    pub text: Box<str>,
    /// Once in this time, for each room and kind of notice.
    pub at_most_every: Duration,
    /// Said in the room when it is refused for the first time.
    pub refused: Option<Box<str>>,
    /// Said in the room when somebody talks to the bot there all the same.
    pub still_refused: Option<Box<str>>,
    /// Said in the room when it is clean again.
    pub allowed_again: Option<Box<str>>,
}

/// `policy.on_deny.notify`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Whoever caused the event, in their direct room with the bot, if their organisation is allowed.
    Actor,
    /// Nobody.
    None,
    /// A room of the operators, if it is clean.
    OpsRoom(RoomId),
}
