//! Who is in the room: organisations, completeness, and when it was read.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use super::id::{Key, Org, Person, Room};
use super::moment::Moment;
use super::policy::Audience;

/// One member as Webex lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The room that the item says it belongs to.
    pub room: Key<Room>,
    /// Who it is.
    pub person: Key<Person>,
    /// What is known about where they belong.
    pub standing: Standing,
}

/// Where a member belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// An account of this organisation.
    Of(Key<Org>),
    /// A guest of this organisation's guest issuer: carries its id, but is not one of its people.
    GuestOf(Key<Org>),
    /// Webex did not say, or said that it could not.
    Unknown,
}

/// Who has a standing in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// One member alone.
    Only(Key<Person>),
    /// Two or more.
    Several,
}

/// How much of the room was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every page, and nothing wrong with any item.
    Whole,
    /// Reading stopped at the first outsider: enough to say no, never enough to say yes.
    UpToOutsider,
    /// Not the whole list: an item of another room, or pages without end.
    Partial,
    /// More members than `max_members`.
    TooLarge,
    /// Webex does not know the room, or the bot is not in it (403, 404).
    Unknown,
}

/// Who is in a room, as read at one moment.
///
/// ```compile_fail,E0451
/// // Only `Builder` makes one.
/// let forged = botwarden::gate::roster::Roster { room: todo!(), members: vec![], standings: vec![], extent: todo!(), read: todo!() };
/// ```
#[derive(Debug)]
pub struct Roster {
    room: Key<Room>,
    members: Vec<(Key<Person>, Standing)>,
    /// Every standing that somebody has, with whoever has it, if it is one alone.
    standings: Vec<(Standing, Bearer)>,
    extent: Extent,
    read: Moment,
}

/// Whether a roster may still support a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Young enough.
    Fresh,
    /// It must be read again before anything passes.
    Stale,
}

impl Roster {
    /// The one constructor: no roster is without the standings of its members.
    fn new(
        room: Key<Room>,
        members: Vec<(Key<Person>, Standing)>,
        extent: Extent,
        read: Moment,
    ) -> Self {
        let mut bearers = HashMap::new();
        for &(person, standing) in &members {
            let bearer = bearers.entry(standing).or_insert(Bearer::Only(person));
            if *bearer != Bearer::Only(person) {
                *bearer = Bearer::Several;
            }
        }
        Self { room, members, standings: bearers.into_iter().collect(), extent, read }
    }

    /// The room that it is about.
    pub fn room(&self) -> Key<Room> {
        self.room
    }

    /// Its members as far as they were read, ordered by person.
    pub fn members(&self) -> &[(Key<Person>, Standing)] {
        &self.members
    }

    /// Every standing that somebody in the list has, once. They are few where the members are many: a room of 5,000
    /// people of one company has two, with the bot's own.
    pub fn standings(&self) -> &[(Standing, Bearer)] {
        &self.standings
    }

    /// How much was read.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// When the reading began: the list is at least as old as that.
    pub fn read(&self) -> Moment {
        self.read
    }

    /// Whether the list names this person.
    pub fn contains(&self, person: Key<Person>) -> bool {
        self.standing(person).is_some()
    }

    /// Where this member belongs; `None` when they are not in the list.
    pub fn standing(&self, person: Key<Person>) -> Option<Standing> {
        found(&self.members, person)
    }

    /// Fresh while it is no older than `ttl`; a list that was asked for at `now` or later always is.
    pub fn freshness(&self, now: Moment, ttl: Duration) -> Freshness {
        if now.since(self.read) <= ttl { Freshness::Fresh } else { Freshness::Stale }
    }
}

/// Puts a roster together, page by page, and stops as soon as enough is known.
#[derive(Debug)]
pub struct Builder<'a> {
    audience: &'a Audience,
    room: Key<Room>,
    members: Vec<(Key<Person>, Standing)>,
    extent: Extent,
    began: Moment,
    reach: Reach,
}

/// How far a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Until it is known that the room is not clean.
    FirstOutsider,
    /// Until everybody is known.
    Everybody,
}

/// How the reading of a list came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There is no next page.
    LastPage,
    /// There is one, but no more of them are read.
    GaveUp,
    /// Webex does not know the room.
    NoSuchRoom,
}

impl<'a> Builder<'a> {
    /// For one room. `audience` is the widest that any route of the bot allows: whoever is outside it is an outsider
    /// for every route. `began` is the moment before the first request.
    pub fn new(room: Key<Room>, audience: &'a Audience, began: Moment) -> Self {
        Self {
            audience,
            room,
            members: Vec::new(),
            extent: Extent::Whole,
            began,
            reach: Reach::FirstOutsider,
        }
    }

    /// Goes on reading behind an outsider: for who must know everybody, as the audit must. The rules say the same about
    /// such a list.
    #[must_use]
    pub fn everybody(self) -> Self {
        Self { reach: Reach::Everybody, ..self }
    }

    /// Takes the items of one page; `Break` when more pages would not change the answer.
    pub fn page(&mut self, items: impl IntoIterator<Item = Member>) -> ControlFlow<()> {
        items.into_iter().try_for_each(|item| self.item(item))
    }

    fn item(&mut self, item: Member) -> ControlFlow<()> {
        if item.room != self.room {
            return self.stop(Extent::Partial);
        }
        self.members.push((item.person, item.standing));
        let admitted = self.audience.admits(item.person, item.standing);
        if !admitted && self.reach == Reach::FirstOutsider {
            return self.stop(Extent::UpToOutsider);
        }
        if self.members.len() > self.audience.max_members {
            return self.stop(Extent::TooLarge);
        }
        ControlFlow::Continue(())
    }

    fn stop(&mut self, extent: Extent) -> ControlFlow<()> {
        self.extent = extent;
        ControlFlow::Break(())
    }

    /// The roster. A list that names somebody twice, or not the bot itself, is not the whole list: Webex shows only
    /// the moderators of a moderated team space to a team member who is not in it.
    pub fn finish(mut self, end: End) -> Roster {
        let members = self.members.len();
        self.members.sort_unstable_by_key(|(person, _)| *person);
        self.members.dedup_by_key(|(person, _)| *person);
        self.members.shrink_to_fit();
        self.extent = match (self.extent, end) {
            (Extent::Whole, End::NoSuchRoom) => Extent::Unknown,
            (Extent::Whole, End::GaveUp) => Extent::Partial,
            (Extent::Whole, End::LastPage) if self.members.len() < members => Extent::Partial,
            (Extent::Whole, End::LastPage)
                if members > 0 && found(&self.members, self.audience.own).is_none() =>
            {
                Extent::Partial
            }
            (extent, End::LastPage | End::GaveUp | End::NoSuchRoom) => extent,
        };
        Roster::new(self.room, self.members, self.extent, self.began)
    }

    /// What is known the moment an outsider is seen to join: the room is not clean, without asking Webex.
    pub fn outsider_joined(
        room: Key<Room>,
        person: Key<Person>,
        standing: Standing,
        at: Moment,
    ) -> Roster {
        Roster::new(room, vec![(person, standing)], Extent::UpToOutsider, at)
    }
}

/// In a list that is ordered by person.
fn found(members: &[(Key<Person>, Standing)], person: Key<Person>) -> Option<Standing> {
    let at = members.binary_search_by_key(&person, |(person, _)| *person).ok()?;
    members.get(at).map(|(_, standing)| *standing)
}
