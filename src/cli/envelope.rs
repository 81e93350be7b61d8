//! Events as Webex writes them, made here: for `send`, and for the question of `explain --room`.

use std::time::SystemTime;

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What an event says; what is left out is invented, or absent where Webex leaves it out.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft<'a> {
    /// Such as `messages`.
    pub(super) resource: &'a str,
    /// Such as `created`.
    pub(super) event: &'a str,
    /// Who registered the webhook: the bot.
    pub(super) creator: &'a str,
    /// `data.id`.
    pub(super) subject: Option<&'a str>,
    /// The room.
    pub(super) room: Option<&'a str>,
    /// Who acts.
    pub(super) person: Option<&'a str>,
    /// `data.text`, which events for bots do not carry.
    pub(super) text: Option<&'a str>,
}

impl Draft<'_> {
    /// The body.
    pub(super) fn body(&self, now: SystemTime) -> Vec<u8> {
        let created = humantime::format_rfc3339_millis(now).to_string();
        let or_new = |id: Option<&str>| id.map_or_else(new, str::to_owned);
        let person = or_new(self.person);
        let data = self.data(&person, &created);
        let envelope = json!({
            "id": new(),
            "name": "botwarden",
            "resource": self.resource,
            "event": self.event,
            "createdBy": self.creator,
            "actorId": person,
            "ownedBy": "creator",
            "status": "active",
            "created": created,
            "data": data,
        });
        envelope.to_string().into_bytes()
    }

    /// The room of a `rooms` event is its subject.
    fn data(&self, person: &str, created: &str) -> Map<String, Value> {
        let room = self.room.map_or_else(new, str::to_owned);
        let subject = self.subject.map_or_else(new, str::to_owned);
        let mut data = Map::new();
        let mut put = |name: &str, value: &str| data.insert(name.to_owned(), value.into());
        if self.resource == "rooms" {
            put("id", &room);
        } else {
            put("id", &subject);
            put("roomId", &room);
            put("personId", person);
        }
        put("created", created);
        if let Some(text) = self.text {
            put("text", text);
        }
        data
    }
}

/// An id in its plainest spelling.
fn new() -> String {
    Uuid::new_v4().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::event::{Resource, facts};

    #[test]
    fn what_is_made_here_is_an_envelope_as_documented() {
        let now = SystemTime::UNIX_EPOCH;
        let person = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";
        for resource in ["messages", "memberships", "attachmentActions", "rooms"] {
            let draft = Draft { resource, event: "created", creator: person, ..Draft::default() };
            let facts = facts(&draft.body(now)).unwrap();
            assert_eq!(facts.resource, Resource::named(resource));
            assert_eq!(facts.created, Some(now));
            assert!(facts.room.is_some() && facts.creator.is_some(), "{resource}");
        }
    }
}
