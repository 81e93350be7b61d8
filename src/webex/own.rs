//! `GET /memberships` of the bot itself: in which rooms it is, or its place in one of them. Rules:
//!
//! 1. Every item must say which room it is, and be the bot's own. Else there is no list.
//! 2. Its kind is told only of an item that is as documented: with an id that can be a part of an address, a known
//!    `roomType`, and no `errors`; and that no other item about the same room contradicts. Else it is
//!    [`RoomKind::Other`], which nobody acts on: one odd item is no reason to know nothing about the other rooms.

use std::collections::HashMap;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use url::Url;

use super::call::{Effort, Reply};
use super::client::Client;
use super::model::{Page, RoomKind};
use super::trail::{Step, Trail, nonsense};
use crate::config::long_id;
use crate::gate::id::{Key, Person, PersonId, Room, RoomId};
use crate::gate::roster::End;
use crate::report::Operation;
use crate::report::outage::Outage;

/// Asked for; Webex takes more down to what it likes.
const PER_PAGE: &str = "1000";
/// A thousand items of 4 kB; real ones have about 0.6 kB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// 100,000 rooms, at 100 a page.
const MOST_PAGES: usize = 1000;

/// One of the bot's own memberships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Of the membership itself: what leaving deletes.
    pub id: Box<str>,
    /// The room.
    pub room: RoomId,
    /// What kind of room it is; `Other` also where Webex contradicts itself.
    pub kind: RoomKind,
    /// A direct room that does not show in the bot's list.
    pub hidden: bool,
    /// When the bot was added, as far as Webex tells.
    pub created: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    room_id: Box<str>,
    person_id: Box<str>,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    room_type: Value,
    #[serde(default)]
    is_room_hidden: Value,
    #[serde(default)]
    created: Value,
    errors: Option<IgnoredAny>,
}

impl Client {
    /// Every room that the bot is in. Each page has its own time; a list that does not come to its end is an outage:
    /// who must look at every room must not miss some of them.
    pub async fn own_memberships(
        &self,
        effort: Effort,
        own: Key<Person>,
        mut each: impl FnMut(usize) + Send,
    ) -> Result<Vec<Own>, Outage> {
        let mut here = self.first_of_all();
        let mut trail = Trail::new(here.clone()).of_pages(MOST_PAGES);
        let mut all = Vec::new();
        loop {
            let question = effort.question(Operation::OwnMemberships);
            let found = match self.ask::<Page<Item>>(question, &here, PAGE_BYTES).await? {
                Reply::Found(found) => found,
                Reply::Absent | Reply::Done => {
                    return Err(nonsense("Webex does not say in which rooms the bot is"));
                }
            };
            for item in found.value.items {
                all.push(read(&item, own)?);
            }
            each(all.len());
            match trail.step(&here, &found.headers)? {
                Step::Page(next) => here = next,
                Step::End(End::LastPage) => return Ok(unrepeated(all)),
                Step::End(End::GaveUp | End::NoSuchRoom) => {
                    return Err(nonsense("the list of the bot's rooms has no end"));
                }
            }
        }
    }

    /// The bot's own membership in one room: `None` when it is not in it (any more).
    pub async fn own_membership_in(
        &self,
        effort: Effort,
        room: &RoomId,
        own: Key<Person>,
    ) -> Result<Option<Own>, Outage> {
        // Ids of people have no other cluster than `us`.
        let person = long_id("PEOPLE", &own.to_string()).unwrap_or_default();
        let url = self.member_url(room, &person);
        let question = effort.question(Operation::OwnMembership);
        let found = match self.ask::<Page<Item>>(question, &url, PAGE_BYTES).await? {
            Reply::Found(found) => found.value.items,
            Reply::Absent | Reply::Done => return Ok(None),
        };
        let all = found.iter().map(|item| read(item, own)).collect::<Result<Vec<_>, _>>()?;
        if all.iter().any(|membership| membership.room.key() != room.key()) {
            return Err(nonsense("Webex was asked for the bot's place in a room and told another"));
        }
        Ok(unrepeated(all).into_iter().next())
    }

    fn first_of_all(&self) -> Url {
        let mut url = self.url(&["memberships"]);
        url.query_pairs_mut().append_pair("max", PER_PAGE);
        url
    }
}

/// Somebody else's membership among the bot's own would be left in its name.
fn read(item: &Item, own: Key<Person>) -> Result<Own, Outage> {
    let foreign = |_bad_id| nonsense("a membership of the bot has an id that cannot be read");
    let person = PersonId::parse(&item.person_id).map_err(foreign)?;
    if person.key() != own {
        return Err(nonsense("the list of the bot's own memberships names somebody else"));
    }
    let room = RoomId::parse(&item.room_id).map_err(foreign)?;
    let kind = kind(item);
    Ok(Own {
        id: item.id.as_str().unwrap_or_default().into(),
        room,
        kind,
        hidden: item.is_room_hidden == Value::Bool(true),
        created: item.created.as_str().and_then(date),
    })
}

/// Rule 2. In an address, one dot or two lead to another place, to all memberships; and controls are left out, so that
/// others become dots.
fn kind(item: &Item) -> RoomKind {
    let is_plain = |id: &str| id.chars().all(|letter| letter.is_ascii_graphic());
    let is_place = |id: &str| !id.trim_matches('.').is_empty() && is_plain(id);
    match (item.id.as_str(), item.room_type.as_str(), &item.errors) {
        (Some(id), Some(kind), None) if is_place(id) => RoomKind::named(kind),
        _ => RoomKind::Other,
    }
}

fn date(text: &str) -> Option<SystemTime> {
    text.parse::<jiff::Timestamp>().ok().map(Into::into)
}

/// Rooms that move between pages while they are read show up twice, the same each time.
fn unrepeated(all: Vec<Own>) -> Vec<Own> {
    let mut places: HashMap<Key<Room>, usize> = HashMap::new();
    let mut rooms: Vec<Own> = Vec::new();
    for own in all {
        let place = *places.entry(own.room.key()).or_insert(rooms.len());
        match rooms.get_mut(place) {
            Some(first) if (first.kind, &first.id) == (own.kind, &own.id) => {}
            Some(first) => first.kind = RoomKind::Other,
            None => rooms.push(own),
        }
    }
    rooms
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
