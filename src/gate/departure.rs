//! May the bot leave a room by itself? Rules, in order:
//!
//! 1. Two lists of this very room, the second begun at least [`APART`] after the first, whatever the wall clock says.
//! 2. Each is complete: every page, the bot itself in it, and the organisation of everybody known.
//! 3. Each names somebody whose organisation is surely not allowed.
//! 4. Both name the same outsiders.
//! 5. The bot leaves within [`STANDS`] after the second was begun: whoever was an outsider may have gone since.
//!
//! Whatever could not be found out is no reason to leave: a script that took an error for a "no" once made bots leave
//! rooms because Webex had answered 429.

use std::time::Duration;

use super::id::{Key, Person, Room};
use super::moment::Moment;
use super::policy::{Audience, incomplete};
use super::refusal::Refusal;
use super::roster::{Roster, Standing};

/// Long enough that one wrong answer of one server is not simply repeated.
pub const APART: Duration = Duration::from_secs(2);

/// Long enough for a list of several pages and one call; not for waiting until Webex takes calls again.
pub const STANDS: Duration = Duration::from_secs(5);

/// What a whole list makes of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Everybody is allowed.
    Clean,
    /// Somebody surely is not, for this reason.
    Outsiders(Refusal),
    /// It could not be found out, for this reason: not clean, and never a reason to act.
    Unknown(Refusal),
}

/// What a list says, read to its end just now.
pub fn class(roster: &Roster, audience: &Audience) -> Class {
    if let Some(reason) = incomplete(roster, audience) {
        return Class::Unknown(reason);
    }
    let objections = audience.outsiders(roster).map(|(_, _, refusal)| refusal);
    match objections.min_by_key(|refusal| (is_unknown(*refusal), refusal.rule())) {
        None => Class::Clean,
        Some(refusal) if is_unknown(refusal) => Class::Unknown(refusal),
        Some(refusal) => Class::Outsiders(refusal),
    }
}

/// Somebody of whom nobody knows where they belong is refused, but is not known to be an outsider.
fn is_unknown(refusal: Refusal) -> bool {
    refusal == Refusal::OrgMissing
}

/// Two complete lists agree that there are outsiders in the room: the only thing that makes the bot leave.
///
/// ```compile_fail,E0451
/// // Only `confirm` makes one.
/// let forged = botwarden::gate::departure::Departure { room: todo!(), outsiders: 1, read: todo!() };
/// ```
#[derive(Debug)]
pub struct Departure {
    room: Key<Room>,
    outsiders: usize,
    read: Moment,
}

impl Departure {
    /// The room to leave.
    pub fn room(&self) -> Key<Room> {
        self.room
    }

    /// How many outsiders are in it.
    pub fn outsiders(&self) -> usize {
        self.outsiders
    }

    /// Rule 5: for how long it still says that the room may be left.
    pub fn stands(&self, now: Moment) -> Result<Duration, Unconfirmed> {
        let left = STANDS.checked_sub(now.since(self.read)).filter(|left| !left.is_zero());
        left.ok_or(Unconfirmed::Stale)
    }
}

/// Why the bot stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconfirmed {
    /// The lists are of two rooms.
    #[error("the two lists are of two rooms")]
    AnotherRoom,
    /// One of the lists shows no outsider.
    #[error("there is no outsider in it (any more)")]
    Clean,
    /// They name different outsiders.
    #[error("the two lists do not agree")]
    Differs,
    /// One of the lists does not show everybody, or does not say where everybody belongs.
    #[error("the list is not complete")]
    Incomplete,
    /// Webex does not say what kind of room it is, or says two things.
    #[error("Webex does not tell for sure what kind of room it is")]
    Odd,
    /// Too much time passed after the second.
    #[error("the second list is too old by now")]
    Stale,
    /// The second began too soon after the first.
    #[error("the second list was read too soon after the first")]
    TooSoon,
}

impl Unconfirmed {
    /// The word for it in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::AnotherRoom => "another_room",
            Self::Clean => "clean_now",
            Self::Differs => "lists_differ",
            Self::Incomplete => "list_incomplete",
            Self::Odd => "membership_odd",
            Self::Stale => "list_stale",
            Self::TooSoon => "too_soon",
        }
    }
}

/// Rules 1 to 4. `audience` is the widest of the bot's routes: an outsider for it is one for every route.
pub fn confirm(
    first: &Roster,
    second: &Roster,
    audience: &Audience,
) -> Result<Departure, Unconfirmed> {
    if first.room() != second.room() {
        return Err(Unconfirmed::AnotherRoom);
    }
    if second.read().surely_since(first.read()) < APART {
        return Err(Unconfirmed::TooSoon);
    }
    let (before, now) = (sure_outsiders(first, audience)?, sure_outsiders(second, audience)?);
    if before != now {
        return Err(Unconfirmed::Differs);
    }
    Ok(Departure { room: second.room(), outsiders: now.len(), read: second.read() })
}

type Outsider = (Key<Person>, Standing);

fn sure_outsiders(roster: &Roster, audience: &Audience) -> Result<Vec<Outsider>, Unconfirmed> {
    let outsiders: Vec<_> = audience.outsiders(roster).collect();
    let unsure = outsiders.iter().any(|(_, _, refusal)| is_unknown(*refusal));
    if unsure || incomplete(roster, audience).is_some() {
        return Err(Unconfirmed::Incomplete);
    }
    if outsiders.is_empty() {
        return Err(Unconfirmed::Clean);
    }
    Ok(outsiders.into_iter().map(|(person, standing, _)| (person, standing)).collect())
}

#[cfg(test)]
#[path = "departure_tests.rs"]
mod tests;
