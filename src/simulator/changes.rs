//! Everything that can change, each change with the events that it causes.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::event::{Audience, Event};
use super::failure::Failure;
use super::ids;
use super::log::LONGEST_LOG;
use super::model::{Action, Content, Membership, Message, Person, Role, Room};
use super::rt;
use super::state::State;
use super::world::RoomType;

impl State {
    /// Adds a person to a room.
    pub(crate) fn join(
        &mut self,
        room: Uuid,
        person: Uuid,
        role: Role,
        actor: Uuid,
    ) -> Result<Value, Failure> {
        if self.is_member(room, person) {
            return Err(Failure::new(
                StatusCode::CONFLICT,
                "User is already a participant in the room.",
            ));
        }
        let seq = self.next_seq();
        let membership = Membership {
            seq,
            room,
            person,
            moderator: role == Role::Moderator,
            hidden: false,
            created: rt::now(),
        };
        self.seat(membership);
        self.membership_changed(room, person, "created", actor)
    }

    /// Changes a membership.
    pub(crate) fn alter(
        &mut self,
        (room, person): (Uuid, Uuid),
        change: impl FnOnce(&mut Membership),
        actor: Uuid,
    ) -> Result<Value, Failure> {
        self.membership_mut(room, person).map(change).ok_or_else(Failure::missing)?;
        self.membership_changed(room, person, "updated", actor)
    }

    /// Takes a person out of a group room. Who has left does not hear of it.
    pub(crate) fn leave(&mut self, room: Uuid, person: Uuid, actor: Uuid) -> Result<(), Failure> {
        if self.room(room)?.kind == RoomType::Direct {
            // The status is a guess: what the real API answers is not published.
            return Err(Failure::bad("A direct room cannot be left."));
        }
        let data = self.membership_json(room, person)?;
        self.unseat(room, person);
        self.happened(("memberships", "deleted"), room, actor, data);
        Ok(())
    }

    fn membership_changed(
        &mut self,
        room: Uuid,
        person: Uuid,
        how: &'static str,
        actor: Uuid,
    ) -> Result<Value, Failure> {
        let data = self.membership_json(room, person)?;
        self.happened(("memberships", how), room, actor, data.clone());
        Ok(data)
    }

    /// Posts a message and returns it.
    pub(crate) fn say(
        &mut self,
        room: Uuid,
        author: Uuid,
        content: Content,
    ) -> Result<Message, Failure> {
        let message = self.say_quietly(room, author, content);
        self.message_changed(&message, "created", author)?;
        Ok(message)
    }

    /// Posts a message of which no webhook hears.
    pub(crate) fn say_quietly(&mut self, room: Uuid, author: Uuid, content: Content) -> Message {
        let (seq, now) = (self.next_seq(), rt::now());
        let message = Message {
            seq,
            uuid: Uuid::new_v4(),
            room,
            author,
            content,
            created: now,
            updated: None,
        };
        if self.messages.len() >= LONGEST_LOG {
            self.messages.pop_first();
        }
        self.messages.insert(seq, message.clone());
        self.touch(room);
        message
    }

    /// A room comes to life: both sides of a hidden direct room see it again.
    fn touch(&mut self, room: Uuid) {
        if let Some(room) = self.rooms.get_mut(&room) {
            room.active = rt::now();
        }
        let hidden = self.members(room).filter(|membership| membership.hidden);
        let hidden: Vec<_> = hidden.map(|membership| membership.person).collect();
        for person in hidden {
            if let Some(membership) = self.membership_mut(room, person) {
                membership.hidden = false;
            }
        }
    }

    /// Replaces the words of a message.
    pub(crate) fn edit(
        &mut self,
        seq: u64,
        content: Content,
        actor: Uuid,
    ) -> Result<Message, Failure> {
        let message = self.messages.get_mut(&seq).ok_or_else(Failure::missing)?;
        let old = &message.content;
        let kept = Content { parent: old.parent.clone(), files: old.files.clone(), ..content };
        message.content = Content { attachments: old.attachments.clone(), ..kept };
        message.updated = Some(rt::now());
        let message = message.clone();
        self.message_changed(&message, "updated", actor)?;
        Ok(message)
    }

    /// Deletes a message.
    pub(crate) fn erase(&mut self, seq: u64, actor: Uuid) -> Result<(), Failure> {
        let message = self.messages.remove(&seq).ok_or_else(Failure::missing)?;
        self.message_changed(&message, "deleted", actor)
    }

    fn message_changed(
        &mut self,
        message: &Message,
        how: &'static str,
        actor: Uuid,
    ) -> Result<(), Failure> {
        let event = self.message_event(message, how, actor)?;
        self.emit(&event);
        Ok(())
    }

