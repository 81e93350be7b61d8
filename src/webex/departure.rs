//! Leaving a room. Only what was [confirmed](crate::gate::departure) is left.

use http::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use super::call::{Ask, Effort, Reply};
use super::client::Client;
use super::model::RoomKind;
use super::own::Own;
use super::trail::nonsense;
use crate::gate::departure::Departure;
use crate::gate::secret::Secret;
use crate::report::Operation;
use crate::report::outage::Outage;

/// For one membership.
const ONE: usize = 256 * 1024;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The bot had left, or been removed, before: 404.
    Before,
    /// A direct room cannot be left; it does not show in the bot's list any more, until somebody writes in it.
    Hidden,
    /// The bot is not in the room any more.
    Now,
}

impl Left {
    /// The word for it in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Before => "gone_before",
            Self::Hidden => "hidden",
            Self::Now => "left",
        }
    }
}

impl Client {
    /// Takes the bot out of a group room (`DELETE /memberships/{id}`; 404 means that it is done, 403 that it is not),
    /// hides a direct one (`PUT`, `isRoomHidden`): two people are in it for ever.
    pub async fn leave(
        &self,
        effort: Effort,
        departure: &Departure,
        own: &Own,
    ) -> Result<Left, Outage> {
        if own.room.key() != departure.room() {
            return Err(nonsense("a bug: another room was to be left than was confirmed"));
        }
        match own.kind {
            RoomKind::Direct => self.hide(effort, own).await,
            RoomKind::Group => self.delete_own(effort, own).await,
            RoomKind::Other => {
                Err(nonsense("Webex does not tell for sure what kind of room it is"))
            }
        }
    }

    async fn delete_own(&self, effort: Effort, own: &Own) -> Result<Left, Outage> {
        let url = self.url(&["memberships", &own.id]);
        let question = effort.question(Operation::Leave);
        let ask = Ask { method: Method::DELETE, url: &url, body: None };
        match self.call::<IgnoredAny>(question, ask, ONE).await? {
            Reply::Done | Reply::Found(_) => Ok(Left::Now),
            Reply::Absent => Ok(Left::Before),
        }
    }

    async fn hide(&self, effort: Effort, own: &Own) -> Result<Left, Outage> {
        let url = self.url(&["memberships", &own.id]);
        let question = effort.question(Operation::Hide);
        let body = json!({"isModerator": false, "isRoomHidden": true}).to_string();
        let body = Some(Secret::new(body.into_bytes()));
        match self
            .call::<IgnoredAny>(question, Ask { method: Method::PUT, url: &url, body }, ONE)
            .await?
        {
            Reply::Done | Reply::Found(_) => Ok(Left::Hidden),
            Reply::Absent => Ok(Left::Before),
        }
    }
}
