//! `/messages`

use http::Method;
use serde_json::Value;
use uuid::Uuid;

use super::rooms::own_room;
use super::{Answer, Answered, Call};
use crate::simulator::changes::new_room;
use crate::simulator::failure::Failure;
use crate::simulator::ids::{self, Kind};
use crate::simulator::markdown;
use crate::simulator::model::{Content, Message, Role};
use crate::simulator::paging::{Page, Query};
use crate::simulator::world::RoomType;

/// Published: the longest text, in bytes.
const LONGEST_TEXT: usize = 7439;

pub(super) fn answer(call: &mut Call<'_>, method: &Method, rest: &[&str]) -> Answered {
    match (method.as_str(), rest) {
        ("GET", []) => list(call),
        ("POST", []) => create(call),
        ("GET", ["direct"]) => direct(call),
        ("GET", [id]) => rendered(call, visible(call, id)?).map(Answer::Item),
        ("PUT", [id]) => update(call, id),
        ("DELETE", [id]) => delete(call, id),
        (_, [] | [_]) => Err(Failure::wrong_method()),
        _ => Err(Failure::missing()),
    }
}

fn list(call: &Call<'_>) -> Answered {
    let cursor = call.query.cursor()?;
    let Some(id) = call.query.first("roomId") else {
        let everywhere = |m: &Message| call.state.is_member(m.room, call.me());
        return if cursor.unfiltered {
            page(call, everywhere)
        } else {
            Err(Failure::bad("roomId cannot be null"))
        };
    };
    let room = own_room(call, id)?;
    let only_mentions = call.query.first("mentionedPeople").is_some();
    if call.caller.is_bot() && room.kind == RoomType::Group && !only_mentions {
        return Err(Failure::forbidden("Failed to get activity."));
    }
    let mentioned = mentioned(&call.query, call.me());
    let parent = call.query.first("parentId");
    page(call, |m| {
        let named =
            !only_mentions || mentioned.iter().any(|person| m.content.mentioned.contains(person));
        m.room == room.uuid
            && named
            && parent.is_none_or(|p| m.content.parent.as_deref() == Some(p))
    })
}

fn mentioned(query: &Query, me: Uuid) -> Vec<Uuid> {
    let names = query.first("mentionedPeople").unwrap_or_default();
    let person = |name| match name {
        "me" => Some(me),
        id => ids::parse_uuid(id, Kind::Person).map(|(_, uuid)| uuid),
    };
    names.split(',').filter_map(person).collect()
}

/// Newest first, so the keys run backwards.
fn page(call: &Call<'_>, wanted: impl Fn(&Message) -> bool) -> Answered {
    let (seq, time) = before(call)?;
    let earlier = |m: &&Message| m.seq < seq && time.is_none_or(|time| m.created < time);
    let found = call.state.messages.values().rev().filter(earlier);
    let keyed = found.filter(|m| wanted(m)).map(|m| (u64::MAX - m.seq, m));
    let page = Page::cut(keyed.collect(), &call.query, 50, |m| rendered(call, m))?;
    Ok(Answer::List(page))
}

/// Upper limits from `beforeMessage` and `before`.
fn before(call: &Call<'_>) -> Result<(u64, Option<jiff::Timestamp>), Failure> {
    let seq = match call.query.first("beforeMessage") {
        Some(id) => call.state.message_by_id(id).ok_or_else(Failure::missing)?.seq,
        None => u64::MAX,
    };
    let time = call.query.first("before").map(str::parse).transpose();
    Ok((seq, time.map_err(|error| Failure::bad(format!("before: {error}")))?))
}

fn direct(call: &Call<'_>) -> Answered {
    let person = match (call.query.first("personId"), call.query.first("personEmail")) {
        (Some(id), _) => call.state.person_by_id(id),
        (None, Some(email)) => call.state.person_by_email(email),
        (None, None) => return Err(Failure::bad("personId or personEmail cannot be null")),
    };
    let other = person.ok_or_else(Failure::missing)?.uuid;
    let room = call.state.direct_room(call.me(), other).ok_or_else(Failure::missing)?.uuid;
    let parent = call.query.first("parentId");
    page(call, |m| m.room == room && parent.is_none_or(|p| m.content.parent.as_deref() == Some(p)))
}

fn rendered(call: &Call<'_>, message: &Message) -> Result<Value, Failure> {
    Ok(message.json(call.state.room(message.room)?, call.state.person(message.author)?))
}

