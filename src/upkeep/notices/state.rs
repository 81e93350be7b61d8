//! What was seen and said, for as many rooms as are remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::recent::Recent;
use super::{Seen, TWICE, What, text};
use crate::config::Notices;
use crate::gate::id::{Key, Person, Room};
use crate::gate::moment::Moment;
use crate::report::NoticeKind;

/// More rooms than a bot is refused in at a time; some hundred bytes each.
const ROOMS: usize = 4096;
/// Rooms, each with a few people who talk to the bot there.
const ACTORS: usize = 16_384;

/// Of one bot.
#[derive(Debug)]
pub(in crate::upkeep) struct State {
    rooms: Recent<Key<Room>, Known>,
    actors: Recent<(Key<Room>, Key<Person>), Said>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    standing: Standing,
    said: Said,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    NotRefused,
    Refused,
}

#[derive(Clone, Debug, Default)]
struct Said(BTreeMap<NoticeKind, Moment>);

impl Default for State {
    fn default() -> Self {
        Self { rooms: Recent::new(ROOMS), actors: Recent::new(ACTORS) }
    }
}

impl State {
    /// Whether anybody wants to know when this room is clean again.
    pub(in crate::upkeep) fn awaited(&self, room: Key<Room>) -> Option<Key<Room>> {
        let known = self.rooms.peek(room)?;
        (known.standing == Standing::Refused).then_some(room)
    }

    /// Rules 3 and 4.
    pub(super) fn refused(
        &mut self,
        seen: Seen,
        now: Moment,
        notices: &Notices,
    ) -> Option<NoticeKind> {
        let known = self.rooms.touch(seen.room);
        let before = std::mem::replace(&mut known.standing, Standing::Refused);
        let first = match before {
            Standing::NotRefused => known.said.once(NoticeKind::Refused, now, notices),
            Standing::Refused => None,
        };
        match (first, seen.what) {
            (None, What::Spoken(_)) if known.said.since(NoticeKind::Refused, now) >= TWICE => {
                known.said.once(NoticeKind::StillRefused, now, notices)
            }
            (said, _) => said,
        }
    }

    /// Rule 5.
    pub(super) fn cleared(
        &mut self,
        room: Key<Room>,
        now: Moment,
        notices: &Notices,
    ) -> Option<NoticeKind> {
        self.awaited(room)?;
        let known = self.rooms.touch(room);
        known.standing = Standing::NotRefused;
        known.said.once(NoticeKind::AllowedAgain, now, notices)
    }

    /// Rule 6.
    pub(super) fn actor(
        &mut self,
        who: (Key<Room>, Key<Person>),
        now: Moment,
        notices: &Notices,
    ) -> Option<NoticeKind> {
        self.actors.touch(who).once(NoticeKind::Actor, now, notices)
    }

    /// Rule 7.
    pub(super) fn ops(
        &mut self,
        room: Key<Room>,
        now: Moment,
        notices: &Notices,
    ) -> Option<NoticeKind> {
        self.rooms.touch(room).said.once(NoticeKind::OpsRoom, now, notices)
    }
}

impl Said {
    /// Rule 8.
    fn once(&mut self, kind: NoticeKind, now: Moment, notices: &Notices) -> Option<NoticeKind> {
        text(kind, notices)?;
        if self.since(kind, now) < notices.at_most_every {
            return None;
        }
        self.0.insert(kind, now);
        Some(kind)
    }

    fn since(&self, kind: NoticeKind, now: Moment) -> Duration {
        self.0.get(&kind).map_or(Duration::MAX, |said| now.since(*said))
    }
}
