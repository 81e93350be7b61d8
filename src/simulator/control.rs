//! What tests, the demo and people at a terminal do to the simulated world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::changes::empty_inputs;
use super::deliver::Parcel;
use super::failure::Failure;
use super::fault::Fault;
use super::log::{CallRecord, DeliveryRecord};
use super::model::{Role, Room};
use super::scene::{
    again, card, find_person, find_room, id_of, member_of, prepared, registered, spoken, unknown,
};
use super::shared::Shared;
use super::view::{
    MessageView, PersonView, Prepared, Registration, RoomView, WebhookView, WorldView,
};

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
        self.shared.change(|state| Ok(PersonView::from(&find_person(state, person)?)))
    }

    /// A room, by handle.
    pub fn room(&self, room: &str) -> Result<RoomView, ControlError> {
        self.shared.change(|state| Ok(RoomView::of(state, &find_room(state, room)?)))
    }

    /// Everybody and everything.
    pub fn world(&self) -> WorldView {
        self.shared.change(|state| WorldView {
            api: format!("{}/v1", self.shared.origin),
            people: state.people.values().map(|p| (p.handle.clone(), p.into())).collect(),
            rooms: state
                .rooms
                .values()
                .map(|r| (r.handle.clone(), RoomView::of(state, r)))
                .collect(),
        })
    }

    /// One more token for somebody; those that were good before stay good.
    pub fn issue_token(&self, person: &str, token: &str) -> Result<(), ControlError> {
        self.shared.change(|state| {
            let person = find_person(state, person)?.uuid;
            state.tokens.insert(token.to_owned(), person);
            Ok(())
        })
    }

    /// A token is refused from now on.
    pub fn revoke_token(&self, token: &str) {
        self.shared.change(|state| state.tokens.remove(token));
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
            let membership = state.join(room.uuid, person.uuid, Role::Member, room.creator)?;
            Ok(id_of(&membership))
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
            Ok(id_of(&action))
        })
    }

    /// Moves a room to another cluster. Returns its new id; the old one is unknown from now on.
    pub fn migrate_room(&self, room: &str) -> Result<String, ControlError> {
        self.shared.change(|state| {
            let room = find_room(state, room)?;
            let home = if room.cluster == NEW_HOME { super::ids::US } else { NEW_HOME };
            let move_it = |room: &mut Room| home.clone_into(&mut room.cluster);
            let moved = state.rearrange(room.uuid, move_it, "migrated", room.creator)?;
            Ok(id_of(&moved))
        })
    }

    /// What was said in a room, oldest first.
    pub fn messages(&self, room: &str) -> Result<Vec<MessageView>, ControlError> {
        self.shared.change(|state| {
            let room = find_room(state, room)?.uuid;
            let said = state.messages.values().filter(|message| message.room == room);
            Ok(said.filter_map(|message| MessageView::of(state, message)).collect())
        })
    }

    /// All webhooks of everybody.
    pub fn webhooks(&self) -> Vec<WebhookView> {
        self.shared.change(|state| {
            state.webhooks.values().filter_map(|w| WebhookView::of(state, w)).collect()
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

    /// Switches a webhook off, as if a hundred deliveries had failed.
    pub fn switch_off(&self, webhook: &str) -> Result<(), ControlError> {
        self.shared.change(|state| {
            let mut all = state.webhooks.values_mut();
            let webhook = all.find(|one| one.id() == webhook);
            let webhook = webhook.ok_or_else(|| unknown("webhook", "with that id"))?;
            webhook.health.switched_off(Instant::now());
            Ok(())
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

    /// Calls and deliveries since the last time, oldest first; they are forgotten. For whoever watches for long: none
    /// is missed as long as there are no more than the log holds.
    pub fn take_log(&self) -> (Vec<CallRecord>, Vec<DeliveryRecord>) {
        self.shared.change(|state| {
            let taken = (state.calls.all(), state.deliveries.all());
            state.calls.clear();
            state.deliveries.clear();
            taken
        })
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

    /// Ends all faults; deliveries and answers that were held back are sent.
    pub fn clear_faults(&self) {
        self.shared.pardon();
    }

    /// Sends a past delivery again, byte for byte.
    pub fn redeliver(&self, number: u64) -> Result<(), ControlError> {
        self.shared.change(|state| {
            let past = state.deliveries.iter().find(|delivery| delivery.number == number).cloned();
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
            let webhook = webhook.cloned().ok_or_else(|| unknown("webhook", "with that id"))?;
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