/// A message that the caller may read.
pub(super) fn visible<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Message, Failure> {
    let message = call.state.message_by_id(id).ok_or_else(Failure::missing)?;
    let room = call.state.room(message.room)?;
    let shown =
        !call.caller.is_bot() || room.kind == RoomType::Direct || message.shows_to(call.me());
    let seen = shown && call.state.is_member(room.uuid, call.me());
    seen.then_some(message).ok_or_else(Failure::missing)
}

fn create(call: &mut Call<'_>) -> Answered {
    let content = content(call)?;
    let room = destination(call)?;
    let message = call.state.say(room, call.caller.uuid, content)?;
    rendered(call, &message).map(Answer::Item)
}

/// Exactly one of room, person and e-mail address says where it goes.
fn destination(call: &mut Call<'_>) -> Result<Uuid, Failure> {
    match (call.text("roomId"), call.text("toPersonId"), call.text("toPersonEmail")) {
        (Some(room), None, None) => Ok(own_room(call, room)?.uuid),
        (None, Some(id), None) => {
            let person = call.state.person_by_id(id).ok_or_else(Failure::missing)?.uuid;
            direct_with(call, person)
        }
        (None, None, Some(email)) => {
            let person = call.state.person_by_email(email).ok_or_else(Failure::missing)?.uuid;
            direct_with(call, person)
        }
        _ => Err(Failure::bad("Exactly one of roomId, toPersonId and toPersonEmail is needed.")),
    }
}

fn direct_with(call: &mut Call<'_>, other: Uuid) -> Result<Uuid, Failure> {
    if let Some(room) = call.state.direct_room(call.me(), other) {
        return Ok(room.uuid);
    }
    let (seq, title) = (call.state.next_seq(), call.state.person(other)?.name.clone());
    let room = call.state.open(new_room(seq, &call.caller, &title, RoomType::Direct))?;
    let me = call.me();
    call.state.join(room, other, Role::Member, me)?;
    Ok(room)
}

fn content(call: &Call<'_>) -> Result<Content, Failure> {
    let (files, attachments) =
        (strings(call.body.get("files")), list_of(call.body.get("attachments")));
    let content = words(call)?;
    if content.text.is_none() && files.is_empty() && attachments.is_empty() {
        return Err(Failure::bad("A message needs text, markdown, files or attachments."));
    }
    let files = files.iter().map(|file| stored(call, file)).collect();
    Ok(Content { files, attachments, parent: call.text("parentId").map(str::to_owned), ..content })
}

/// The address where Webex keeps a copy of a file. The simulator keeps none.
fn stored(call: &Call<'_>, file: &str) -> String {
    format!("{}/v1/contents/{}", call.origin, ids::us(Kind::Content, ids::derived("content", file)))
}

fn words(call: &Call<'_>) -> Result<Content, Failure> {
    let (text, markdown) = (call.text("text"), call.text("markdown"));
    if text.or(markdown).is_some_and(|words| words.len() > LONGEST_TEXT) {
        return Err(Failure::bad(format!("The text is longer than {LONGEST_TEXT} bytes.")));
    }
    let read = markdown
        .map(|markdown| markdown::read(call.state, markdown).into_content())
        .unwrap_or_default();
    Ok(Content { text: text.map(str::to_owned).or(read.text), ..read })
}

fn strings(value: Option<&Value>) -> Vec<String> {
    list_of(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn list_of(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn update(call: &mut Call<'_>, id: &str) -> Answered {
    let message = visible(call, id)?;
    let (seq, author, room) = (message.seq, message.author, message.room);
    if own_room(call, call.required("roomId")?)?.uuid != room {
        return Err(Failure::bad("roomId: the message is in another room"));
    }
    let content = words(call)?;
    if author != call.me() || content.text.is_none() {
        return Err(Failure::bad("Only the author can edit a message, and not to nothing."));
    }
    let message = call.state.edit(seq, content, author)?;
    rendered(call, &message).map(Answer::Item)
}

/// The author deletes a message, or a moderator.
fn delete(call: &mut Call<'_>, id: &str) -> Answered {
    let message = visible(call, id)?;
    let (seq, me) = (message.seq, call.me());
    let moderator =
        call.state.membership(message.room, me).is_some_and(|membership| membership.moderator);
    if message.author != me && !moderator {
        return Err(Failure::forbidden("Only the author or a moderator can delete a message."));
    }
    call.state.erase(seq, me)?;
    Ok(Answer::Nothing)
}
