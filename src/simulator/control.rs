//! What tests, the demo and people at a terminal do to the simulated world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::changes::empty_inputs;
use super::deliver::Parcel;
use super::failure::Failure;
use super::fault::Fault;
use super::filter::{Filter, is_offered};
use super::health::Health;
use super::log::{CallRecord, DeliveryRecord};
use super::model::{Content, Message, Person, Room, Webhook};
use super::shared::Shared;
use super::state::State;
use super::view::{
    MessageView, PersonView, Prepared, Registration, RoomView, WebhookView, WorldView,
};
use super::world::RoomType;
use super::{markdown, rt};

/// A room that migrates moves here, or home again if it is here already.
const NEW_HOME: &str = "urn:TEAM:eu-central-1_k";

/// A handle on the simulated world. Copies move the same world; all of it can be reached under `/control` as well.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

/// Why the world did not move.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Something is named that is not there.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// Person, room, webhook, delivery or card.
        what: &'static str,
        /// The name that was given.
        name: String,
    },
    /// It is there, but Webex would not allow this.
    #[error("{0}")]
    Refused(String),
}

impl From<Failure> for ControlError {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure.message)
    }
}

/// Whom a message mentions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mention {
    /// Everybody, by `@all`.
    All,
    /// Every bot of the room, if it is a group room.
    #[default]
    Bots,
    /// Nobody: bots do not see the message, unless the room is direct.
    None,
    /// These people, by handle.
    People(Vec<String>),
}

impl Control {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A person, by handle.
    pub fn person(&self, person: &str) -> Result<PersonView, ControlError> {
        self.shared
            .change(|state| Ok(PersonView::from(&find_person(state, person)?)))
    }

    /// A room, by handle.
    pub fn room(&self, room: &str) -> Result<RoomView, ControlError> {
        self.shared
            .change(|state| Ok(RoomView::of(state, &find_room(state, room)?)))
    }

    /// Everybody and everything.
    pub fn world(&self) -> WorldView {
        self.shared.change(|state| WorldView {
            api: format!("{}/v1", self.shared.origin),
            people: state
                .people
                .values()
                .map(|p| (p.handle.clone(), p.into()))
                .collect(),
            rooms: state
                .rooms
                .values()
                .map(|r| (r.handle.clone(), RoomView::of(state, r)))
                .collect(),
        })
    }

    /// Somebody says something; in a group room every bot is mentioned. Returns the id of the message.
    pub fn post(&self, person: &str, room: &str, text: &str) -> Result<String, ControlError> {
        self.post_mentioning(person, room, text, &Mention::Bots)
    }

    /// Somebody says something and mentions whom they like. Returns the id of the message.
    pub fn post_mentioning(
        &self,
        person: &str,
        room: &str,
        text: &str,
        mention: &Mention,
    ) -> Result<String, ControlError> {
        self.shared.change(|state| {
            let (author, room) = member_of(state, person, room)?;
            let content = spoken(state, &room, text, mention)?;
            Ok(state.say(room.uuid, author.uuid, content)?.id(&room))
        })
    }

    /// Adds somebody to a room, by the hand of its creator. Returns the id of the membership.
    pub fn join(&self, room: &str, person: &str) -> Result<String, ControlError> {
        self.shared.change(|state| {
            let (room, person) = (find_room(state, room)?, find_person(state, person)?);
            let membership = state.join(room.uuid, person.uuid, false, room.creator)?;
            Ok(membership["id"].as_str().unwrap_or_default().to_owned())
        })
    }

    /// Takes somebody out of a room, by their own hand.
    pub fn leave(&self, room: &str, person: &str) -> Result<(), ControlError> {
        self.shared.change(|state| {
            let (person, room) = member_of(state, person, room)?;
            Ok(state.leave(room.uuid, person.uuid, person.uuid)?)
        })
    }

    /// Somebody sends back the newest card of a room; if there is none, the first bot of the room posts one before.
    /// Returns the id of the action.
    pub fn submit_card(&self, person: &str, room: &str) -> Result<String, ControlError> {
        self.submit_card_with(person, room, empty_inputs())
    }

