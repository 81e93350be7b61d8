//! `/people`

use http::Method;
use serde_json::json;

use super::{Answer, Answered, Call};
use crate::simulator::failure::Failure;
use crate::simulator::model::Person;
use crate::simulator::paging::Page;

/// Published: so many ids can be asked for at once.
const MOST_IDS: usize = 85;

pub(super) fn answer(call: &Call<'_>, method: &Method, rest: &[&str]) -> Answered {
    match (method.as_str(), rest) {
        ("GET", []) => list(call),
        ("GET", ["me"]) => Ok(Answer::Item(call.caller.json())),
        ("GET", [id]) => {
            call.state.person_by_id(id).map(|p| Answer::Item(p.json())).ok_or_else(Failure::missing)
        }
        (_, [] | [_]) => Err(Failure::wrong_method()),
        _ => Err(Failure::missing()),
    }
}

fn list(call: &Call<'_>) -> Answered {
    if let Some(ids) = call.query.first("id") {
        by_ids(call, ids)
    } else if let Some(email) = call.query.first("email") {
        matching(call, |person| person.email.eq_ignore_ascii_case(email))
    } else if let Some(name) = call.query.first("displayName") {
        matching(call, |person| person.name.to_lowercase().starts_with(&name.to_lowercase()))
    } else {
        Err(Failure::bad("Email, displayName, or id list should be specified."))
    }
}

fn by_ids(call: &Call<'_>, ids: &str) -> Answered {
    let ids: Vec<&str> = ids.split(',').collect();
    if ids.len() > MOST_IDS {
        return Err(Failure::bad(format!("id: more than {MOST_IDS} ids")));
    }
    let (found, missing): (Vec<_>, Vec<_>) =
        ids.iter().partition(|id| call.state.person_by_id(id).is_some());
    let people = found.into_iter().filter_map(|id| call.state.person_by_id(id));
    let mut page = cut(call, people.collect())?;
    if !missing.is_empty() {
        page.extra.insert("notFoundIds".to_owned(), json!(missing));
    }
    Ok(Answer::List(page))
}

/// People of the caller's own organisation: others cannot be looked up like this.
fn matching(call: &Call<'_>, wanted: impl Fn(&Person) -> bool) -> Answered {
    let own = |person: &&Person| person.org == call.caller.org && wanted(person);
    let people = call.state.people.values().filter(own).collect();
    Ok(Answer::List(cut(call, people)?))
}

fn cut(call: &Call<'_>, people: Vec<&Person>) -> Result<Page, Failure> {
    let numbered = (1..).zip(people).collect();
    Page::cut(numbered, &call.query, 100, |person| Ok(person.json()))
}
