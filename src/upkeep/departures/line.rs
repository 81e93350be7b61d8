//! Rooms that wait to be looked at.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::super::recent::Recent;
use crate::flow::Sighting;
use crate::gate::id::{Key, Room, RoomId};
use crate::gate::moment::Moment;
use crate::rt;

/// At some three seconds each, a quarter of an hour. Audits find those that did not fit.
pub(super) const LONGEST: usize = 256;
/// Long enough for nobody to notice the calls, short enough for a room that Webex could not tell about.
pub(super) const REST: Duration = Duration::from_mins(10);
/// Of which it is known when they were looked at.
const REMEMBERED: usize = 4096;

/// The rooms of one bot.
#[derive(Debug, Default)]
pub(in crate::upkeep) struct Line {
    waiting: Mutex<Waiting>,
    more: Notify,
}

/// Why a room should be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// An outsider or the bot itself has just joined.
    Joined,
    /// An event was refused.
    Refused,
}

#[derive(Debug)]
pub(super) struct Waiting {
    rooms: VecDeque<RoomId>,
    /// The one that is being looked at.
    at: Option<RoomId>,
    looked: Recent<Key<Room>, Option<Moment>>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { rooms: VecDeque::new(), at: None, looked: Recent::new(REMEMBERED) }
    }
}

impl Line {
    /// Rule 2.
    pub(in crate::upkeep) fn hear(&self, sighting: &Sighting) {
        let (room, cause) = match sighting {
            Sighting::Added { room, .. } | Sighting::Membership { room, outsider: true, .. } => {
                (room, Cause::Joined)
            }
            Sighting::Refused { room, .. } => (room, Cause::Refused),
            Sighting::Membership { outsider: false, .. } => return,
        };
        self.waiting().stand(room, cause, rt::now());
        self.more.notify_one();
    }

    /// Waits for the next one.
    pub(super) async fn next(&self) -> RoomId {
        loop {
            let next = self.waiting().call(rt::now());
            match next {
                Some(room) => return room,
                None => self.more.notified().await,
            }
        }
    }

    /// Other rules are in force: what was looked at by the old ones may be looked at again, and what was being looked at
    /// is first in line.
    pub(super) fn again(&self) {
        self.waiting().again();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Rules 2 and 3.
    fn stand(&mut self, room: &RoomId, cause: Cause, now: Moment) {
        let looked = self.looked.peek(room.key()).copied().flatten();
        let rests = looked.is_some_and(|looked| now.since(looked) < REST);
        let there = self.rooms.contains(room) || self.rooms.len() >= LONGEST;
        if !there && (cause == Cause::Joined || !rests) {
            self.rooms.push_back(room.clone());
        }
    }

    /// Looked at from now on: who joins meanwhile has it looked at again.
    fn call(&mut self, now: Moment) -> Option<RoomId> {
        self.at = self.rooms.pop_front();
        let room = self.at.clone()?;
        *self.looked.touch(room.key()) = Some(now);
        Some(room)
    }

    fn again(&mut self) {
        self.looked = Recent::new(REMEMBERED);
        if let Some(room) = self.at.take().filter(|room| !self.rooms.contains(room)) {
            self.rooms.push_front(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::arrival::tests::noon;
    use crate::gate::event::tests::uuid;

    fn room(n: u128) -> RoomId {
        RoomId::parse(&uuid(n)).unwrap()
    }

    fn all(waiting: &mut Waiting, now: Moment) -> Vec<RoomId> {
        std::iter::from_fn(|| waiting.call(now)).collect()
    }

    #[test]
    fn a_room_waits_once_and_only_so_many_wait() {
        let mut waiting = Waiting::default();
        for n in [1, 2, 1, 3, 2] {
            waiting.stand(&room(n), Cause::Refused, noon());
        }
        assert_eq!(all(&mut waiting, noon()), [room(1), room(2), room(3)]);
        for n in 0..1000 {
            waiting.stand(&room(1000 + n), Cause::Joined, noon());
        }
        assert_eq!(all(&mut waiting, noon()).len(), LONGEST);
    }

    #[test]
    fn a_room_rests_unless_somebody_joins() {
        let mut waiting = Waiting::default();
        let at = |seconds| noon().plus(Duration::from_secs(seconds));
        for (second, cause, looked) in [
            (0, Cause::Refused, 1),
            (1, Cause::Refused, 0),
            (599, Cause::Refused, 0),
            (600, Cause::Refused, 1),
            (601, Cause::Joined, 1),
            (602, Cause::Refused, 0),
            (1201, Cause::Refused, 1),
        ] {
            waiting.stand(&room(1), cause, at(second));
            assert_eq!(all(&mut waiting, at(second)).len(), looked, "{second} {cause:?}");
        }
    }
}