    /// Like `submit_card`, with the inputs of the card.
    pub fn submit_card_with(
        &self,
        person: &str,
        room: &str,
        inputs: Value,
    ) -> Result<String, ControlError> {
        self.shared.change(|state| {
            let (person, room) = member_of(state, person, room)?;
            let card = card(state, &room)?;
            let action = state.submit(&card, person.uuid, inputs)?;
            Ok(action["id"].as_str().unwrap_or_default().to_owned())
        })
    }

    /// Moves a room to another cluster. Returns its new id; the old one is unknown from now on.
    pub fn migrate_room(&self, room: &str) -> Result<String, ControlError> {
        self.shared.change(|state| {
            let room = find_room(state, room)?;
            let home = if room.cluster == NEW_HOME {
                super::ids::US
            } else {
                NEW_HOME
            };
            let move_it = |room: &mut Room| home.clone_into(&mut room.cluster);
            let moved = state.rearrange(room.uuid, move_it, "migrated", room.creator)?;
            Ok(moved["id"].as_str().unwrap_or_default().to_owned())
        })
    }

    /// What was said in a room, oldest first.
    pub fn messages(&self, room: &str) -> Result<Vec<MessageView>, ControlError> {
        self.shared.change(|state| {
            let room = find_room(state, room)?.uuid;
            let said = state
                .messages
                .values()
                .filter(|message| message.room == room);
            Ok(said
                .filter_map(|message| MessageView::of(state, message))
                .collect())
        })
    }

    /// All webhooks of everybody.
    pub fn webhooks(&self) -> Vec<WebhookView> {
        self.shared.change(|state| {
            state
                .webhooks
                .values()
                .filter_map(|w| WebhookView::of(state, w))
                .collect()
        })
    }

    /// Registers a webhook for somebody without a call. Returns its id.
    pub fn register(&self, owner: &str, wanted: &Registration) -> Result<String, ControlError> {
        self.shared.change(|state| {
            let owner = find_person(state, owner)?.uuid;
            let seq = state.next_seq();
            let webhook = registered(seq, owner, wanted)?;
            let id = webhook.id();
            state.webhooks.insert(seq, webhook);
            Ok(id)
        })
    }

    /// The attempts to deliver something, oldest first.
    pub fn deliveries(&self) -> Vec<DeliveryRecord> {
        self.shared.change(|state| state.deliveries.all())
    }

    /// The calls to the API, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.shared.change(|state| state.calls.all())
    }

    /// Forgets calls and deliveries.
    pub fn clear_log(&self) {
        self.shared.change(|state| {
            state.calls.clear();
            state.deliveries.clear();
        });
    }

    /// Puts a fault in force.
    pub fn fault(&self, fault: Fault) {
        self.shared.change(|state| state.faults.add(fault));
    }

    /// The faults that are in force.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.change(|state| state.faults.list())
    }

    /// Ends all faults; deliveries that one of them held back are sent.
    pub fn clear_faults(&self) {
        self.shared.change(|state| {
            state.faults.clear();
            let held = std::mem::take(&mut state.held);
            state.outbox.extend(held.into_values());
        });
    }

    /// Sends a past delivery again, byte for byte.
    pub fn redeliver(&self, number: u64) -> Result<(), ControlError> {
        self.shared.change(|state| {
            let past = state
                .deliveries
                .iter()
                .find(|delivery| delivery.number == number)
                .cloned();
            let past = past.ok_or_else(|| unknown("delivery", &number.to_string()))?;
            state.outbox.push(again(past));
            Ok(())
        })
    }

    /// Sends any bytes anywhere, with any headers, in the name of nobody.
    pub fn deliver_raw(
        &self,
        target: &str,
        body: impl Into<Bytes>,
        headers: BTreeMap<String, String>,
    ) {
        let parcel = Parcel {
            webhook: None,
            webhook_id: None,
            resource: String::new(),
            event: String::new(),
            target: target.to_owned(),
            body: body.into(),
            signature: None,
            headers: headers.into_iter().collect(),
        };
        self.shared.change(|state| state.outbox.push(parcel));
    }

    /// Somebody says something that is not delivered: instead, this returns what a webhook would get, to be sent by the
    /// test itself. The message exists and can be read.
    pub fn event(
        &self,
        person: &str,
        room: &str,
        text: &str,
        webhook: &str,
    ) -> Result<Prepared, ControlError> {
        self.shared.change(|state| {
            let (author, room) = member_of(state, person, room)?;
            let webhook = state.webhooks.values().find(|w| w.id() == webhook);
            let webhook = webhook
                .cloned()
                .ok_or_else(|| unknown("webhook", "with that id"))?;
            let content = spoken(state, &room, text, &Mention::Bots)?;
            let message = state.say_quietly(room.uuid, author.uuid, content);
            prepared(state, &message, &webhook, &author)
        })
    }

    /// Waits until nothing is queued or on its way; false if that takes longer than `patience`.
    pub async fn wait_idle(&self, patience: Duration) -> bool {
        self.shared.idle(patience).await
    }
}

