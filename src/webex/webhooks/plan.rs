//! What is wrong with the webhooks of a bot, and what to change.
//!
//! The rules, in order. Every webhook that the token can list is judged by rules 1 to 5, each for itself; 6 and 7 look
//! at those that lead to the gateway, or will once they are repaired.
//!
//! 1. **foreign**: not registered by the bot itself but for its organisation; or its target is listed as known; or it
//!    is surely about nothing that happens in rooms, and leads to no route of this bot. It is never touched.
//! 2. It leads to no route of the configuration: to another scheme, host or port than `server.public_url`, to another
//!    path, or is spelled so that not everybody reads the same address. It is a **bypass**, whatever its name says: its
//!    events may go around the gateway. It is led to the route of its events, and keeps its name: frameworks drop
//!    events whose webhook is not called as they called it.
//! 3. It leads to a route of another bot, or is the gateway's own and leads to another route than the one that wants
//!    its events: **wrong target**, repaired in the same way.
//! 4. It carries no secret: **unsigned**. It carries one that the gateway does not accept: **secret differs**. Both get
//!    the first secret. One that is accepted but is not the first stays: while a secret is replaced, replicas with the
//!    old and with the new configuration must not fight.
//! 5. It is not active: **inactive**. It is switched on if [`Health`] lets it, also when something else is repaired.
//! 6. Another one brings the same events to the same route through the same filter: **duplicate**. One of the gateway's
//!    own is removed if that other, as it is listed, needs no change; before that it waits. A framework's is never
//!    removed, only told. What is on, as listed, stays before what is off: what is about to be done brings no events.
//! 7. A wanted event that none of those brings that stay: **missing**. A webhook with a filter brings nothing for sure.
//! 8. What is left is **ok**.
//!
//! All that a webhook needs is one change. Where all changes were made, the next plan only removes what is replaced by
//! then, and the one after that has none.
//!
//! [`Health`]: super::Health

use std::fmt;

use super::api::{Fresh, Repair, Webhook, shown};
use super::cover::{Standing, missing, standings};
use super::desired::{Desired, Wanted};
use super::judge::{Judged, judge};
use crate::report::WebhookState;

const LEFT_ALONE: &str = "is not the gateway's own, so that it is not removed by itself";
/// Webex wants a name with every change, and may have none to list.
const UNNAMED: &str = "unnamed";
const WAITS: &str = "is removed once what replaces it is in order";

/// The longest word for a resource or an event is `meetingTranscripts`.
const LONGEST_WORD: usize = 40;

/// A webhook, and how it is with it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As Webex has it. Its name is foreign text.
    pub webhook: Webhook,
    /// The worst first; never empty.
    pub states: Vec<WebhookState>,
    /// What else there is to say.
    pub note: Option<&'static str>,
}

impl Seen {
    /// The worst.
    pub fn state(&self) -> WebhookState {
        self.states.first().copied().unwrap_or(WebhookState::Ok)
    }
}

/// Something to be done. Neither `Display` nor `Debug` has a name, a user, a query or a secret in it.
#[derive(Clone)]
pub enum Change {
    /// Make one.
    Create {
        /// What.
        fresh: Fresh,
    },
    /// Change one, in one call.
    Update {
        /// How it is afterwards.
        repair: Repair,
        /// Such as `messages.created`.
        event: Box<str>,
        /// Where it leads before, without what may be secret.
        from: Box<str>,
        /// The worst that was wrong with it.
        why: WebhookState,
    },
    /// Remove one.
    Delete {
        /// Its id.
        id: Box<str>,
        /// Its name.
        name: Box<str>,
        /// Such as `messages.created`.
        event: Box<str>,
        /// What was wrong with it.
        why: WebhookState,
    },
}

impl Change {
    /// Such as `messages.created`.
    pub fn event(&self) -> String {
        match self {
            Self::Create { fresh } => format!("{}.{}", fresh.resource, fresh.event),
            Self::Update { event, .. } | Self::Delete { event, .. } => event.to_string(),
        }
    }

