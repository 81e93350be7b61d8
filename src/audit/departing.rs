//! Leaving one room. Rules, in order:
//!
//! 1. A direct room that is hidden stays hidden. A room of a kind that is not known for sure is not left.
//! 2. A second list confirms the first, as [`gate::departure`](crate::gate::departure) says.
//! 3. A farewell that is due is said, and the room is read and confirmed once more: saying it takes time, and Webex may
//!    ask to wait. So nothing is said where the bot stays, unless the room changes within these seconds.
//! 4. The departure is recorded and counted, and then made: in one try, as long as the confirmation stands. A call that
//!    was not answered may have been heard.
//! 5. While no record can be written, no farewell is said and no room is left: nothing would show it.
//! 6. A departure ends where the rules by which it was confirmed are no longer in force ([`Tenure`](super::Tenure)):
//!    what takes long is given up, and the last step is not made. A farewell that was begun is said to its end.

use std::borrow::Cow;

use tokio::time::sleep;

use super::auditor::Auditor;
use super::rail::Permit;
use super::row::Action;
use super::survey::Found;
use super::tenure::Departing;
use crate::config::Farewell;
use crate::gate::departure::{APART, Departure, Unconfirmed, confirm};
use crate::report::lines::Unwritten;
use crate::report::outage::Outage;
use crate::report::{NoticeKind, Upkeep};
use crate::rt;
use crate::webex::{Effort, Left, Own, RoomKind, To};

/// What became of a room that was to be left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departed {
    /// It is a direct room that was hidden before.
    AlreadyHidden,
    /// Both lists agreed, and then Webex did not do it, or did not say so.
    Failed(Outage),
    /// Both lists agreed.
    Left(Left),
    /// Other rules came into force meanwhile: the bot stays.
    Overtaken,
    /// The second list does not confirm the first: the bot stays.
    Unconfirmed(Unconfirmed),
    /// There is no second list: the bot stays.
    Unread(Outage),
    /// No record of it can be written: the bot stays.
    Unrecorded,
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
            Self::Overtaken => Action::Kept { why: Cow::Borrowed("reloaded") },
            Self::Unconfirmed(why) => Action::Kept { why: Cow::Borrowed(why.label()) },
            Self::Unread(outage) => Action::Kept { why: Cow::Borrowed(outage.kind.label()) },
            Self::Unrecorded => Action::Kept { why: Cow::Borrowed("log_unwritable") },
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
        let mut last_step = None;
        let departed = self.go(found, farewell, &mut last_step).await;
        let departed = departed.unwrap_or_else(|stays| stays);
        self.tell_of(found, &departed);
        // Who ends the tenure waits for the record, too.
        drop(last_step);
        departed
    }

    async fn go(
        &self,
        found: &Found,
        farewell: Option<&Farewell>,
        last_step: &mut Option<Departing>,
    ) -> Result<Departed, Departed> {
        let own = &found.own;
        if own.kind == RoomKind::Other {
            return Err(Departed::Unconfirmed(Unconfirmed::Odd));
        }
        let mut departure = self.confirmed(found).await?;
        if let Some(farewell) = farewell.filter(|farewell| self.is_due(farewell, own)) {
            if !self.reporter.writable() {
                return Err(Departed::Unrecorded);
            }
            self.say_farewell(farewell, own).await;
            departure = self.confirmed(found).await?;
        }
        *last_step = Some(self.tenure.depart().await.ok_or(Departed::Overtaken)?);
        self.leave(own, &departure).await
    }

    async fn confirmed(&self, found: &Found) -> Result<Departure, Departed> {
        let confirmed = self.tenure.during(self.confirm(found)).await;
        confirmed.unwrap_or(Err(Departed::Overtaken))
    }

    async fn confirm(&self, found: &Found) -> Result<Departure, Departed> {
        let first = &found.roster;
        sleep(APART.saturating_sub(rt::surely_since(first.read()))).await;
        let second = self.roster(&found.own).await.map_err(Departed::Unread)?;
        confirm(first, &second, &self.widest).map_err(Departed::Unconfirmed)
    }

    /// Rules 4 and 5.
    async fn leave(&self, own: &Own, departure: &Departure) -> Result<Departed, Departed> {
        let at = rt::now().wall;
        let (room, outsiders) = (own.room.key(), departure.outsiders());
        let leaving = Upkeep::RoomLeaving { room, outsiders, at };
        self.record(&leaving).await.map_err(|Unwritten| Departed::Unrecorded)?;
        let stands = departure.stands(rt::now()).map_err(Departed::Unconfirmed)?;
        if own.kind != RoomKind::Direct {
            self.ledger.left(room, at);
        }
        let give_up_after = self.effort.give_up_after.min(stands);
        let effort = Effort { give_up_after, attempts: 1, ..self.effort };
        let left = self.client.leave(effort, departure, own).await;
        left.map(Departed::Left).map_err(Departed::Failed)
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
            Departed::Overtaken => {
                self.tell(&Upkeep::RoomKept { room, why: "another configuration is in force" });
            }
            Departed::Left(how) => self.tell(&left(Ok(how.label()))),
            Departed::Failed(outage) => self.tell(&left(Err(outage))),
            Departed::Unconfirmed(why) => {
                self.tell(&Upkeep::RoomKept { room, why: &why.to_string() });
            }
            Departed::Unread(outage) => {
                self.tell(&Upkeep::RoomKept { room, why: &outage.to_string() });
            }
            Departed::Unrecorded => {
                self.tell(&Upkeep::RoomKept { room, why: "no record of it can be written" });
            }
        }
    }
}
