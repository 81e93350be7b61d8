//! What the gateway says by itself about rooms that are refused. Rules:
//!
//! 1. Only what is known for certain is a reason to say something: an event was refused because of somebody who surely
//!    is an outsider, such a person joined, or a whole and fresh list shows that the room is clean again for every
//!    route. A check that could not find out says nothing.
//! 2. While a route of the bot observes, nothing is said: the bot may be answering there.
//! 3. When a room is seen refused for the first time, `refused` is said in it.
//! 4. When somebody talks to the bot in a room that is refused, `still_refused` is said in it; but not together with
//!    `refused`, nor within [`TWICE`] of it: one message can be two events.
//! 5. When a room that was refused is clean again, `allowed_again` is said in it. It is looked for when who is in the
//!    room has changed.
//! 6. `notify: actor`: who caused a refused event is told, in their direct room with the bot; only if their own
//!    organisation is allowed on every route, and never the bot itself. To an outsider the gateway does not answer.
//! 7. `notify: ops_room`: the operators are told that a room is refused; only in a room that is clean itself, and of no
//!    more than [`AN_HOUR`] rooms an hour: anybody may add the bot to hundreds of rooms, and the records have them all.
//! 8. Each text only if it is configured, and each kind only once per room (6: and person) in `at_most_every`. What
//!    could not be said counts as said: it is told to the operator, and not tried again.
//! 9. Nothing is said about what was seen longer ago than [`YOUNG`]. Before `refused` and `still_refused`, the room is
//!    judged once more, and then they are said in one try within [`SOON`], or not at all: in a room that is clean by
//!    now they would be wrong.
//!
//! A direct room is a room like any other here. A text in one answers the outsider, and shows a room again that was
//! hidden: who does not want that leaves the three texts out, as they are by default.
//!
//! What was said is forgotten at a restart, and when more rooms are refused than are remembered; then it is said once
//! more.

mod state;
mod teller;

use std::time::Duration;

use crate::config::{Notices, Notify};
use crate::gate::id::{Key, Person, Room};
use crate::gate::moment::Moment;
use crate::report::NoticeKind;

pub(super) use state::State;
pub(super) use teller::start;

/// Long enough for the second route to hear of the same message, short enough for nobody to have waited.
const TWICE: Duration = Duration::from_secs(2);

/// Who is told of something older wonders what is meant, and much may have changed since.
const YOUNG: Duration = Duration::from_mins(1);
/// One call; not for waiting until Webex takes calls again.
const SOON: Duration = Duration::from_secs(3);

/// Something that is certain about a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) room: Key<Room>,
    pub(super) what: What,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A whole, fresh list says that everybody is allowed.
    Clean,
    /// An outsider joined.
    Joined,
    /// An event was refused that this person caused.
    Refused(Option<Key<Person>>),
    /// The same, and the event was something said to the bot.
    Spoken(Option<Key<Person>>),
}

impl What {
    fn actor(self) -> Option<Key<Person>> {
        match self {
            Self::Refused(actor) | Self::Spoken(actor) => actor,
            Self::Clean | Self::Joined => None,
        }
    }
}

/// More than that nobody reads.
const AN_HOUR: usize = 60;

/// What is to be said, by rules 3 to 8.
pub(super) fn decide(
    state: &mut State,
    seen: Seen,
    now: Moment,
    notices: &Notices,
) -> Vec<NoticeKind> {
    if seen.what == What::Clean {
        return state.cleared(seen.room, now, notices).into_iter().collect();
    }
    let in_room = state.refused(seen, now, notices);
    let beside = match (&notices.notify, seen.what.actor()) {
        (Notify::Actor, Some(actor)) => state.actor((seen.room, actor), now, notices),
        (Notify::OpsRoom(_), _) => state.ops(seen.room, now, notices),
        (Notify::Actor, None) | (Notify::None, _) => None,
    };
    in_room.into_iter().chain(beside).collect()
}

/// The text of a notice; `None` where none is configured.
fn text(kind: NoticeKind, notices: &Notices) -> Option<&str> {
    match kind {
        NoticeKind::Actor | NoticeKind::OpsRoom => Some(&notices.text),
        NoticeKind::AllowedAgain => notices.allowed_again.as_deref(),
        NoticeKind::Refused => notices.refused.as_deref(),
        NoticeKind::StillRefused => notices.still_refused.as_deref(),
        NoticeKind::Farewell => None,
    }
}

#[cfg(test)]
mod tests;