    /// What is wrong without it.
    pub fn why(&self) -> WebhookState {
        match self {
            Self::Create { .. } => WebhookState::Missing,
            Self::Update { why, .. } | Self::Delete { why, .. } => *why,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.why().label();
        match self {
            Self::Create { fresh } => {
                write!(f, "create {} → {}", self.event(), shown(&fresh.target))
            }
            Self::Update { repair, event, from, .. } => {
                write!(f, "update {event}:")?;
                let to = shown(&repair.target);
                if *to != **from {
                    write!(f, " {from} → {to},")?;
                }
                let secret = if repair.secret.is_some() { " with the secret," } else { "" };
                let on = if repair.activate { " switched on," } else { "" };
                write!(f, "{secret}{on} because {why}")
            }
            Self::Delete { event, .. } => write!(f, "delete {event}, because {why}"),
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How it is, and what to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Every webhook of the bot, as listed.
    pub seen: Vec<Seen>,
    /// What no webhook brings.
    pub missing: Vec<Wanted>,
    /// What puts it in order: repairs first. Nothing is removed before what replaces it is there, in order.
    pub changes: Vec<Change>,
}

impl Plan {
    /// How many webhooks are in which state, each counted once by its worst; states that none is in are left out.
    pub fn counts(&self) -> Vec<(WebhookState, usize)> {
        let seen = |state| self.seen.iter().filter(|seen| seen.state() == state).count();
        let missing = |state| if state == WebhookState::Missing { self.missing.len() } else { 0 };
        let count = |state| seen(state) + missing(state);
        let all = WebhookState::ALL.iter().map(|state| (*state, count(*state)));
        all.filter(|(_, count)| *count > 0).collect()
    }
}

/// The rules, in order.
pub fn plan(desired: &Desired, actual: &[Webhook]) -> Plan {
    let mut judged: Vec<Judged<'_>> =
        actual.iter().map(|webhook| judge(desired, webhook)).collect();
    for (standing, judged) in standings(&judged).into_iter().zip(&mut judged) {
        stand(standing, judged);
    }
    let stay: Vec<_> = judged.iter().filter(|judged| !judged.goes).collect();
    let missing = missing(desired, &stay);
    let repairs = judged.iter().filter(|judged| !judged.goes);
    let repairs = repairs.filter_map(|judged| repaired(desired, judged));
    let made = missing.iter().map(|wanted| made(desired, wanted));
    let removed = judged.iter().filter(|judged| judged.goes).map(removed);
    let changes = repairs.chain(made).chain(removed).collect();
    Plan { seen: judged.iter().map(told).collect(), missing, changes }
}

fn stand(standing: Standing, judged: &mut Judged<'_>) {
    if standing == Standing::Stays {
        return;
    }
    judged.states.push(WebhookState::Duplicate);
    match standing {
        _ if !judged.is_own() => judged.note = Some(LEFT_ALONE),
        Standing::Superfluous => judged.goes = true,
        Standing::Waits | Standing::Stays => judged.note = Some(WAITS),
    }
}

fn told(judged: &Judged<'_>) -> Seen {
    let mut states = judged.states.clone();
    if states.is_empty() {
        states.push(WebhookState::Ok);
    }
    Seen { webhook: judged.webhook.clone(), states, note: judged.note }
}

fn repaired(desired: &Desired, judged: &Judged<'_>) -> Option<Change> {
    let (webhook, end) = (judged.webhook, judged.end.as_ref()?);
    let astray = judged.is(WebhookState::Bypass) || judged.is(WebhookState::WrongTarget);
    let unsigned = judged.is(WebhookState::Unsigned) || judged.is(WebhookState::SecretDiffers);
    if !(astray || unsigned || judged.lets_on) {
        return None;
    }
    let target = if astray { end.as_str().into() } else { webhook.target.clone() };
    Some(Change::Update {
        repair: Repair {
            id: webhook.id.clone(),
            name: if webhook.name.is_empty() { UNNAMED.into() } else { webhook.name.clone() },
            target,
            secret: unsigned.then(|| desired.secret.clone()),
            activate: judged.lets_on,
        },
        event: event(webhook),
        from: webhook.shown_target().into(),
        why: judged.states.first().copied().unwrap_or(WebhookState::Ok),
    })
}

fn made(desired: &Desired, wanted: &Wanted) -> Change {
    let fresh = Fresh {
        name: desired.own_name().into(),
        target: wanted.target.as_str().into(),
        resource: wanted.resource.clone(),
        event: wanted.event.clone(),
        secret: desired.secret.clone(),
    };
    Change::Create { fresh }
}

fn removed(judged: &Judged<'_>) -> Change {
    let webhook = judged.webhook;
    let (id, name) = (webhook.id.clone(), webhook.name.clone());
    Change::Delete { id, name, event: event(webhook), why: WebhookState::Duplicate }
}

/// Both are words that Webex chose; anything else is not repeated in a log.
fn event(webhook: &Webhook) -> Box<str> {
    format!("{}.{}", word(&webhook.resource), word(&webhook.event)).into()
}

fn word(text: &str) -> &str {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && text.len() <= LONGEST_WORD { text } else { "other" }
}
