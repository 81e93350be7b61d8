//! The things of the simulated Webex, and how each one looks in an answer.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filter::Filter;
use super::health::Health;
use super::ids::{self, Kind};
use super::world::{PersonType, RoomType};

/// A date as the API writes it.
pub(crate) fn date(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// An object without the members that are null: the API leaves out what it has not.
pub(crate) fn compact(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            value
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) uuid: Uuid,
    pub(crate) handle: String,
    pub(crate) name: String,
    pub(crate) email: String,
    /// A uuid or `consumer`.
    pub(crate) org: String,
    pub(crate) kind: PersonType,
    pub(crate) token: String,
    pub(crate) created: Timestamp,
}

impl Person {
    pub(crate) fn id(&self) -> String {
        ids::us(Kind::Person, self.uuid)
    }

    pub(crate) fn org_id(&self) -> String {
        ids::public(ids::US, Kind::Organization, &self.org)
    }

    pub(crate) fn is_bot(&self) -> bool {
        self.kind == PersonType::Bot
    }

    pub(crate) fn json(&self) -> Value {
        let nick = self.name.split(' ').next().unwrap_or(&self.name);
        json!({
            "id": self.id(), "emails": [self.email], "displayName": self.name, "nickName": nick,
            "userName": self.email, "orgId": self.org_id(), "created": date(self.created),
            "status": "unknown", "type": self.kind,
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) seq: u64,
    pub(crate) uuid: Uuid,
    pub(crate) handle: String,
    pub(crate) cluster: String,
    pub(crate) title: String,
    pub(crate) kind: RoomType,
    pub(crate) locked: bool,
    /// Team members; empty if the room belongs to no team.
    pub(crate) team: Vec<Uuid>,
    pub(crate) creator: Uuid,
    pub(crate) owner_org: String,
    pub(crate) description: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) active: Timestamp,
}

impl Room {
    pub(crate) fn id(&self) -> String {
        ids::public(&self.cluster, Kind::Room, &self.uuid.to_string())
    }

    pub(crate) fn json(&self) -> Value {
        let team = (!self.team.is_empty())
            .then(|| ids::us(Kind::Team, ids::derived("team", &self.handle)));
        compact(json!({
            "id": self.id(), "title": self.title, "type": self.kind, "isLocked": self.locked,
            "teamId": team, "lastActivity": date(self.active), "creatorId": ids::us(Kind::Person, self.creator),
            "created": date(self.created), "ownerId": self.owner_org, "description": self.description,
            "isPublic": false, "isReadOnly": false, "isAnnouncementOnly": false,
        }))
    }

    /// What an event says about the room: the room is `id` itself, there is no `roomId`.
    pub(crate) fn event_data(&self) -> Value {
        json!({
            "id": self.id(), "title": self.title, "type": self.kind, "isLocked": self.locked,
            "creatorId": ids::us(Kind::Person, self.creator), "lastActivity": date(self.active),
            "created": date(self.created),
        })
    }
}

/// What somebody is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Member,
    Moderator,
}

impl Role {
    pub(crate) fn of(moderator: Option<bool>) -> Self {
        if moderator == Some(true) { Self::Moderator } else { Self::Member }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Membership {
    pub(crate) seq: u64,
    pub(crate) room: Uuid,
    pub(crate) person: Uuid,
    pub(crate) moderator: bool,
    pub(crate) hidden: bool,
    pub(crate) created: Timestamp,
}

impl Membership {
    pub(crate) fn id(&self, room: &Room) -> String {
        ids::public(&room.cluster, Kind::Membership, &format!("{}:{}", self.person, self.room))
    }

    /// The same in lists, in answers and in events.
    pub(crate) fn json(&self, room: &Room, person: &Person) -> Value {
        json!({
            "id": self.id(room), "roomId": room.id(), "roomType": room.kind, "personId": person.id(),
            "personEmail": person.email, "personDisplayName": person.name, "personOrgId": person.org_id(),
            "isModerator": self.moderator, "isMonitor": self.moderator, "isRoomHidden": self.hidden,
            "created": date(self.created),
        })
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    pub(crate) text: Option<String>,
    pub(crate) markdown: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) files: Vec<String>,
    pub(crate) attachments: Vec<Value>,
    pub(crate) mentioned: Vec<Uuid>,
    pub(crate) mentions_all: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) seq: u64,
    pub(crate) uuid: Uuid,
    pub(crate) room: Uuid,
    pub(crate) author: Uuid,
    pub(crate) content: Content,
    pub(crate) created: Timestamp,
    pub(crate) updated: Option<Timestamp>,
}

impl Message {
    pub(crate) fn id(&self, room: &Room) -> String {
        ids::public(&room.cluster, Kind::Message, &self.uuid.to_string())
    }

