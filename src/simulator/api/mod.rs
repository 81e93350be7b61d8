//! The REST API under `/v1`.

mod actions;
mod memberships;
pub(crate) mod messages;
mod people;
mod rooms;
mod webhooks;

use http::{StatusCode, header};
use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

use super::failure::Failure;
use super::fault::{Misbehaviour, RetryAfter, Stage, Target};
use super::log::CallRecord;
use super::model::{Person, date};
use super::paging::{Page, Query};
use super::shared::Shared;
use super::state::State;
use super::wire::{Ask, Outcome, Reply};
use super::{form, misbehave, rt};

/// An authorised call, as the resources see it.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) caller: Person,
    pub(crate) query: Query,
    pub(crate) body: Map<String, Value>,
    pub(crate) origin: &'a str,
}

/// What a resource answers.
pub(crate) enum Answer {
    Accepted(Value),
    Item(Value),
    Nothing,
    List(Page),
}

pub(crate) type Answered = Result<Answer, Failure>;

impl Call<'_> {
    pub(crate) fn me(&self) -> Uuid {
        self.caller.uuid
    }

    /// A text member of the body.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A flag of the body; forms send words.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let value = self.body.get(key)?;
        value.as_bool().or_else(|| value.as_str()?.parse().ok())
    }

    pub(crate) fn required(&self, key: &str) -> Result<&str, Failure> {
        self.text(key).ok_or_else(|| Failure::bad(format!("{key} cannot be null")))
    }
}

/// Answers a call, or misbehaves as the faults in force demand.
pub(crate) async fn answer(shared: &Shared, ask: &Ask, path: &str) -> Outcome {
    let mut amnesties = shared.amnesties();
    let caller = shared.change(|state| caller(state, ask));
    let person = caller.as_ref().map(|person| person.handle.as_str());
    let (method, query) = (ask.method.as_str(), ask.query.as_str());
    let target = Target { method, path, query, person };
    let faults = shared.change(|state| state.faults.take(Stage::Call, &target));
    let record = shared.change(|state| state.called(ask, &target));
    let outcome = match misbehave::before(&faults).await {
        Some(outcome) => outcome,
        None => Ok(regular(shared, &misbehave::asked(ask, &faults), path, caller)),
    };
    let status = status_of(&outcome);
    shared.change(|state| state.calls.amend(record, |call| call.status = status));
    if faults.contains(&Misbehaviour::HoldsAnswer) {
        // It fails only with the end of the simulator.
        drop(amnesties.changed().await);
    }
    let truncated = faults.contains(&Misbehaviour::TruncatesBody);
    outcome.map(|reply| Reply { truncated, ..reply })
}

fn status_of(outcome: &Outcome) -> Option<u16> {
    outcome.as_ref().ok().map(|reply| reply.status.as_u16())
}

fn caller(state: &State, ask: &Ask) -> Option<Person> {
    let (scheme, token) = ask.header(header::AUTHORIZATION)?.split_once(' ')?;
    let token = scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())?;
    state.people.get(state.tokens.get(token)?).cloned()
}

impl State {
    fn called(&mut self, ask: &Ask, target: &Target<'_>) -> u64 {
        self.calls.push(CallRecord {
            at: date(rt::now()),
            method: target.method.to_owned(),
            path: target.path.to_owned(),
            query: ask.query.clone(),
            person: target.person.map(str::to_owned),
            status: None,
        })
    }
}

fn regular(shared: &Shared, ask: &Ask, path: &str, caller: Option<Person>) -> Reply {
    let Some(caller) = caller else {
        return Failure::unauthorised().into();
    };
    if let Err(seconds) = allowed(shared, &caller) {
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        return misbehave::too_many(Some(&RetryAfter::Seconds(seconds)));
    }
    let origin = origin(shared, ask);
    let answered = shared.change(|state| ask_resource(state, &origin, ask, path, caller));
    answered.unwrap_or_else(Reply::from)
}

/// Links lead back to where the caller found the simulator: behind a forwarded port it has another name than it knows.
fn origin(shared: &Shared, ask: &Ask) -> String {
    let host = ask.header(header::HOST).map(|host| format!("http://{host}"));
    host.unwrap_or_else(|| shared.origin.clone())
}

fn allowed(shared: &Shared, caller: &Person) -> Result<(), u64> {
    let Some(most) = shared.requests_per_minute else {
        return Ok(());
    };
    shared.change(|state| state.allowance.take(caller.uuid, most, Instant::now()))
}

fn ask_resource(
    state: &mut State,
    origin: &str,
    ask: &Ask,
    path: &str,
    caller: Person,
) -> Result<Reply, Failure> {
    let body = form::read(ask)?;
    let mut call = Call { state, caller, query: Query::parse(&ask.query), body, origin };
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let answer = match segments.as_slice() {
        ["attachment", "actions", rest @ ..] => actions::answer(&mut call, &ask.method, rest),
        ["memberships", rest @ ..] => memberships::answer(&mut call, &ask.method, rest),
        ["messages", rest @ ..] => messages::answer(&mut call, &ask.method, rest),
        ["people", rest @ ..] => people::answer(&call, &ask.method, rest),
        ["rooms", rest @ ..] => rooms::answer(&mut call, &ask.method, rest),
        ["webhooks", rest @ ..] => webhooks::answer(&mut call, &ask.method, rest),
        _ => Err(Failure::missing()),
    }?;
    Ok(render(&mut call, answer, ask, path))
}

fn render(call: &mut Call<'_>, answer: Answer, ask: &Ask, path: &str) -> Reply {
    match answer {
        Answer::Accepted(value) => Reply::json(StatusCode::ACCEPTED, &value),
        Answer::Item(value) => Reply::json(StatusCode::OK, &value),
        Answer::Nothing => Reply::nothing(),
        Answer::List(page) => list(call, page, ask, path),
    }
}

fn list(call: &mut Call<'_>, mut page: Page, ask: &Ask, path: &str) -> Reply {
    let (method, query) = (ask.method.as_str(), ask.query.as_str());
    let target = Target { method, path, query, person: Some(&call.caller.handle) };
    let caller = call.caller.id();
    let faults = call.state.faults.take(Stage::List, &target);
    for fault in &faults {
        misbehave::spoil(&mut page, fault, &caller);
    }
    let reply = Reply::json(StatusCode::OK, &page.body());
    match page.link(call.origin, path, &call.query) {
        Some(link) => reply.with(header::LINK, &link),
        None => reply,
    }
}
