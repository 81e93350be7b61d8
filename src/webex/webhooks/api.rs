//! `/webhooks`. Every answer holds the webhook's secret in clear: no answer is ever logged or kept as text.

use std::fmt;
use std::time::SystemTime;

use http::Method;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use url::Url;

use crate::gate::roster::End;
use crate::gate::secret::Secret;
use crate::report::Operation;
use crate::report::outage::{Kind, Outage};
use crate::webex::Effort;
use crate::webex::call::{Ask, Reply};
use crate::webex::client::Client;
use crate::webex::model::Page;
use crate::webex::trail::{Step, Trail, nonsense};

const PAGE_BYTES: usize = 4 * 1024 * 1024;
const ONE: usize = 256 * 1024;

/// A webhook, as Webex has it.
#[derive(Clone)]
pub struct Webhook {
    /// What `PUT` and `DELETE` name it by.
    pub id: Box<str>,
    /// Frameworks drop events whose webhook has another name than they gave it. Empty if Webex says none.
    pub name: Box<str>,
    /// Where events go. Its query may hold a secret: show it by [`Self::shown_target`] only.
    pub target: Box<str>,
    /// Such as `messages`, or `all`.
    pub resource: Box<str>,
    /// Such as `created`, or `all`.
    pub event: Box<str>,
    /// Only some of the events.
    pub filter: Option<Box<str>>,
    /// What deliveries are signed with; without one they are not.
    pub secret: Option<Secret>,
    /// Whether it is switched on; anything but `active` counts as off.
    pub active: bool,
    /// It is the bot's own: everything that is not surely one of its whole organisation (`org`).
    pub by_creator: bool,
    /// When it was registered.
    pub created: Option<SystemTime>,
}

/// A webhook to be made.
#[derive(Clone)]
pub struct Fresh {
    /// Its name.
    pub name: Box<str>,
    /// Where events go.
    pub target: Box<str>,
    /// Such as `messages`.
    pub resource: Box<str>,
    /// Such as `created`.
    pub event: Box<str>,
    /// What deliveries are signed with.
    pub secret: Secret,
}

/// A webhook to be changed. Webex wants name and target every time.
#[derive(Clone)]
pub struct Repair {
    /// Which one.
    pub id: Box<str>,
    /// The name that it has: it is kept.
    pub name: Box<str>,
    /// Where events go from now on.
    pub target: Box<str>,
    /// What deliveries are signed with from now on, at once; as before if there is none.
    pub secret: Option<Secret>,
    /// Switch it on.
    pub activate: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: Box<str>,
    #[serde(default, deserialize_with = "text")]
    name: Box<str>,
    #[serde(default, deserialize_with = "text")]
    target_url: Box<str>,
    #[serde(default, deserialize_with = "text")]
    resource: Box<str>,
    #[serde(default, deserialize_with = "text")]
    event: Box<str>,
    filter: Option<Box<str>>,
    #[serde(default, deserialize_with = "secret")]
    secret: Option<Secret>,
    #[serde(default, deserialize_with = "text")]
    status: Box<str>,
    owned_by: Option<Box<str>>,
    created: Option<Box<str>>,
}

/// One webhook that somebody made in an odd way must not hide the others: what is no text is empty.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Box<str>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(value.as_str().unwrap_or_default().into())
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    let text = Option::<String>::deserialize(from)?.filter(|text| !text.is_empty());
    Ok(text.map(|text| Secret::new(text.into_bytes())))
}

impl From<Item> for Webhook {
    fn from(item: Item) -> Self {
        let created = item.created.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        Self {
            id: item.id,
            name: item.name,
            target: item.target_url,
            resource: item.resource,
            event: item.event,
            filter: item.filter.filter(|filter| !filter.is_empty()),
            secret: item.secret,
            active: &*item.status == "active",
            by_creator: item.owned_by.is_none_or(|owner| &*owner != "org"),
            created: created.map(SystemTime::from),
        }
    }
}

impl Webhook {
    /// The target without what may be secret in it: no user, no password, no query.
    pub fn shown_target(&self) -> String {
        shown(&self.target)
    }
}

/// No secret, and no target as it is.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.shown_target();
        let Self { id, name, resource, event, active, .. } = self;
        write!(f, "Webhook({id} {name:?} {resource}.{event} {target} active={active})")
    }
}

/// The same.
impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, target, resource, event, secret: _ } = self;
        write!(f, "Fresh({name:?} {resource}.{event} {})", shown(target))
    }
}

/// The same.
impl fmt::Debug for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, target, secret: _, activate } = self;
        write!(f, "Repair({id} {name:?} {} activate={activate})", shown(target))
    }
}

/// An address for people: scheme, host, port and path.
pub(super) fn shown(target: &str) -> String {
    let Ok(mut url) = target.parse::<Url>() else { return "(not an address)".to_owned() };
    let cut = url.query().is_some();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only where there is no host, and then there is nothing to take away.
    let _no_host = url.set_username("").and_then(|()| url.set_password(None));
    if cut { format!("{url}?…") } else { url.to_string() }
}

