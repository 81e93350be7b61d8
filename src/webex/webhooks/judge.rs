//! One webhook, looked at for itself: rules 1 to 5 of the plan.

use url::Url;

use super::api::Webhook;
use super::desired::{Desired, OWN_NAME};
use crate::report::WebhookState;

/// What bots are told of. A webhook for anything else that leads elsewhere takes nothing from the gateway.
const OF_ROOMS: [&str; 5] = ["all", "attachmentActions", "memberships", "messages", "rooms"];

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
    let target = Url::parse(&webhook.target).ok();
    let here = target.filter(|target| target.origin() == desired.gateway.origin());
    let known = desired.foreign.iter().any(|listed| same(listed, webhook));
    let of_rooms = OF_ROOMS.contains(&&*webhook.resource);
    if !webhook.by_creator || known || (here.is_none() && !of_rooms) {
        return Place::Foreign;
    }
    let right = || desired.route_for(&webhook.resource, &webhook.event).cloned();
    let Some(here) = here else {
        let state = if is_own(webhook) { WebhookState::WrongTarget } else { WebhookState::Bypass };
        return Place::Wrong(state, right());
    };
    let route = desired.routes.iter().find(|route| route.path() == here.path());
    match route.filter(|route| fits(desired, webhook, route)) {
        Some(route) => Place::Right(route.clone()),
        None => Place::Wrong(WebhookState::WrongTarget, right()),
    }
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