    /// Whether a bot may see it in a group room.
    pub(crate) fn shows_to(&self, bot: Uuid) -> bool {
        self.author == bot || self.content.mentions_all || self.content.mentioned.contains(&bot)
    }

    /// What lists, answers and events have in common.
    fn outline(&self, room: &Room, author: &Person) -> Map<String, Value> {
        let content = &self.content;
        let mentioned: Vec<String> =
            content.mentioned.iter().map(|p| ids::us(Kind::Person, *p)).collect();
        let outline = json!({
            "id": self.id(room), "parentId": content.parent, "roomId": room.id(), "roomType": room.kind,
            "personId": author.id(), "personEmail": author.email,
            "files": some(&content.files), "mentionedPeople": some(&mentioned),
            "mentionedGroups": content.mentions_all.then(|| json!(["all"])),
            "created": date(self.created), "updated": self.updated.map(date),
        });
        object(compact(outline))
    }

    pub(crate) fn json(&self, room: &Room, author: &Person) -> Value {
        let mut all = self.outline(room, author);
        let content = &self.content;
        all.extend(object(compact(json!({
            "text": content.text, "markdown": content.markdown, "html": content.html,
            "attachments": some(&content.attachments),
        }))));
        Value::Object(all)
    }

    /// What an event says about it: everything but the words.
    pub(crate) fn event_data(&self, room: &Room, author: &Person) -> Value {
        Value::Object(self.outline(room, author))
    }
}

fn some<T: serde::Serialize>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

/// The members of an object; of anything else, none.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// A card that somebody sent back.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) uuid: Uuid,
    pub(crate) message: Uuid,
    pub(crate) room: Uuid,
    pub(crate) person: Uuid,
    pub(crate) inputs: Value,
    pub(crate) created: Timestamp,
}

impl Action {
    pub(crate) fn json(&self, room: &Room) -> Value {
        let mut all = object(self.event_data(room));
        all.insert("inputs".to_owned(), self.inputs.clone());
        Value::Object(all)
    }

    /// What an event says about it: no `inputs`, no e-mail address.
    pub(crate) fn event_data(&self, room: &Room) -> Value {
        json!({
            "id": ids::public(&room.cluster, Kind::Action, &self.uuid.to_string()), "type": "submit",
            "messageId": ids::public(&room.cluster, Kind::Message, &self.message.to_string()),
            "personId": ids::us(Kind::Person, self.person), "roomId": room.id(), "created": date(self.created),
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) seq: u64,
    pub(crate) uuid: Uuid,
    pub(crate) owner: Uuid,
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) resource: String,
    pub(crate) event: String,
    pub(crate) filter: Option<Filter>,
    pub(crate) secret: Option<String>,
    pub(crate) health: Health,
    pub(crate) created: Timestamp,
}

impl Webhook {
    pub(crate) fn id(&self) -> String {
        ids::us(Kind::Webhook, self.uuid)
    }

    /// Like the real one, it shows the secret to whoever holds the token.
    pub(crate) fn json(&self, owner: &Person) -> Value {
        compact(json!({
            "id": self.id(), "name": self.name, "targetUrl": self.target, "resource": self.resource,
            "event": self.event, "filter": self.filter.as_ref().map(Filter::text), "secret": self.secret,
            "status": self.health.status(), "created": date(self.created), "ownedBy": "creator",
            "orgId": owner.org_id(), "createdBy": owner.id(), "appId": application_of(owner),
        }))
    }
}

/// The application whose token registered a webhook.
pub(crate) fn application_of(owner: &Person) -> String {
    ids::us(Kind::Application, ids::derived("application", &owner.handle))
}
