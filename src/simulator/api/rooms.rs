//! `/rooms`

use http::Method;
use uuid::Uuid;

use super::{Answer, Answered, Call};
use crate::simulator::changes::new_room;
use crate::simulator::failure::Failure;
use crate::simulator::model::Room;
use crate::simulator::paging::Page;
use crate::simulator::world::RoomType;

pub(super) fn answer(call: &mut Call<'_>, method: &Method, rest: &[&str]) -> Answered {
    match (method.as_str(), rest) {
        ("GET", []) => list(call),
        ("POST", []) => create(call),
        ("GET", [id]) => Ok(Answer::Item(own_room(call, id)?.json())),
        ("PUT", [id]) => update(call, id),
        ("DELETE", [id]) => delete(call, id),
        (_, [] | [_]) => Err(Failure::wrong_method()),
        _ => Err(Failure::missing()),
    }
}

/// A room that the caller is in. Others do not exist, as far as the caller is told.
pub(super) fn own_room<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Room, Failure> {
    let room = call.state.room_by_id(id).ok_or_else(Failure::missing)?;
    call.state.is_member(room.uuid, call.me()).then_some(room).ok_or_else(Failure::missing)
}

fn list(call: &Call<'_>) -> Answered {
    let kind = match call.query.first("type") {
        None => None,
        Some("direct") => Some(RoomType::Direct),
        Some("group") => Some(RoomType::Group),
        Some(_) => return Err(Failure::bad("type: neither `direct` nor `group`")),
    };
    let rooms = call.state.rooms_of(call.me()).filter_map(|m| call.state.rooms.get(&m.room));
    let wanted = rooms.filter(|room| kind.is_none_or(|kind| room.kind == kind));
    let mut all: Vec<(u64, &Room)> = wanted.map(|room| (room.seq, room)).collect();
    all.sort_by_key(|(seq, _)| *seq);
    let page = Page::cut(all, &call.query, 100, |room| Ok(room.json()))?;
    Ok(Answer::List(page))
}

fn create(call: &mut Call<'_>) -> Answered {
    let title = call.required("title")?.to_owned();
    let (locked, description) =
        (call.flag("isLocked"), call.text("description").map(str::to_owned));
    let seq = call.state.next_seq();
    let room = new_room(seq, &call.caller, &title, RoomType::Group);
    let room = call.state.open(Room { locked: locked.unwrap_or(false), description, ..room })?;
    Ok(Answer::Item(call.state.room(room)?.json()))
}

fn update(call: &mut Call<'_>, id: &str) -> Answered {
    let room = own_room(call, id)?.uuid;
    let title = call.required("title")?.to_owned();
    may_change(call, room)?;
    let (locked, description) =
        (call.flag("isLocked"), call.text("description").map(str::to_owned));
    let me = call.me();
    let change = |room: &mut Room| {
        room.title = title;
        room.locked = locked.unwrap_or(room.locked);
        room.description = description.or_else(|| room.description.take());
    };
    Ok(Answer::Item(call.state.rearrange(room, change, "updated", me)?))
}

fn delete(call: &mut Call<'_>, id: &str) -> Answered {
    let room = own_room(call, id)?;
    let (uuid, direct) = (room.uuid, room.kind == RoomType::Direct);
    if direct {
        return Err(Failure::bad("A direct room cannot be deleted."));
    }
    may_change(call, uuid)?;
    let me = call.me();
    call.state.demolish(uuid, me)?;
    Ok(Answer::Nothing)
}

/// In a moderated room, only moderators change things.
pub(super) fn may_change(call: &Call<'_>, room: Uuid) -> Result<(), Failure> {
    let moderator =
        call.state.membership(room, call.me()).is_some_and(|membership| membership.moderator);
    let open = moderator || !call.state.room(room)?.locked;
    open.then_some(())
        .ok_or_else(|| Failure::forbidden("The room is moderated, and you are not a moderator."))
}