fn unknown(what: &'static str, name: &str) -> ControlError {
    ControlError::Unknown {
        what,
        name: name.to_owned(),
    }
}

fn find_person(state: &State, handle: &str) -> Result<Person, ControlError> {
    state
        .person_named(handle)
        .cloned()
        .ok_or_else(|| unknown("person", handle))
}

fn find_room(state: &State, handle: &str) -> Result<Room, ControlError> {
    let found = state
        .room_named(handle)
        .or_else(|| state.room_by_id(handle));
    found.cloned().ok_or_else(|| unknown("room", handle))
}

fn member_of(state: &State, person: &str, room: &str) -> Result<(Person, Room), ControlError> {
    let (somebody, place) = (find_person(state, person)?, find_room(state, room)?);
    let inside = state.is_member(place.uuid, somebody.uuid);
    let refused = || ControlError::Refused(format!("`{person}` is not in `{room}`"));
    inside.then_some((somebody, place)).ok_or_else(refused)
}

/// A text as a person types it: mentions first, like most people do.
fn spoken(
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
        Mention::People(handles) => handles
            .iter()
            .map(|handle| find_person(state, handle))
            .collect::<Result<_, _>>()?,
    };
    if mentioned.is_empty() {
        return Ok(Content {
            text: Some(text.to_owned()),
            ..Content::default()
        });
    }
    let names: String = mentioned
        .iter()
        .map(|person| format!("<@personId:{}> ", person.id()))
        .collect();
    // Typed in the application, a message has html but no markdown.
    Ok(Content {
        markdown: None,
        ..markdown::read(state, &format!("{names}{text}")).into_content()
    })
}

/// The newest card of a room, or a new one from its first bot.
fn card(state: &mut State, room: &Room) -> Result<Message, ControlError> {
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
    let content = Content {
        text: Some("A card".to_owned()),
        attachments,
        ..Content::default()
    };
    Ok(state.say(room.uuid, bot, content)?)
}

fn registered(seq: u64, owner: Uuid, wanted: &Registration) -> Result<Webhook, ControlError> {
    if !is_offered(&wanted.resource, &wanted.event) {
        return Err(unknown(
            "event",
            &format!("{}:{}", wanted.resource, wanted.event),
        ));
    }
    let filter = wanted
        .filter
        .as_deref()
        .map(|text| Filter::parse(&wanted.resource, text))
        .transpose();
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

fn again(past: DeliveryRecord) -> Parcel {
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

fn prepared(
    state: &State,
    message: &Message,
    webhook: &Webhook,
    author: &Person,
) -> Result<Prepared, ControlError> {
    let owner = state.person(webhook.owner)?;
    let parcel = state
        .message_event(message, "created", author.uuid)?
        .parcel(webhook, owner, author);
    Ok(Prepared {
        target: parcel.target,
        body: String::from_utf8_lossy(&parcel.body).into_owned(),
        signature: parcel.signature,
        message: message.id(state.room(message.room)?),
    })
}
