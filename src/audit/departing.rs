//! Leaving one room: read again, confirmed, announced, left.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::sleep;

use super::auditor::Auditor;
use super::rail::Permit;
use super::row::Action;
use super::survey::Found;
use super::wish::People;
use crate::config::Farewell;
use crate::gate::departure::{APART, Departure, Unconfirmed, confirm};
use crate::report::outage::Outage;
use crate::report::{NoticeKind, Upkeep};
use crate::rt;
use crate::webex::{Effort, Left, Own, RoomKind, To};

/// For how long a confirmation stands: whoever was an outsider may have left when Webex takes calls again.
const STANDS: Duration = Duration::from_secs(30);

/// What became of a room that was to be left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departed {
    /// It is a direct room that was hidden before.
    AlreadyHidden,
    /// Both lists agreed, and then Webex did not do it.
    Failed(Outage),
    /// Both lists agreed.
    Left(Left),
    /// The second list does not confirm the first: the bot stays.
    Unconfirmed(Unconfirmed),
    /// There is no second list: the bot stays.
    Unread(Outage),
}

impl Departed {
    /// What a row says about it.
    pub fn action(&self) -> Action {
        match self {
            Self::AlreadyHidden => Action::AlreadyHidden,
            Self::Failed(outage) => Action::Failed { why: Cow::Borrowed(outage.kind.label()) },
            Self::Left(Left::Before) => Action::GoneBefore,
            Self::Left(Left::Hidden) => Action::Hidden,
            Self::Left(Left::Now) => Action::Left,
            Self::Unconfirmed(why) => Action::Kept { why: Cow::Borrowed(why.label()) },
            Self::Unread(outage) => Action::Kept { why: Cow::Borrowed(outage.kind.label()) },
        }
    }
}

impl Auditor {
    /// Leaves a group room, hides a direct one, if a second complete list confirms the first. Waits until the second may
    /// be read. A refused token shows as an outage of this room; whoever leaves many rooms stops then.
    pub async fn depart(
        &self,
        found: &Found,
        permit: Permit,
        farewell: Option<&Farewell>,
    ) -> Departed {
        let Permit { .. } = permit;
        if found.already_hidden() {
            return Departed::AlreadyHidden;
        }
        let departed = match self.confirmed(found).await {
            Ok(departure) => self.leave(&found.own, &departure, farewell).await,
            Err(stays) => stays,
        };
        self.tell_of(found, &departed);
        departed
    }

    async fn confirmed(&self, found: &Found) -> Result<Departure, Departed> {
        let first = &found.roster;
        sleep(APART.saturating_sub(rt::now().since(first.read()))).await;
        let second = self.read(&found.own, People::Hidden).await.map_err(Departed::Unread)?;
        confirm(first, &second.roster, &self.widest).map_err(Departed::Unconfirmed)
    }

    async fn leave(
        &self,
        own: &Own,
        departure: &Departure,
        farewell: Option<&Farewell>,
    ) -> Departed {
        if let Some(farewell) = farewell.filter(|farewell| self.is_due(farewell, own)) {
            self.say_farewell(farewell, own).await;
        }
        // Written before it is done, like the record of a clearance.
        let (room, outsiders, at) = (own.room.key(), departure.outsiders(), rt::now().wall);
        self.tell(&Upkeep::RoomLeaving { room, outsiders, at });
        let effort = Effort { give_up_after: self.effort.give_up_after.min(STANDS), ..self.effort };
        match self.client.leave(effort, departure, own).await {
            Ok(left) => {
                self.ledger.left(own.room.key(), rt::now().wall);
                Departed::Left(left)
            }
            Err(outage) => Departed::Failed(outage),
        }
    }

    /// In group rooms only: in a direct one it would show the room again that is about to be hidden.
    fn is_due(&self, farewell: &Farewell, own: &Own) -> bool {
        let last = self.ledger.last_told(own.room.key());
        let ago = last.map(|last| rt::now().wall.duration_since(last).unwrap_or_default());
        own.kind == RoomKind::Group && ago.is_none_or(|ago| ago >= farewell.at_most_every)
    }

    /// A room is left also when nothing can be said in it, such as one where only moderators may write.
    async fn say_farewell(&self, farewell: &Farewell, own: &Own) {
        self.ledger.told(own.room.key(), rt::now().wall);
        let said = self.client.say(self.effort, To::Room(&own.room), &farewell.text).await;
        let (kind, room) = (NoticeKind::Farewell, own.room.key());
        self.tell(&Upkeep::Noticed { kind, room, result: said.as_ref().copied() });
    }

    fn tell_of(&self, found: &Found, departed: &Departed) {
        let (room, at) = (found.own.room.key(), rt::now().wall);
        let outsiders = self.widest.outsiders(&found.roster).count();
        let left = |result| Upkeep::RoomLeft { room, result, outsiders, at };
        match departed {
            Departed::AlreadyHidden => {}
            Departed::Left(how) => self.tell(&left(Ok(how.label()))),
            Departed::Failed(outage) => self.tell(&left(Err(outage))),
            Departed::Unconfirmed(why) => {
                self.tell(&Upkeep::RoomKept { room, why: &why.to_string() });
            }
            Departed::Unread(outage) => {
                self.tell(&Upkeep::RoomKept { room, why: &outage.to_string() });
            }
        }
    }
}