impl Client {
    /// All webhooks of the bot, oldest first as Webex lists them.
    pub async fn webhooks(&self, effort: Effort) -> Result<Vec<Webhook>, Outage> {
        let mut here = self.url(&["webhooks"]);
        here.query_pairs_mut().append_pair("max", "100");
        let (mut trail, mut all) = (Trail::new(here.clone()), Vec::new());
        loop {
            let question = effort.question(Operation::Webhooks);
            let found = match self.ask::<Page<Item>>(question, &here, PAGE_BYTES).await? {
                Reply::Found(found) => found,
                Reply::Absent | Reply::Done => {
                    return Err(nonsense("Webex does not list the bot's webhooks"));
                }
            };
            all.extend(found.value.items.into_iter().map(Webhook::from));
            match trail.step(&here, &found.headers)? {
                Step::Page(next) => here = next,
                Step::End(End::LastPage) => return Ok(all),
                Step::End(End::GaveUp | End::NoSuchRoom) => {
                    return Err(nonsense("the list of the bot's webhooks has no end"));
                }
            }
        }
    }

    /// Makes a webhook. Sent again only when Webex surely did not take it: two equal webhooks are two deliveries.
    pub async fn create_webhook(&self, effort: Effort, fresh: &Fresh) -> Result<(), Outage> {
        let mut body = json!({
            "name": fresh.name, "targetUrl": fresh.target, "resource": fresh.resource, "event": fresh.event,
        });
        add_secret(&mut body, Some(&fresh.secret))?;
        let url = self.url(&["webhooks"]);
        let question = effort.question(Operation::CreateWebhook);
        let ask = Ask { method: Method::POST, url: &url, body: Some(sealed(&body)) };
        self.changed(question, ask).await
    }

    /// Changes a webhook. `resource`, `event` and `filter` can never be changed.
    pub async fn update_webhook(&self, effort: Effort, repair: &Repair) -> Result<(), Outage> {
        let mut body = json!({"name": repair.name, "targetUrl": repair.target});
        add_secret(&mut body, repair.secret.as_ref())?;
        if repair.activate
            && let Some(body) = body.as_object_mut()
        {
            body.insert("status".to_owned(), "active".into());
        }
        let url = self.url(&["webhooks", &repair.id]);
        let question = effort.question(Operation::UpdateWebhook);
        let ask = Ask { method: Method::PUT, url: &url, body: Some(sealed(&body)) };
        self.changed(question, ask).await
    }

    /// Removes a webhook; one that is not there any more (404) counts as removed, one that the bot may not remove (403)
    /// does not.
    pub async fn delete_webhook(&self, effort: Effort, id: &str) -> Result<(), Outage> {
        let url = self.url(&["webhooks", id]);
        let question = effort.question(Operation::DeleteWebhook);
        let ask = Ask { method: Method::DELETE, url: &url, body: None };
        match self.call::<IgnoredAny>(question, ask, ONE).await? {
            Reply::Done | Reply::Found(_) | Reply::Absent => Ok(()),
        }
    }

    async fn changed(
        &self,
        question: crate::webex::call::Question,
        ask: Ask<'_>,
    ) -> Result<(), Outage> {
        match self.call::<IgnoredAny>(question, ask, ONE).await? {
            Reply::Done | Reply::Found(_) => Ok(()),
            Reply::Absent => {
                let cause =
                    "Webex does not know the webhook (any more), or does not let the bot have it";
                Err(Outage::new(Kind::WebexUnavailable, cause))
            }
        }
    }
}

/// Webex takes the text of a secret, so one that is not text cannot be registered.
fn add_secret(body: &mut Value, secret: Option<&Secret>) -> Result<(), Outage> {
    let (Some(secret), Some(body)) = (secret, body.as_object_mut()) else { return Ok(()) };
    let text = std::str::from_utf8(secret.expose()).map_err(|_secret| {
        let cause = "the webhook secret is not text (UTF-8), so that no webhook can carry it";
        Outage::new(Kind::Bug, cause)
    })?;
    body.insert("secret".to_owned(), text.into());
    Ok(())
}

fn sealed(body: &Value) -> Secret {
    Secret::new(body.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Webhook {
        serde_json::from_str::<Item>(text).unwrap().into()
    }

    #[test]
    fn what_is_no_text_is_empty_and_hides_no_other_webhook() {
        let odd = r#"{"id": "x", "name": null, "targetUrl": 7, "resource": null, "event": [], "status": null, "secret": null}"#;
        let webhook = read(odd);
        let empty = [&webhook.name, &webhook.target, &webhook.resource, &webhook.event];
        assert!(empty.iter().all(|text| text.is_empty()) && !webhook.active);
    }

    #[test]
    fn only_what_is_surely_of_the_organisation_is_not_the_bots_own() {
        for (owner, own) in [("\"org\"", false), ("\"ORG\"", true), ("\"\"", true), ("null", true)]
        {
            let webhook = read(&format!(r#"{{"id": "x", "ownedBy": {owner}}}"#));
            assert_eq!(webhook.by_creator, own, "{owner}");
        }
    }
}
