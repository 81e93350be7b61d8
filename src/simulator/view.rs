//! What the control shows of the world.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Message, Person, Room, Webhook, date};
use super::state::State;
use super::world::{PersonType, RoomType};

/// A person, with the token that a test needs.
#[derive(Debug, Clone, Serialize)]
pub struct PersonView {
    /// The handle.
    pub handle: String,
    /// The public id.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The public id of the organisation.
    pub org_id: String,
    /// The sort of account.
    #[serde(rename = "type")]
    pub kind: PersonType,
    /// The access token.
    pub token: String,
}

impl From<&Person> for PersonView {
    fn from(person: &Person) -> Self {
        Self {
            handle: person.handle.clone(),
            id: person.id(),
            name: person.name.clone(),
            email: person.email.clone(),
            org_id: person.org_id(),
            kind: person.kind,
            token: person.token.clone(),
        }
    }
}

/// A room and who is in it.
#[derive(Debug, Clone, Serialize)]
pub struct RoomView {
    /// The handle; the uuid if the room was opened by a call.
    pub handle: String,
    /// The public id.
    pub id: String,
    /// The title.
    pub title: String,
    /// Direct or group.
    #[serde(rename = "type")]
    pub kind: RoomType,
    /// The handles of its members.
    pub members: Vec<String>,
}

impl RoomView {
    pub(crate) fn of(state: &State, room: &Room) -> Self {
        let members = state.members(room.uuid).filter_map(|m| state.people.get(&m.person));
        Self {
            handle: room.handle.clone(),
            id: room.id(),
            title: room.title.clone(),
            kind: room.kind,
            members: members.map(|person| person.handle.clone()).collect(),
        }
    }
}

/// All people and rooms, by handle.
#[derive(Debug, Clone, Serialize)]
pub struct WorldView {
    /// The base of the API.
    pub api: String,
    /// The people.
    pub people: BTreeMap<String, PersonView>,
    /// The rooms.
    pub rooms: BTreeMap<String, RoomView>,
}

/// A message, with its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageView {
    /// The public id.
    pub id: String,
    /// The handle of the room.
    pub room: String,
    /// The handle of the author.
    pub person: String,
    /// What it says.
    pub text: String,
    /// The markdown, if it was written so.
    pub markdown: Option<String>,
    /// The id of the message that it answers.
    pub parent: Option<String>,
    /// The handles of those whom it mentions.
    pub mentioned: Vec<String>,
    /// How many cards it carries.
    pub cards: usize,
    /// When it was posted.
    pub created: String,
}

impl MessageView {
    pub(crate) fn of(state: &State, message: &Message) -> Option<Self> {
        let room = state.rooms.get(&message.room)?;
        let content = &message.content;
        let mentioned = content.mentioned.iter().filter_map(|person| state.people.get(person));
        Some(Self {
            id: message.id(room),
            room: room.handle.clone(),
            person: state.people.get(&message.author)?.handle.clone(),
            text: content.text.clone().unwrap_or_default(),
            markdown: content.markdown.clone(),
            parent: content.parent.clone(),
            mentioned: mentioned.map(|person| person.handle.clone()).collect(),
            cards: content.attachments.len(),
            created: date(message.created),
        })
    }
}

/// A webhook. The secret is not shown here; the API shows it to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookView {
    /// The public id.
    pub id: String,
    /// The handle of the owner.
    pub owner: String,
    /// The name.
    pub name: String,
    /// Where deliveries go.
    pub target: String,
    /// The resource.
    pub resource: String,
    /// The event.
    pub event: String,
    /// The filter.
    pub filter: Option<String>,
    /// Whether deliveries are signed.
    pub signed: bool,
    /// `active` or `inactive`.
    pub status: String,
}

impl WebhookView {
    pub(crate) fn of(state: &State, webhook: &Webhook) -> Option<Self> {
        Some(Self {
            id: webhook.id(),
            owner: state.people.get(&webhook.owner)?.handle.clone(),
            name: webhook.name.clone(),
            target: webhook.target.clone(),
            resource: webhook.resource.clone(),
            event: webhook.event.clone(),
            filter: webhook.filter.as_ref().map(|filter| filter.text().to_owned()),
            signed: webhook.secret.is_some(),
            status: webhook.health.status().to_owned(),
        })
    }
}

/// A webhook to be registered without a call.
#[derive(Debug, Clone, Deserialize)]
pub struct Registration {
    /// The name.
    pub name: String,
    /// Where deliveries go.
    pub target: String,
    /// The resource, such as `messages`.
    pub resource: String,
    /// The event, such as `created`.
    pub event: String,
    /// The filter, such as `roomType=group`.
    #[serde(default)]
    pub filter: Option<String>,
    /// The secret that signs deliveries.
    #[serde(default)]
    pub secret: Option<String>,
}

/// A delivery that was built but not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prepared {
    /// Where it would go.
    pub target: String,
    /// The exact body.
    pub body: String,
    /// The value of `X-Spark-Signature`, if the webhook has a secret.
    pub signature: Option<String>,
    /// The id of the message that it tells of.
    pub message: String,
}
