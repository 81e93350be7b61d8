//! What came of it, and what is left to do.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::words::reference;
use crate::cli::common::{self, print, tamed};
use crate::cli::exit::Exit;
use crate::cli::webhooks::page::count;
use crate::cli::webhooks::reach::{Failure, worst};
use crate::cli::webhooks::verdict::{event, short};
use crate::cli::{Global, Output};
use crate::config::{WebhookSecret, minute};
use crate::webex::webhooks::Webhook;

/// A minute that is shown without its seconds must not be too early.
const ROUNDED_UP: Duration = Duration::from_secs(59);

/// A webhook that got the new secret, or should have got it.
pub(super) type Moved = (Webhook, Result<(), Failure>);

/// How many webhooks lead to the gateway, and how many of them carry another secret, as Webex lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) here: usize,
    pub(super) without: usize,
}

/// Which webhooks carry the new secret now.
#[derive(Debug)]
pub(super) struct Carried<'a> {
    pub(super) bot: &'a str,
    pub(super) new: &'a WebhookSecret,
    pub(super) moved: Vec<Moved>,
    /// Read after the last change.
    pub(super) now: Result<Standing, Failure>,
    /// For how long events that the old one signed may come in or be tried again.
    pub(super) wait: Duration,
    /// When that is over; none if nothing was changed, or nobody knows what.
    pub(super) until: Option<SystemTime>,
}

impl Carried<'_> {
    pub(super) fn tell(&self, global: &Global) -> Exit {
        let printed = print(&match global.output() {
            Output::Text => self.page(),
            Output::Json => self.document(),
        });
        printed.and(self.exit())
    }

    fn is_done(&self) -> bool {
        matches!(self.now, Ok(Standing { here: 1.., without: 0 }))
    }

    fn exit(&self) -> Exit {
        let now = match &self.now {
            Err(failure) => failure.exit,
            Ok(_) if self.is_done() => Exit::Fine,
            Ok(_) => Exit::Found,
        };
        let failed = self.moved.iter().filter_map(|(_, result)| result.as_ref().err());
        worst(failed.map(|failure| failure.exit).chain([now]))
    }

    fn page(&self) -> String {
        let mut page: String = self.moved.iter().map(line).collect();
        // Writing to a String cannot fail.
        let _written = writeln!(page, "{}: {}", self.bot, self.sentence());
        if self.is_done() {
            page.push_str(&self.afterwards());
        }
        page
    }

    fn sentence(&self) -> String {
        match &self.now {
            Err(failure) => {
                let why = tamed(&failure.why);
                format!(
                    "nobody knows which secret its webhooks carry; both stay valid, run this again: {why}"
                )
            }
            Ok(Standing { here: 0, .. }) => {
                let make = format!("make them with: botwarden webhooks sync {}", self.bot);
                format!("no webhook leads to the gateway; {make}")
            }
            Ok(Standing { here, without: 0 }) => {
                let here = count(*here, "webhook");
                format!("done, {here} of the gateway with the new secret and none without")
            }
            Ok(Standing { here, without }) => {
                let here = count(*here, "webhook");
                format!(
                    "{without} of {here} without the new secret; both stay valid, run this again"
                )
            }
        }
    }

    fn afterwards(&self) -> String {
        let wait = || {
            let wait = humantime::format_duration(self.wait);
            format!("{wait} after the last webhook got the new one")
        };
        let at = |until| format!("after {}", minute(until + ROUNDED_UP));
        let when = self.until.map_or_else(wait, at);
        format!(
            "The old secret may go {when}: until then, events that it signed may be on their way or kept.\n\
             next\n  \
               - see that nothing has changed: botwarden webhooks rotate-secret {}\n  \
               - write in gateway.yaml, at bots.{}: webhook_secret: {}\n  \
               - reload every gateway, and remove the old secret\n\
             A bot that registers its webhooks by itself is given an accepted secret by `webhooks.manage: ensure`.\n",
            self.bot,
            self.bot,
            reference(self.new, "the new one")
        )
    }

    fn document(&self) -> String {
        let until = self.until.map(|until| humantime::format_rfc3339_seconds(until).to_string());
        let standing = self.now.as_ref().ok();
        let document = json!({
            "schema": "botwarden/rotate-secret/1",
            "at": common::now(),
            "bot": self.bot,
            "phase": "move",
            "done": self.is_done(),
            "webhooks": standing.map(|standing| standing.here),
            "without": standing.map(|standing| standing.without),
            "error": self.now.as_ref().err().map(|failure| &failure.why),
            "moved": self.moved.iter().map(moved).collect::<Vec<_>>(),
            "old_may_go_after": until,
        });
        format!("{document:#}\n")
    }
}

fn line((webhook, result): &Moved) -> String {
    let (name, event) = (short(&webhook.name), event(webhook));
    match result {
        Ok(()) => format!("updated  {name}  {event}\n"),
        Err(failure) => format!("FAILED   {name}  {event}  {}\n", tamed(&failure.why)),
    }
}

fn moved((webhook, result): &Moved) -> Value {
    let error = result.as_ref().err().map(|failure| &failure.why);
    json!({"id": webhook.id, "name": webhook.name, "error": error})
}
