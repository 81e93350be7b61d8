//! `/attachment/actions`

use http::Method;

use super::messages::visible;
use super::{Answer, Answered, Call};
use crate::simulator::changes::empty_inputs;
use crate::simulator::failure::Failure;
use crate::simulator::ids::{self, Kind};

pub(super) fn answer(call: &mut Call<'_>, method: &Method, rest: &[&str]) -> Answered {
    match (method.as_str(), rest) {
        ("POST", []) => submit(call),
        ("GET", [id]) => find(call, id),
        (_, [] | [_]) => Err(Failure::wrong_method()),
        _ => Err(Failure::missing()),
    }
}

/// The published status of success is 202, not 200.
fn submit(call: &mut Call<'_>) -> Answered {
    if call.required("type")? != "submit" {
        return Err(Failure::bad("type: not `submit`"));
    }
    let message = visible(call, call.required("messageId")?)?.clone();
    if message.content.attachments.is_empty() {
        return Err(Failure::bad("messageId: the message has no card"));
    }
    let inputs = call.body.get("inputs").cloned().unwrap_or_else(empty_inputs);
    let me = call.me();
    Ok(Answer::Accepted(call.state.submit(&message, me, inputs)?))
}

fn find(call: &Call<'_>, id: &str) -> Answered {
    let uuid = ids::parse_uuid(id, Kind::Action).ok_or_else(Failure::missing)?.1;
    let action = call
        .state
        .actions
        .iter()
        .find(|action| action.uuid == uuid)
        .ok_or_else(Failure::missing)?;
    let room = call.state.room(action.room)?;
    let visible = call.state.is_member(room.uuid, call.me());
    visible.then(|| Answer::Item(action.json(room))).ok_or_else(Failure::missing)
}
