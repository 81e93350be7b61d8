//! The control over HTTP: every method of [`Control`], as JSON under `/control`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::control::{Control, ControlError, Mention};
use super::fault::Fault;
use super::paging::Query;
use super::shared::Shared;
use super::view::Registration;
use super::wire::{Ask, Reply};

/// Long enough for any delivery to reach its deadline, short enough for a caller to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Answers a call to the control.
pub(crate) async fn answer(shared: &Arc<Shared>, ask: &Ask, path: &str) -> Reply {
    let control = Control::new(Arc::clone(shared));
    if (ask.method.as_str(), path) == ("POST", "/wait-idle") {
        return reply(Ok(json!({"idle": control.wait_idle(LONGEST_WAIT).await})));
    }
    reply(match ask.method.as_str() {
        "GET" => read(&control, path, &Query::parse(&ask.query)),
        "POST" => act(&control, ask, path),
        "DELETE" if path == "/faults" => {
            control.clear_faults();
            Ok(json!({}))
        }
        _ => Err(nothing_here(path)),
    })
}

fn reply(result: Result<Value, ControlError>) -> Reply {
    match result {
        Ok(value) => Reply::json(StatusCode::OK, &value),
        Err(error) => Reply::json(status_of(&error), &json!({"message": error.to_string()})),
    }
}

const fn status_of(error: &ControlError) -> StatusCode {
    match error {
        ControlError::Refused(_) => StatusCode::BAD_REQUEST,
        ControlError::Unknown { .. } => StatusCode::NOT_FOUND,
    }
}

fn nothing_here(path: &str) -> ControlError {
    ControlError::Unknown { what: "control", name: path.to_owned() }
}

fn read(control: &Control, path: &str, query: &Query) -> Result<Value, ControlError> {
    match path {
        "/world" => shown(&control.world()),
        "/messages" => shown(&control.messages(query.first("room").unwrap_or_default())?),
        "/webhooks" => shown(&control.webhooks()),
        "/deliveries" => shown(&control.deliveries()),
        "/calls" => shown(&control.calls()),
        "/faults" => shown(&control.faults()),
        _ => Err(nothing_here(path)),
    }
}

fn shown(value: &impl Serialize) -> Result<Value, ControlError> {
    serde_json::to_value(value).map_err(|error| ControlError::Refused(error.to_string()))
}

fn asked<T: DeserializeOwned>(ask: &Ask) -> Result<T, ControlError> {
    serde_json::from_slice(&ask.body).map_err(|error| ControlError::Refused(error.to_string()))
}

#[derive(Deserialize)]
struct Post {
    person: String,
    room: String,
    text: String,
    #[serde(default)]
    mention: Mention,
}

#[derive(Deserialize)]
struct Place {
    room: String,
    person: String,
}

#[derive(Deserialize)]
struct Card {
    person: String,
    room: String,
    #[serde(default)]
    inputs: Value,
}

#[derive(Deserialize)]
struct Migration {
    room: String,
}

#[derive(Deserialize)]
struct Imagined {
    person: String,
    room: String,
    text: String,
    webhook: String,
}

#[derive(Deserialize)]
struct Again {
    number: u64,
}

#[derive(Deserialize)]
struct Raw {
    target: String,
    body: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Owned {
    owner: String,
    #[serde(flatten)]
    registration: Registration,
}

fn act(control: &Control, ask: &Ask, path: &str) -> Result<Value, ControlError> {
    match path {
        "/post" => {
            let Post { person, room, text, mention } = asked(ask)?;
            Ok(json!({"id": control.post_mentioning(&person, &room, &text, &mention)?}))
        }
        "/join" => {
            let Place { room, person } = asked(ask)?;
            Ok(json!({"id": control.join(&room, &person)?}))
        }
        "/leave" => {
            let Place { room, person } = asked(ask)?;
            control.leave(&room, &person).map(|()| json!({}))
        }
        "/card" => {
            let Card { person, room, inputs } = asked(ask)?;
            let inputs = if inputs.is_object() { inputs } else { json!({}) };
            Ok(json!({"id": control.submit_card_with(&person, &room, inputs)?}))
        }
        "/migrate" => Ok(json!({"id": control.migrate_room(&asked::<Migration>(ask)?.room)?})),
        _ => direct(control, ask, path),
    }
}

/// Deliveries, faults and logs.
fn direct(control: &Control, ask: &Ask, path: &str) -> Result<Value, ControlError> {
    match path {
        "/event" => {
            let Imagined { person, room, text, webhook } = asked(ask)?;
            shown(&control.event(&person, &room, &text, &webhook)?)
        }
        "/webhooks" => {
            let Owned { owner, registration } = asked(ask)?;
            Ok(json!({"id": control.register(&owner, &registration)?}))
        }
        "/redeliver" => control.redeliver(asked::<Again>(ask)?.number).map(|()| json!({})),
        "/deliver" => {
            let Raw { target, body, headers } = asked(ask)?;
            control.deliver_raw(&target, body, headers);
            Ok(json!({}))
        }
        "/faults" => {
            control.fault(asked::<Fault>(ask)?);
            Ok(json!({}))
        }
        "/clear-log" => {
            control.clear_log();
            Ok(json!({}))
        }
        _ => Err(nothing_here(path)),
    }
}