    /// The event that something happened to a message.
    pub(crate) fn message_event(
        &self,
        message: &Message,
        how: &'static str,
        actor: Uuid,
    ) -> Result<Event, Failure> {
        let room = self.room(message.room)?;
        let hidden_from_bots = room.kind == RoomType::Group && !message.content.mentions_all;
        let mentioned = || Audience::PeopleAnd(message.content.mentioned.clone());
        Ok(Event {
            resource: "messages",
            change: how,
            room: room.uuid,
            actor,
            data: message.event_data(room, self.person(message.author)?),
            audience: if hidden_from_bots { mentioned() } else { Audience::Members },
            cards: message.content.attachments.len(),
        })
    }

    /// Sends a card back. Of the bots, only the one that sent the card hears of it.
    pub(crate) fn submit(
        &mut self,
        message: &Message,
        person: Uuid,
        inputs: Value,
    ) -> Result<Value, Failure> {
        let uuid = Uuid::new_v4();
        let action = Action {
            uuid,
            message: message.uuid,
            room: message.room,
            person,
            inputs,
            created: rt::now(),
        };
        let room = self.room(message.room)?;
        let (answer, data) = (action.json(room), action.event_data(room));
        self.actions.push(action);
        let audience = Audience::PeopleAnd(vec![message.author]);
        let event = event(("attachmentActions", "created"), message.room, person, data);
        self.emit(&Event { audience, ..event });
        Ok(answer)
    }

    /// Opens a room with its first member.
    pub(crate) fn open(&mut self, room: Room) -> Result<Uuid, Failure> {
        let (uuid, creator, data) = (room.uuid, room.creator, room.event_data());
        self.rooms.insert(uuid, room);
        self.join(uuid, creator, Role::Member, creator)?;
        let event = event(("rooms", "created"), uuid, creator, data);
        // Only who opened a room is told so; the others are told that they became members.
        self.emit(&Event { audience: Audience::Only(creator), ..event });
        Ok(uuid)
    }

    /// Changes a room.
    pub(crate) fn rearrange(
        &mut self,
        room: Uuid,
        change: impl FnOnce(&mut Room),
        how: &'static str,
        actor: Uuid,
    ) -> Result<Value, Failure> {
        let changed = self.rooms.get_mut(&room).ok_or_else(Failure::missing)?;
        change(changed);
        let (data, answer) = (changed.event_data(), changed.json());
        self.happened(("rooms", how), room, actor, data);
        Ok(answer)
    }

    /// Removes a room and everything in it.
    pub(crate) fn demolish(&mut self, room: Uuid, actor: Uuid) -> Result<(), Failure> {
        let data = self.room(room)?.event_data();
        self.happened(("rooms", "deleted"), room, actor, data);
        self.rooms.remove(&room);
        let people: Vec<_> = self.members(room).map(|membership| membership.person).collect();
        for person in people {
            self.unseat(room, person);
        }
        self.messages.retain(|_, message| message.room != room);
        Ok(())
    }

    pub(crate) fn room(&self, room: Uuid) -> Result<&Room, Failure> {
        self.rooms.get(&room).ok_or_else(Failure::missing)
    }

    pub(crate) fn person(&self, person: Uuid) -> Result<&Person, Failure> {
        self.people.get(&person).ok_or_else(Failure::missing)
    }

    /// A membership as it looks in an answer.
    pub(crate) fn membership_json(&self, room: Uuid, person: Uuid) -> Result<Value, Failure> {
        let membership = self.membership(room, person).ok_or_else(Failure::missing)?;
        Ok(membership.json(self.room(room)?, self.person(person)?))
    }

    fn happened(
        &mut self,
        what: (&'static str, &'static str),
        room: Uuid,
        actor: Uuid,
        data: Value,
    ) {
        self.emit(&event(what, room, actor, data));
    }
}

fn event(
    (resource, change): (&'static str, &'static str),
    room: Uuid,
    actor: Uuid,
    data: Value,
) -> Event {
    Event { resource, change, room, actor, data, audience: Audience::Members, cards: 0 }
}

/// A room as it is when somebody opens it.
pub(crate) fn new_room(seq: u64, creator: &Person, title: &str, kind: RoomType) -> Room {
    let (uuid, now) = (Uuid::new_v4(), rt::now());
    Room {
        seq,
        uuid,
        handle: uuid.to_string(),
        cluster: ids::US.to_owned(),
        title: title.to_owned(),
        kind,
        locked: false,
        team: Vec::new(),
        creator: creator.uuid,
        owner_org: creator.org_id(),
        description: None,
        created: now,
        active: now,
    }
}

/// The card that a test submits if it does not say which.
pub(crate) fn empty_inputs() -> Value {
    json!({})
}
