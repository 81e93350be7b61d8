//! `POST /messages`: what the gateway itself has to say, which is little.

use http::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use super::call::{Ask, Effort, Reply};
use super::client::Client;
use crate::gate::id::{PersonId, RoomId};
use crate::gate::secret::Secret;
use crate::report::Operation;
use crate::report::outage::{Kind, Outage};

/// For one message.
const ONE: usize = 256 * 1024;

/// Who is told.
#[derive(Clone, Debug)]
pub enum To<'a> {
    /// A person, in the direct room with the bot.
    Person(&'a PersonId),
    /// Everybody in a room.
    Room(&'a RoomId),
}

impl Client {
    /// Says a text, at most 7,439 bytes of it (the limit of Webex), in the bot's name. Sent again only when Webex
    /// surely did not take it.
    pub async fn say(&self, effort: Effort, to: To<'_>, text: &str) -> Result<(), Outage> {
        let body = match to {
            To::Person(person) => json!({"toPersonId": person.as_str(), "text": text}),
            To::Room(room) => json!({"roomId": room.as_str(), "text": text}),
        };
        let url = self.url(&["messages"]);
        let question = effort.question(Operation::Say);
        let body = Some(Secret::new(body.to_string().into_bytes()));
        match self
            .call::<IgnoredAny>(question, Ask { method: Method::POST, url: &url, body }, ONE)
            .await?
        {
            Reply::Done | Reply::Found(_) => Ok(()),
            Reply::Absent => {
                Err(Outage::new(Kind::WebexUnavailable, "Webex does not let the bot write there"))
            }
        }
    }
}
