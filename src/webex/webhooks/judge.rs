//! One webhook, looked at for itself: rules 1 to 5 of the plan.

use url::{Position, Url};

use super::api::Webhook;
use super::desired::{Desired, OWN_NAME};
use crate::report::WebhookState;

/// About nothing that happens in rooms: wherever it leads, it takes nothing from the gateway. The other resources that
/// Webex documents are `all`, `attachmentActions`, `memberships`, `messages` and `rooms`; a word that nobody knows may
/// stand for any of them.
const HARMLESS: [&str; 15] = [
    "adminBatchJobs",
    "controlHubAlerts",
    "convergedRecordings",
    "dataSources",
    "meetingParticipants",
    "meetingTranscripts",
    "meetings",
    "recordings",
    "serviceApp",
    "telephony_calls",
    "telephony_conference",
    "telephony_mwi",
    "uc_counter",
    "uc_counters",
    "videoMeshAlerts",
];

pub(super) const EARLIER: &str = "carries another secret than the first, which is accepted too";
pub(super) const NO_ROUTE: &str =
    "no route of this bot takes its events: name them in routes.*.events";
pub(super) const RESTS: &str =
    "is switched on once it has been off, and the gateway well, for five minutes";

/// What is wrong with a webhook, and what becomes of it.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) webhook: &'a Webhook,
    /// The worst first; none if it is as it should be.
    pub(super) states: Vec<WebhookState>,
    pub(super) note: Option<&'static str>,
    /// The route that it leads to once the plan is done; none if it never comes to the gateway.
    pub(super) end: Option<Url>,
    pub(super) lets_on: bool,
    /// It is removed.
    pub(super) goes: bool,
}

impl<'a> Judged<'a> {
    fn at(webhook: &'a Webhook, end: Option<Url>) -> Self {
        Self { webhook, states: Vec::new(), note: None, end, lets_on: false, goes: false }
    }

    pub(super) fn words(&self) -> (&'a str, &'a str) {
        (&self.webhook.resource, &self.webhook.event)
    }

    pub(super) fn is_own(&self) -> bool {
        is_own(self.webhook)
    }

    pub(super) fn is(&self, state: WebhookState) -> bool {
        self.states.contains(&state)
    }
}

pub(super) fn is_own(webhook: &Webhook) -> bool {
    webhook.name.starts_with(OWN_NAME)
}

/// Rules 1 to 5.
pub(super) fn judge<'a>(desired: &Desired, webhook: &'a Webhook) -> Judged<'a> {
    let mut judged = match place(desired, webhook) {
        Place::Foreign => {
            let foreign = Judged::at(webhook, None);
            return Judged { states: vec![WebhookState::Foreign], ..foreign };
        }
        Place::Right(route) => Judged::at(webhook, Some(route)),
        Place::Wrong(state, Some(route)) => {
            Judged { states: vec![state], ..Judged::at(webhook, Some(route)) }
        }
        Place::Wrong(state, None) => {
            let astray = Judged::at(webhook, None);
            return Judged { states: vec![state], note: Some(NO_ROUTE), ..astray };
        }
    };
    signed(desired, &mut judged);
    switched(desired, &mut judged);
    judged
}

enum Place {
    Foreign,
    Right(Url),
    /// And the right one, if there is one.
    Wrong(WebhookState, Option<Url>),
}

/// Rules 1 to 3.
fn place(desired: &Desired, webhook: &Webhook) -> Place {
    let path = here(&desired.gateway, &webhook.target);
    let at =
        |routes: &[Url]| routes.iter().find(|route| Some(route.path()) == path.as_deref()).cloned();
    let (route, other) = (at(&desired.routes), at(&desired.others));
    let known = desired.foreign.iter().any(|listed| same(listed, webhook));
    let harmless = HARMLESS.contains(&&*webhook.resource) && route.is_none();
    if !webhook.by_creator || known || harmless {
        return Place::Foreign;
    }
    let right = || desired.route_for(&webhook.resource, &webhook.event).cloned();
    match route {
        Some(route) if fits(desired, webhook, &route) => Place::Right(route),
        None if other.is_none() => Place::Wrong(WebhookState::Bypass, right()),
        Some(_) | None => Place::Wrong(WebhookState::WrongTarget, right()),
    }
}

/// The path at the gateway that it surely leads to. What comes to the gateway first may read another spelling of an
/// address in another way than the gateway would, and lead it anywhere; only the case of the host and the default port
/// mean nothing to anybody.
fn here(gateway: &Url, target: &str) -> Option<String> {
    let url = Url::parse(target).ok().filter(|url| url.origin() == gateway.origin())?;
    let (scheme, rest) = target.split_once("://")?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let server = authority.rsplit('@').next()?.to_ascii_lowercase();
    let host = url.host_str()?;
    let port = url.port_or_known_default()?;
    let is_server = server == format!("{host}:{port}") || (url.port().is_none() && server == host);
    let parsed = &url[Position::BeforePath..];
    let is_rest = rest == parsed || (url.path() == "/" && Some(rest) == parsed.strip_prefix('/'));
    let is_exact = scheme.eq_ignore_ascii_case(url.scheme()) && is_server && is_rest;
    is_exact.then(|| url.path().to_owned())
}

/// Listed as it is, or as people are shown it.
fn same(listed: &str, webhook: &Webhook) -> bool {
    let parsed = || Some((Url::parse(listed).ok()?, Url::parse(&webhook.target).ok()?));
    *listed == *webhook.target
        || listed == webhook.shown_target()
        || parsed().is_some_and(|(listed, target)| listed == target)
}

/// A framework may use any route of its bot; the gateway's own follow the configuration.
fn fits(desired: &Desired, webhook: &Webhook, route: &Url) -> bool {
    let mut wants = desired.wants(&webhook.resource, &webhook.event).peekable();
    !is_own(webhook) || wants.peek().is_none() || wants.any(|wanted| wanted == route)
}

/// Rule 4.
fn signed(desired: &Desired, judged: &mut Judged<'_>) {
    match &judged.webhook.secret {
        None => judged.states.push(WebhookState::Unsigned),
        Some(secret) if *secret == desired.secret => {}
        Some(secret) if desired.earlier.contains(secret) => judged.note = Some(EARLIER),
        Some(_) => judged.states.push(WebhookState::SecretDiffers),
    }
}

/// Rule 5.
fn switched(desired: &Desired, judged: &mut Judged<'_>) {
    if judged.webhook.active {
        return;
    }
    judged.states.push(WebhookState::Inactive);
    judged.lets_on = desired.health.lets_on(judged.webhook);
    if !judged.lets_on {
        judged.note = Some(RESTS);
    }
}
