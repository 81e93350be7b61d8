//! From a world to the state that the simulator starts with.

use jiff::Timestamp;
use uuid::Uuid;

use super::ids;
use super::model::{Membership, Person, Role, Room};
use super::state::State;
use super::world::{PersonSpec, PersonType, RoomSpec, World};

/// When everything in a world was made: 2026-01-05T09:00:00Z, the same in every run.
const BEGINNING: i64 = 1_767_603_600;

impl State {
    /// The state that a checked world describes. Nothing that happens here is an event.
    pub(crate) fn new(world: &World) -> Self {
        let mut state = Self::default();
        world
            .people
            .iter()
            .for_each(|(handle, spec)| state.add_person(person(world, handle, spec)));
        world.rooms.iter().for_each(|(handle, spec)| state.add_room(world, handle, spec));
        state
    }

    fn add_person(&mut self, person: Person) {
        self.tokens.insert(person.token.clone(), person.uuid);
        self.people.insert(person.uuid, person);
    }

    fn add_room(&mut self, world: &World, handle: &str, spec: &RoomSpec) {
        let room = room(self.next_seq(), world, handle, spec);
        for member in &spec.members {
            self.place(
                room.uuid,
                person_uuid(member),
                Role::of(Some(spec.moderators.contains(member))),
            );
        }
        self.fill(world, &room, spec);
        self.rooms.insert(room.uuid, room);
    }

    fn fill(&mut self, world: &World, room: &Room, spec: &RoomSpec) {
        let Some(fill) = &spec.fill else { return };
        for number in 1..=fill.count {
            let handle = format!("{}-{number:04}", room.handle);
            let invented = PersonSpec {
                name: format!("Member {number:04}"),
                email: format!("{handle}@{}.example", fill.org),
                org: fill.org.clone(),
                kind: PersonType::Person,
                token: None,
            };
            self.add_person(person(world, &handle, &invented));
            self.place(room.uuid, person_uuid(&handle), Role::Member);
        }
    }

    fn place(&mut self, room: Uuid, person: Uuid, role: Role) {
        let seq = self.next_seq();
        let membership = Membership {
            seq,
            room,
            person,
            moderator: role == Role::Moderator,
            hidden: false,
            created: beginning(),
        };
        self.seat(membership);
    }
}

fn beginning() -> Timestamp {
    Timestamp::from_second(BEGINNING).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn person_uuid(handle: &str) -> Uuid {
    ids::derived("person", handle)
}

fn person(world: &World, handle: &str, spec: &PersonSpec) -> Person {
    Person {
        uuid: person_uuid(handle),
        handle: handle.to_owned(),
        name: spec.name.clone(),
        email: spec.email.clone(),
        org: world.orgs.get(&spec.org).cloned().unwrap_or_default(),
        kind: spec.kind,
        token: spec.token_of(handle),
        created: beginning(),
    }
}

fn room(seq: u64, world: &World, handle: &str, spec: &RoomSpec) -> Room {
    let creator = spec.members.first().or_else(|| spec.team.first()).map_or("", String::as_str);
    let owner = world.people.get(creator).and_then(|person| world.orgs.get(&person.org));
    Room {
        seq,
        uuid: ids::derived("room", handle),
        handle: handle.to_owned(),
        cluster: spec.cluster.clone().unwrap_or_else(|| ids::US.to_owned()),
        title: spec.title.clone(),
        kind: spec.kind,
        locked: spec.locked,
        team: spec.team.iter().map(|member| person_uuid(member)).collect(),
        creator: person_uuid(creator),
        owner_org: ids::public(
            ids::US,
            ids::Kind::Organization,
            owner.map_or("consumer", String::as_str),
        ),
        description: None,
        created: beginning(),
        active: beginning(),
    }
}
