//! Everything that exists in the simulated Webex at a moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::deliver::Parcel;
use super::fault::Faults;
use super::ids::{self, Kind};
use super::limit::Allowance;
use super::log::{CallRecord, DeliveryRecord, Log};
use super::model::{Action, Membership, Message, Person, Room, Webhook};
use super::world::RoomType;

/// All people, rooms and so on. Sequence numbers give lists their order and cursors their meaning.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) people: BTreeMap<Uuid, Person>,
    pub(crate) tokens: HashMap<String, Uuid>,
    pub(crate) rooms: BTreeMap<Uuid, Room>,
    pub(crate) memberships: BTreeMap<u64, Membership>,
    /// (room, person) → sequence number of the membership.
    places: HashMap<(Uuid, Uuid), u64>,
    /// Room, or person → sequence numbers of memberships: with thousands of rooms, nobody looks through all.
    seats: HashMap<Uuid, BTreeSet<u64>>,
    pub(crate) messages: BTreeMap<u64, Message>,
    pub(crate) actions: Log<Action>,
    pub(crate) webhooks: BTreeMap<u64, Webhook>,
    pub(crate) faults: Faults,
    pub(crate) calls: Log<CallRecord>,
    pub(crate) deliveries: Log<DeliveryRecord>,
    pub(crate) delivered: u64,
    /// Parcels that wait for the end of the change that caused them.
    pub(crate) outbox: Vec<Parcel>,
    /// Parcels held back by a fault, at most one a webhook.
    pub(crate) held: HashMap<Uuid, Parcel>,
    pub(crate) allowance: Allowance,
    pub(crate) last_seq: u64,
}

impl State {
    pub(crate) fn next_seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }

    pub(crate) fn person_named(&self, handle: &str) -> Option<&Person> {
        self.people.values().find(|person| person.handle == handle)
    }

    pub(crate) fn person_by_id(&self, id: &str) -> Option<&Person> {
        self.people.get(&ids::parse_uuid(id, Kind::Person)?.1)
    }

    pub(crate) fn person_by_email(&self, email: &str) -> Option<&Person> {
        self.people.values().find(|person| person.email.eq_ignore_ascii_case(email))
    }

    pub(crate) fn room_named(&self, handle: &str) -> Option<&Room> {
        self.rooms.values().find(|room| room.handle == handle)
    }

    /// A room by its public id. The right uuid in the wrong cluster is not its id.
    pub(crate) fn room_by_id(&self, id: &str) -> Option<&Room> {
        let (cluster, uuid) = ids::parse_uuid(id, Kind::Room)?;
        self.rooms.get(&uuid).filter(|room| room.cluster == cluster)
    }

    pub(crate) fn seat(&mut self, membership: Membership) {
        let Membership { seq, room, person, .. } = membership;
        self.places.insert((room, person), seq);
        self.seats.entry(room).or_default().insert(seq);
        self.seats.entry(person).or_default().insert(seq);
        self.memberships.insert(seq, membership);
    }

    pub(crate) fn unseat(&mut self, room: Uuid, person: Uuid) {
        let Some(seq) = self.places.remove(&(room, person)) else { return };
        self.memberships.remove(&seq);
        for key in [room, person] {
            self.seats.entry(key).or_default().remove(&seq);
        }
    }

    pub(crate) fn membership_mut(&mut self, room: Uuid, person: Uuid) -> Option<&mut Membership> {
        self.memberships.get_mut(self.places.get(&(room, person))?)
    }

    /// Those of a room or of a person, in the order of their sequence numbers.
    fn seated(&self, key: Uuid) -> impl Iterator<Item = &Membership> {
        let seats = self.seats.get(&key).into_iter().flatten();
        seats.filter_map(|seq| self.memberships.get(seq))
    }

    pub(crate) fn membership(&self, room: Uuid, person: Uuid) -> Option<&Membership> {
        self.memberships.get(self.places.get(&(room, person))?)
    }

    pub(crate) fn is_member(&self, room: Uuid, person: Uuid) -> bool {
        self.places.contains_key(&(room, person))
    }

    pub(crate) fn members(&self, room: Uuid) -> impl Iterator<Item = &Membership> {
        self.seated(room)
    }

    pub(crate) fn rooms_of(&self, person: Uuid) -> impl Iterator<Item = &Membership> {
        self.seated(person)
    }

    /// The bots of a room.
    pub(crate) fn bots(&self, room: Uuid) -> Vec<&Person> {
        let people =
            self.members(room).filter_map(|membership| self.people.get(&membership.person));
        people.filter(|person| person.is_bot()).collect()
    }

    /// The direct room of two people.
    pub(crate) fn direct_room(&self, one: Uuid, other: Uuid) -> Option<&Room> {
        let direct = |room: &&Room| room.kind == RoomType::Direct;
        self.rooms
            .values()
            .filter(direct)
            .find(|room| self.is_member(room.uuid, one) && self.is_member(room.uuid, other))
    }

    pub(crate) fn message_by_id(&self, id: &str) -> Option<&Message> {
        let (cluster, uuid) = ids::parse_uuid(id, Kind::Message)?;
        let message = self.messages.values().rev().find(|message| message.uuid == uuid)?;
        (self.rooms.get(&message.room)?.cluster == cluster).then_some(message)
    }

    pub(crate) fn webhook_mut(&mut self, uuid: Uuid) -> Option<&mut Webhook> {
        self.webhooks.values_mut().find(|webhook| webhook.uuid == uuid)
    }
}
