//! Puts faults into effect.

use std::borrow::Cow;
use std::time::Duration;

use http::{StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::fault::{Misbehaviour, RetryAfter};
use super::ids;
use super::paging::{LinkStyle, Page};
use super::rt;
use super::wire::{Ask, HangUp, Outcome, Reply};

/// What the faults of a call come to, before it is answered.
pub(crate) async fn before(faults: &[Misbehaviour]) -> Option<Outcome> {
    for fault in faults {
        if let Misbehaviour::Slow { milliseconds } = fault {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
        }
    }
    if faults.contains(&Misbehaviour::Hangs) {
        // The client, or the end of the simulator, ends this.
        std::future::pending::<()>().await;
    }
    faults.iter().find_map(instead)
}

/// What is answered instead of what was asked: shorter pages.
pub(crate) fn asked<'a>(ask: &'a Ask, faults: &[Misbehaviour]) -> Cow<'a, Ask> {
    let most = faults.iter().find_map(|fault| {
        if let Misbehaviour::ShortPages { most } = fault { Some(*most) } else { None }
    });
    let Some(most) = most else { return Cow::Borrowed(ask) };
    let kept = ask.query.split('&').filter(|piece| !piece.is_empty() && !piece.starts_with("max="));
    let query = kept.map(str::to_owned).chain([format!("max={}", most.max(1))]);
    Cow::Owned(Ask { query: query.collect::<Vec<_>>().join("&"), ..ask.clone() })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other variants take effect elsewhere: `Misbehaviour::stage` lists them all"
)]
fn instead(fault: &Misbehaviour) -> Option<Outcome> {
    match fault {
        Misbehaviour::DropsConnection => Some(Err(HangUp)),
        Misbehaviour::ForgetsChange => Some(Ok(Reply::json(StatusCode::OK, &json!({})))),
        Misbehaviour::HtmlPage { status } => Some(Ok(Reply::html(code(*status)))),
        Misbehaviour::ServerError { status } => {
            Some(Ok(super::failure::Failure::new(code(*status), "Try again.").into()))
        }
        Misbehaviour::TooManyRequests { retry_after } => Some(Ok(too_many(retry_after.as_ref()))),
        _ => None,
    }
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// 429. Its body is a page for humans, as documented.
pub(crate) fn too_many(retry_after: Option<&RetryAfter>) -> Reply {
    let reply = Reply::html(StatusCode::TOO_MANY_REQUESTS);
    match retry_after {
        Some(RetryAfter::Date(seconds)) => reply.with(header::RETRY_AFTER, &http_date(*seconds)),
        Some(RetryAfter::Malformed) => reply.with(header::RETRY_AFTER, "rand(30),add(30)"),
        Some(RetryAfter::Seconds(seconds)) => reply.with(header::RETRY_AFTER, &seconds.to_string()),
        None => reply,
    }
}

fn http_date(seconds: u32) -> String {
    let then = rt::now().saturating_add(SignedDuration::from_secs(i64::from(seconds)));
    then.map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap_or_default()
}

/// Spoils a page. `caller` is the id of the person who asks.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other variants take effect elsewhere: `Misbehaviour::stage` lists them all"
)]
pub(crate) fn spoil(page: &mut Page, fault: &Misbehaviour, caller: &str) {
    match fault {
        Misbehaviour::EmptyList => page.items.clear(),
        Misbehaviour::EmptyPage => empty(page),
        Misbehaviour::ForeignItem => add_foreign_item(page),
        Misbehaviour::ForeignNextLink { origin } => {
            page.next = page.next.or(Some(page.at));
            page.style = LinkStyle::Foreign(origin.clone());
        }
        Misbehaviour::ItemErrors => change_last(page, |item| put(item, "errors", item_errors())),
        Misbehaviour::LoopingNextLink => page.next = Some(page.at),
        Misbehaviour::LosesParameters => page.style = LinkStyle::LostParameters,
        Misbehaviour::MaxNull => page.style = LinkStyle::MaxNull,
        Misbehaviour::ModeratorsOnly => keep(page, |item| says(item, "isModerator", &json!(true))),
        Misbehaviour::OmitsCaller => keep(page, |item| !says(item, "personId", &json!(caller))),
        Misbehaviour::OmitsOrg => change_last(page, forget_org),
        _ => {}
    }
}

fn empty(page: &mut Page) {
    page.items.clear();
    page.next = Some(page.at);
}

fn add_foreign_item(page: &mut Page) {
    let elsewhere = ids::derived("room", "one that nobody asked for");
    let Some(mut copy) = page.items.last().cloned() else {
        return;
    };
    put(&mut copy, "roomId", json!(ids::us(ids::Kind::Room, elsewhere)));
    let stranger = ids::derived("person", "one who is not in this room");
    put(&mut copy, "personId", json!(ids::us(ids::Kind::Person, stranger)));
    page.items.push(copy);
}

fn keep(page: &mut Page, wanted: impl Fn(&Value) -> bool) {
    page.items.retain(wanted);
}

fn says(item: &Value, key: &str, value: &Value) -> bool {
    item.get(key) == Some(value)
}

fn change_last(page: &mut Page, change: impl FnOnce(&mut Value)) {
    if let Some(item) = page.items.last_mut() {
        change(item);
    }
}

fn put(item: &mut Value, key: &str, value: Value) {
    if let Some(members) = item.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

fn item_errors() -> Value {
    let reason = "Key management server failed to respond appropriately.";
    json!({"personDisplayName": {"code": "kms_failure", "reason": reason}})
}

fn forget_org(item: &mut Value) {
    if let Some(members) = item.as_object_mut() {
        members.remove("personOrgId");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_wants_it() {
        let reply = too_many(Some(&RetryAfter::Date(60)));
        let date = reply.headers[header::RETRY_AFTER].to_str().unwrap().to_owned();
        let read = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", &date).unwrap();
        let then =
            read.to_datetime().unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        let wait = then.duration_since(rt::now()).as_secs();
        assert!((50..=60).contains(&wait), "{date}");
    }
}
