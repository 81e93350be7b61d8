//! What Webex sends. The wire structs stay in here; what is handed out has types.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::gate::id::{OrgId, PersonId};
use crate::gate::object::Object;

/// A page of a list.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Page<T> {
    #[serde(deserialize_with = "objects")]
    pub(super) items: Vec<T>,
}

fn objects<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let items: Vec<Object<T>> = Vec::deserialize(from)?;
    Ok(items.into_iter().map(|Object(item)| item).collect())
}

/// An item of `GET /memberships`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    pub(super) room_id: Box<str>,
    pub(super) person_id: Box<str>,
    pub(super) person_email: Option<Box<str>>,
    pub(super) person_display_name: Option<Box<str>>,
    pub(super) person_org_id: Option<Box<str>>,
    /// Whatever it is, something about the item could not be told.
    pub(super) errors: Option<IgnoredAny>,
}

/// `GET /people/me`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    id: Box<str>,
    org_id: Option<Box<str>>,
    #[serde(default)]
    display_name: String,
    #[serde(rename = "type", default)]
    kind: String,
}

/// `GET /rooms/{id}`
#[derive(Deserialize)]
pub(super) struct Room {
    #[serde(default)]
    title: String,
    #[serde(rename = "type", default)]
    kind: String,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The bot's own id.
    pub id: PersonId,
    /// The organisation of its maker, when Webex tells.
    pub org: Option<OrgId>,
    /// Its name.
    pub display_name: String,
    /// What it is.
    pub kind: PersonKind,
}

/// What kind of account somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// A guest of a guest issuer.
    AppUser,
    /// A bot.
    Bot,
    /// Something that is not documented.
    Other,
    /// A person.
    Person,
}

/// A room, for a person to read about.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomView {
    /// Its title: written by its members, so it is shown but never logged.
    pub title: String,
    /// What it is.
    pub kind: RoomKind,
}

/// What kind of room it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Two people, for ever.
    Direct,
    /// Any number of people.
    Group,
    /// Something that is not documented.
    Other,
}

impl RoomKind {
    pub(super) fn named(word: &str) -> Self {
        match word {
            "direct" => Self::Direct,
            "group" => Self::Group,
            _ => Self::Other,
        }
    }

    /// The word for it in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
            Self::Other => "other",
        }
    }
}

impl std::fmt::Debug for RoomView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomView").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Person {
    /// `None` when an id is not one.
    pub(super) fn me(self) -> Option<Me> {
        let org = self.org_id.as_deref().map(OrgId::parse).transpose();
        Some(Me {
            id: PersonId::parse(&self.id).ok()?,
            org: org.ok()?,
            display_name: self.display_name,
            kind: match self.kind.as_str() {
                "appuser" => PersonKind::AppUser,
                "bot" => PersonKind::Bot,
                "person" => PersonKind::Person,
                _ => PersonKind::Other,
            },
        })
    }
}

impl Room {
    pub(super) fn view(self) -> RoomView {
        RoomView { title: self.title, kind: RoomKind::named(&self.kind) }
    }
}
