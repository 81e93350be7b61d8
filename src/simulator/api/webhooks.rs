//! `/webhooks`

use http::Method;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::{Answer, Answered, Call};
use crate::simulator::failure::Failure;
use crate::simulator::filter::{Filter, is_offered};
use crate::simulator::health::Health;
use crate::simulator::ids::{self, Kind};
use crate::simulator::model::Webhook;
use crate::simulator::paging::Page;
use crate::simulator::rt;

/// The real limit is 30,000 a user; nobody needs that many here, and each event looks at all of them.
const MOST_WEBHOOKS: usize = 10_000;

pub(super) fn answer(call: &mut Call<'_>, method: &Method, rest: &[&str]) -> Answered {
    match (method.as_str(), rest) {
        ("GET", []) => list(call),
        ("POST", []) => create(call),
        ("GET", [id]) => own(call, id).map(|webhook| Answer::Item(webhook.json(&call.caller))),
        ("PUT", [id]) => update(call, id),
        ("DELETE", [id]) => delete(call, id),
        (_, [] | [_]) => Err(Failure::wrong_method()),
        _ => Err(Failure::missing()),
    }
}

fn own<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Webhook, Failure> {
    let uuid = ids::parse_uuid(id, Kind::Webhook).ok_or_else(Failure::missing)?.1;
    let mut own = call.state.webhooks.values().filter(|webhook| webhook.owner == call.me());
    own.find(|webhook| webhook.uuid == uuid).ok_or_else(Failure::missing)
}

fn list(call: &Call<'_>) -> Answered {
    let own = call.state.webhooks.values().filter(|webhook| webhook.owner == call.me());
    let all = own.map(|webhook| (webhook.seq, webhook)).collect();
    let page = Page::cut(all, &call.query, 100, |webhook| Ok(webhook.json(&call.caller)))?;
    Ok(Answer::List(page))
}

fn create(call: &mut Call<'_>) -> Answered {
    if call.state.webhooks.len() >= MOST_WEBHOOKS {
        return Err(Failure::forbidden("Too many webhooks."));
    }
    let (resource, event) =
        (call.required("resource")?.to_owned(), call.required("event")?.to_owned());
    if !is_offered(&resource, &event) {
        return Err(Failure::bad(format!("There is no webhook for {resource}:{event}.")));
    }
    let webhook = Webhook {
        seq: 0,
        uuid: Uuid::new_v4(),
        owner: call.me(),
        name: call.required("name")?.to_owned(),
        target: target(call)?,
        filter: filter(call, &resource)?,
        resource,
        event,
        secret: call.text("secret").map(str::to_owned),
        health: Health::default(),
        created: rt::now(),
    };
    Ok(Answer::Item(register(call, webhook)))
}

/// Duplicates are welcome, as on the real platform.
fn register(call: &mut Call<'_>, webhook: Webhook) -> serde_json::Value {
    let seq = call.state.next_seq();
    let answer = webhook.json(&call.caller);
    call.state.webhooks.insert(seq, Webhook { seq, ..webhook });
    answer
}

/// The real platform wants https; a simulator on one machine cannot be so strict.
fn target(call: &Call<'_>) -> Result<String, Failure> {
    let target = call.required("targetUrl")?;
    let url = Url::parse(target).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    url.map(|_| target.to_owned()).ok_or_else(|| Failure::bad("targetUrl: not an address"))
}

fn filter(call: &Call<'_>, resource: &str) -> Result<Option<Filter>, Failure> {
    let parsed = call.text("filter").map(|text| Filter::parse(resource, text)).transpose();
    parsed.map_err(|key| {
        Failure::bad(format!("Invalid filter: {key} cannot be used with {resource}."))
    })
}

/// Needs name and target; can never change resource, event or filter, and never switch off.
fn update(call: &mut Call<'_>, id: &str) -> Answered {
    let seq = own(call, id)?.seq;
    let (name, target) = (call.required("name")?.to_owned(), target(call)?);
    let secret = call.text("secret").map(str::to_owned);
    let activate = match call.text("status") {
        None => false,
        Some("active") => true,
        Some(_) => return Err(Failure::bad("status: only `active` can be asked for")),
    };
    let webhook = call.state.webhooks.get_mut(&seq).ok_or_else(Failure::missing)?;
    if activate {
        webhook.health.reactivated(Instant::now());
    }
    (webhook.name, webhook.target) = (name, target);
    webhook.secret = secret.or_else(|| webhook.secret.take());
    Ok(Answer::Item(webhook.json(&call.caller)))
}

fn delete(call: &mut Call<'_>, id: &str) -> Answered {
    let seq = own(call, id)?.seq;
    call.state.webhooks.remove(&seq);
    Ok(Answer::Nothing)
}
