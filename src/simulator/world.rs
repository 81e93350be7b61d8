//! Who and what exists when the simulator starts, written by hand as YAML.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The demo world, as text: also the best example of the format.
const DEMO: &str = include_str!("world.yaml");

/// People, organisations and rooms, by handle.
///
/// A handle is a short name that the file, the tests and the control calls use; the ids are derived from it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Organisations: a uuid, or the word `consumer` for the one that all free accounts share.
    #[serde(default)]
    pub orgs: BTreeMap<String, String>,
    /// People and bots.
    #[serde(default)]
    pub people: BTreeMap<String, PersonSpec>,
    /// Rooms and who is in them.
    #[serde(default)]
    pub rooms: BTreeMap<String, RoomSpec>,
}

/// A person or a bot of the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonSpec {
    /// The display name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The handle of the organisation.
    pub org: String,
    /// What sort of account.
    #[serde(default, rename = "type")]
    pub kind: PersonType,
    /// The access token; `sim-token-<handle>` if the world does not say.
    #[serde(default)]
    pub token: Option<String>,
}

/// The sort of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonType {
    /// A guest or a service application.
    Appuser,
    /// A bot: in group rooms it sees only what mentions it.
    Bot,
    /// A human being.
    #[default]
    Person,
}

/// The sort of a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomType {
    /// Two people, for ever.
    Direct,
    /// Any number of people, who come and go.
    #[default]
    Group,
}

/// A room of the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomSpec {
    /// The title.
    pub title: String,
    /// Direct or group.
    #[serde(default, rename = "type")]
    pub kind: RoomType,
    /// Moderated: only moderators may change it.
    #[serde(default)]
    pub locked: bool,
    /// Handles of team members. Those who are not also `members` see only the moderators of a `locked` room.
    #[serde(default)]
    pub team: Vec<String>,
    /// Handles of the participants; the first one created the room.
    #[serde(default)]
    pub members: Vec<String>,
    /// Handles of those members who moderate.
    #[serde(default)]
    pub moderators: Vec<String>,
    /// The cluster in the room's id, such as `urn:TEAM:eu-central-1_k`.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Invented members, to make a room large.
    #[serde(default)]
    pub fill: Option<Fill>,
}

/// Invented members of a room.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// The handle of their organisation.
    pub org: String,
    /// How many.
    pub count: u32,
}

/// Why a world cannot exist.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// It is not YAML, or not of this form.
    #[error("the world is not readable: {0}")]
    Unreadable(#[from] serde_yaml::Error),
    /// Something is named that is not there.
    #[error("{at}: there is no {what} `{handle}`")]
    Unknown {
        /// Where it is named.
        at: String,
        /// Organisation or person.
        what: &'static str,
        /// The handle that means nothing.
        handle: String,
    },
    /// An organisation is neither a uuid nor `consumer`.
    #[error("orgs.{0}: neither a uuid nor `consumer`")]
    NotAnOrganisation(String),
    /// Two people share an e-mail address or a token.
    #[error("people.{0}: somebody else has the same e-mail address or token")]
    NotUnique(String),
    /// A direct room has other than two people.
    #[error("rooms.{0}: a direct room has exactly two members")]
    NotAPair(String),
}

impl PersonSpec {
    /// The token of the person with that handle.
    pub(crate) fn token_of(&self, handle: &str) -> String {
        let token = self.token.clone();
        token.unwrap_or_else(|| format!("sim-token-{handle}"))
    }
}

impl World {
    /// Reads a world and checks that every handle in it means something.
    pub fn from_yaml(text: &str) -> Result<Self, WorldError> {
        let world: Self = serde_yaml::from_str(text)?;
        world.check()?;
        Ok(world)
    }

    /// The embedded default world.
    ///
    /// # Panics
    /// Never: a unit test reads the same text.
    #[expect(
        clippy::expect_used,
        reason = "the text is part of the program, and a unit test reads it"
    )]
    pub fn demo() -> Self {
        Self::from_yaml(DEMO).expect("the demo world is readable")
    }

    pub(crate) fn check(&self) -> Result<(), WorldError> {
        self.orgs.iter().try_for_each(|(handle, org)| check_org(handle, org))?;
        self.people.iter().try_for_each(|(handle, person)| {
            self.has_org(&format!("people.{handle}"), &person.org)
        })?;
        self.check_uniqueness()?;
        self.rooms.iter().try_for_each(|(handle, room)| self.check_room(handle, room))
    }

    fn check_uniqueness(&self) -> Result<(), WorldError> {
        let mut seen = BTreeSet::new();
        let mut is_new = |handle: &str, person: &PersonSpec| {
            let token = person.token_of(handle);
            seen.insert(person.email.to_lowercase()) && seen.insert(token)
        };
        let twin = self.people.iter().find(|(handle, person)| !is_new(handle, person));
        twin.map_or(Ok(()), |(handle, _)| Err(WorldError::NotUnique(handle.clone())))
    }

    fn check_room(&self, handle: &str, room: &RoomSpec) -> Result<(), WorldError> {
        let at = format!("rooms.{handle}");
        room.members
            .iter()
            .chain(&room.team)
            .chain(&room.moderators)
            .try_for_each(|p| self.has_person(&at, p))?;
        room.fill.iter().try_for_each(|fill| self.has_org(&at, &fill.org))?;
        let pair = room.members.len() == 2 && room.fill.is_none();
        if room.kind == RoomType::Direct && !pair {
            Err(WorldError::NotAPair(handle.to_owned()))
        } else {
            Ok(())
        }
    }

    fn has_org(&self, at: &str, handle: &str) -> Result<(), WorldError> {
        let found = self.orgs.get(handle).map(drop);
        found.ok_or_else(|| unknown(at, "organisation", handle))
    }

    fn has_person(&self, at: &str, handle: &str) -> Result<(), WorldError> {
        let found = self.people.get(handle).map(drop);
        found.ok_or_else(|| unknown(at, "person", handle))
    }
}

fn unknown(at: &str, what: &'static str, handle: &str) -> WorldError {
    WorldError::Unknown { at: at.to_owned(), what, handle: handle.to_owned() }
}

fn check_org(handle: &str, org: &str) -> Result<(), WorldError> {
    let fine = org == "consumer" || uuid::Uuid::parse_str(org).is_ok();
    fine.then_some(()).ok_or_else(|| WorldError::NotAnOrganisation(handle.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_world_is_readable() {
        assert_eq!(World::demo().people.len(), 6);
    }

    #[test]
    fn mistakes_name_their_place() {
        let cases = [
            (
                "people: {ann: {name: A, email: a@b.c, org: nowhere}}",
                "people.ann: there is no organisation `nowhere`",
            ),
            ("rooms: {r: {title: R, members: [ghost]}}", "rooms.r: there is no person `ghost`"),
            (
                "{orgs: {o: consumer}, people: {a: {name: A, email: a@b.c, org: o}, b: {name: B, email: A@b.c, org: o}}}",
                "people.b: somebody else has the same e-mail address or token",
            ),
            ("orgs: {x: y}", "orgs.x: neither a uuid nor `consumer`"),
            (
                "rooms: {r: {title: R, type: direct}}",
                "rooms.r: a direct room has exactly two members",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(World::from_yaml(text).unwrap_err().to_string(), expected);
        }
    }
}
