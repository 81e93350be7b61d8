//! The hands of the [control](super::Control): how it finds things and makes what it delivers.

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::control::{ControlError, Mention};
use super::deliver::Parcel;
use super::filter::{Filter, is_offered};
use super::health::Health;
use super::log::DeliveryRecord;
use super::model::{Content, Message, Person, Room, Webhook};
use super::state::State;
use super::view::{Prepared, Registration};
use super::world::RoomType;
use super::{markdown, rt};

pub(crate) fn id_of(answer: &Value) -> String {
    let id = answer.get("id").and_then(Value::as_str);
    id.unwrap_or_default().to_owned()
}

pub(crate) fn unknown(what: &'static str, name: &str) -> ControlError {
    ControlError::Unknown { what, name: name.to_owned() }
}

pub(crate) fn find_person(state: &State, handle: &str) -> Result<Person, ControlError> {
    state.person_named(handle).cloned().ok_or_else(|| unknown("person", handle))
}

pub(crate) fn find_room(state: &State, handle: &str) -> Result<Room, ControlError> {
    let found = state.room_named(handle).or_else(|| state.room_by_id(handle));
    found.cloned().ok_or_else(|| unknown("room", handle))
}

pub(crate) fn member_of(
    state: &State,
    person: &str,
    room: &str,
) -> Result<(Person, Room), ControlError> {
    let (somebody, place) = (find_person(state, person)?, find_room(state, room)?);
    let inside = state.is_member(place.uuid, somebody.uuid);
    let refused = || ControlError::Refused(format!("`{person}` is not in `{room}`"));
    inside.then_some((somebody, place)).ok_or_else(refused)
}

/// A text as a person types it: mentions first, like most people do.
pub(crate) fn spoken(
    state: &State,
    room: &Room,
    text: &str,
    mention: &Mention,
) -> Result<Content, ControlError> {
    let mentioned: Vec<Person> = match mention {
        Mention::None => Vec::new(),
        Mention::All => return Ok(markdown::read(state, &format!("<@all> {text}")).into_content()),
        Mention::Bots if room.kind == RoomType::Direct => Vec::new(),
        Mention::Bots => state.bots(room.uuid).into_iter().cloned().collect(),
        Mention::People(handles) => {
            handles.iter().map(|handle| find_person(state, handle)).collect::<Result<_, _>>()?
        }
    };
    if mentioned.is_empty() {
        return Ok(Content { text: Some(text.to_owned()), ..Content::default() });
    }
    let names: Vec<String> = mentioned.iter().map(|p| format!("<@personId:{}>", p.id())).collect();
    // Typed in the application, a message has html but no markdown.
    Ok(Content {
        markdown: None,
        ..markdown::read(state, &format!("{} {text}", names.join(" "))).into_content()
    })
}

/// The newest card of a room, or a new one from its first bot.
pub(crate) fn card(state: &mut State, room: &Room) -> Result<Message, ControlError> {
    let carded =
        |message: &&Message| message.room == room.uuid && !message.content.attachments.is_empty();
    if let Some(message) = state.messages.values().rev().find(carded) {
        return Ok(message.clone());
    }
    let bot = state
        .bots(room.uuid)
        .first()
        .map(|bot| bot.uuid)
        .ok_or_else(|| unknown("bot", "in the room"))?;
    let attachments = vec![json!({
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {"type": "AdaptiveCard", "version": "1.3", "body": []},
    })];
    let content = Content { text: Some("A card".to_owned()), attachments, ..Content::default() };
    Ok(state.say(room.uuid, bot, content)?)
}

pub(crate) fn registered(
    seq: u64,
    owner: Uuid,
    wanted: &Registration,
) -> Result<Webhook, ControlError> {
    if !is_offered(&wanted.resource, &wanted.event) {
        return Err(unknown("event", &format!("{}:{}", wanted.resource, wanted.event)));
    }
    let filter =
        wanted.filter.as_deref().map(|text| Filter::parse(&wanted.resource, text)).transpose();
    Ok(Webhook {
        seq,
        uuid: Uuid::new_v4(),
        owner,
        name: wanted.name.clone(),
        target: wanted.target.clone(),
        resource: wanted.resource.clone(),
        event: wanted.event.clone(),
        filter: filter.map_err(|key| unknown("filter", &key))?,
        secret: wanted.secret.clone(),
        health: Health::default(),
        created: rt::now(),
    })
}

pub(crate) fn again(past: DeliveryRecord) -> Parcel {
    Parcel {
        webhook: None,
        webhook_id: past.webhook,
        resource: past.resource,
        event: past.event,
        target: past.target,
        body: Bytes::from(past.body),
        signature: past.signature,
        headers: Vec::new(),
    }
}

pub(crate) fn prepared(
    state: &State,
    message: &Message,
    webhook: &Webhook,
    author: &Person,
) -> Result<Prepared, ControlError> {
    let owner = state.person(webhook.owner)?;
    let parcel =
        state.message_event(message, "created", author.uuid)?.parcel(webhook, owner, author);
    Ok(Prepared {
        target: parcel.target,
        body: String::from_utf8_lossy(&parcel.body).into_owned(),
        signature: parcel.signature,
        message: message.id(state.room(message.room)?),
    })
}
