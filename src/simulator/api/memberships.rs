//! `/memberships`

use http::Method;
use serde_json::Value;
use uuid::Uuid;

use super::rooms::{may_change, own_room};
use super::{Answer, Answered, Call};
use crate::simulator::failure::Failure;
use crate::simulator::ids::{self, Kind};
use crate::simulator::model::{Membership, Person, Role};
use crate::simulator::paging::Page;

pub(super) fn answer(call: &mut Call<'_>, method: &Method, rest: &[&str]) -> Answered {
    match (method.as_str(), rest) {
        ("GET", []) => list(call),
        ("POST", []) => create(call),
        ("GET", [id]) => {
            let (room, person) = place(call, id)?;
            Ok(Answer::Item(call.state.membership_json(room, person)?))
        }
        ("PUT", [id]) => update(call, id),
        ("DELETE", [id]) => delete(call, id),
        (_, [] | [_]) => Err(Failure::wrong_method()),
        _ => Err(Failure::missing()),
    }
}

fn list(call: &Call<'_>) -> Answered {
    let all = match call.query.first("roomId") {
        Some(room) => in_room(call, room)?,
        None if names_person(call) => {
            return Err(Failure::bad("personId and personEmail need roomId"));
        }
        None if call.query.cursor()?.unfiltered => in_all_rooms(call),
        None => call.state.rooms_of(call.me()).collect(),
    };
    let all = all.into_iter().map(|m| (m.seq, m)).collect();
    let page = Page::cut(all, &call.query, 100, |m| rendered(call, m))?;
    Ok(Answer::List(page))
}

fn names_person(call: &Call<'_>) -> bool {
    let keys = ["personId", "personEmail"];
    keys.iter().any(|key| call.query.first(key).is_some())
}

fn in_room<'a>(call: &'a Call<'_>, id: &str) -> Result<Vec<&'a Membership>, Failure> {
    let room = call.state.room_by_id(id).ok_or_else(Failure::missing)?;
    let inside = call.state.is_member(room.uuid, call.me());
    if !inside && !room.team.contains(&call.me()) {
        return Err(Failure::missing());
    }
    // In a moderated team room, who is only in the team sees the moderators and nobody else.
    let partial = !inside && room.locked;
    let wanted = asked_person(call)?;
    let shown = |m: &&Membership| (!partial || m.moderator) && wanted.is_none_or(|p| m.person == p);
    Ok(call.state.members(room.uuid).filter(shown).collect())
}

/// The person that the query asks for; nobody is a person too.
fn asked_person(call: &Call<'_>) -> Result<Option<Uuid>, Failure> {
    let person = match (call.query.first("personId"), call.query.first("personEmail")) {
        (None, None) => return Ok(None),
        (Some(id), _) => call.state.person_by_id(id),
        (None, Some(email)) => call.state.person_by_email(email),
    };
    Ok(Some(person.ok_or_else(Failure::missing)?.uuid))
}

/// Only after a fault: what the list becomes when the next link has lost its `roomId`.
fn in_all_rooms<'a>(call: &'a Call<'_>) -> Vec<&'a Membership> {
    let all = call.state.memberships.values();
    all.filter(|m| call.state.is_member(m.room, call.me())).collect()
}

fn rendered(call: &Call<'_>, membership: &Membership) -> Result<Value, Failure> {
    let room = call.state.room(membership.room)?;
    Ok(membership.json(room, call.state.person(membership.person)?))
}

/// Room and person of a membership that the caller may see.
fn place(call: &Call<'_>, id: &str) -> Result<(Uuid, Uuid), Failure> {
    let parsed = ids::parse(id, Kind::Membership).ok_or_else(Failure::missing)?;
    let (person, room) = parsed.1.split_once(':').ok_or_else(Failure::missing)?;
    let uuid = |text| Uuid::parse_str(text).ok();
    let (room, person) = uuid(room).zip(uuid(person)).ok_or_else(Failure::missing)?;
    let right_cluster = call.state.room(room)?.cluster == parsed.0;
    let visible = right_cluster
        && call.state.is_member(room, call.me())
        && call.state.is_member(room, person);
    visible.then_some((room, person)).ok_or_else(Failure::missing)
}

fn create(call: &mut Call<'_>) -> Answered {
    let room = own_room(call, call.required("roomId")?)?.uuid;
    let person = invited(call)?.uuid;
    may_change(call, room)?;
    let (moderator, me) = (Role::of(call.flag("isModerator")), call.me());
    Ok(Answer::Item(call.state.join(room, person, moderator, me)?))
}

fn invited<'a>(call: &'a Call<'_>) -> Result<&'a Person, Failure> {
    let found = match (call.text("personId"), call.text("personEmail")) {
        (Some(id), _) => call.state.person_by_id(id),
        (None, Some(email)) => call.state.person_by_email(email),
        (None, None) => return Err(Failure::bad("personId or personEmail cannot be null")),
    };
    found.ok_or_else(Failure::missing)
}

fn update(call: &mut Call<'_>, id: &str) -> Answered {
    let (room, person) = place(call, id)?;
    let (moderator, hidden, me) = (call.flag("isModerator"), call.flag("isRoomHidden"), call.me());
    if moderator.or(hidden).is_none() {
        return Err(Failure::bad("isModerator or isRoomHidden cannot be null"));
    }
    let change = |membership: &mut Membership| {
        membership.moderator = moderator.unwrap_or(membership.moderator);
        membership.hidden = hidden.unwrap_or(membership.hidden);
    };
    Ok(Answer::Item(call.state.alter((room, person), change, me)?))
}

/// Everybody may leave; to remove somebody else from a moderated room takes a moderator.
fn delete(call: &mut Call<'_>, id: &str) -> Answered {
    let (room, person) = place(call, id)?;
    if person != call.me() {
        may_change(call, room)?;
    }
    let me = call.me();
    call.state.leave(room, person, me)?;
    Ok(Answer::Nothing)
}
