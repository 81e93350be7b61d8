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

/// Which webhooks carry the new secret now.
#[derive(Debug)]
pub(super) struct Carried<'a> {
    pub(super) bot: &'a str,
    pub(super) new: &'a WebhookSecret,
    /// How many lead to the gateway.
    pub(super) here: usize,
    /// Those that got it, or should have got it.
    pub(super) moved: Vec<(Webhook, Result<(), Failure>)>,
    /// For how long events that the old one signed may come in or be tried again.
    pub(super) wait: Duration,
    /// When that is over; none if nothing was changed.
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

    fn exit(&self) -> Exit {
        let none = if self.here == 0 { Exit::Found } else { Exit::Fine };
        let failed = self.moved.iter().filter_map(|(_, result)| result.as_ref().err());
        worst(failed.map(|failure| failure.exit).chain([none]))
    }

    fn failed(&self) -> usize {
        self.moved.iter().filter(|(_, result)| result.is_err()).count()
    }

    fn page(&self) -> String {
        let mut page: String = self.moved.iter().map(line).collect();
        let (bot, here) = (self.bot, count(self.here, "webhook"));
        // Writing to a String cannot fail.
        let _written = match (self.here, self.failed()) {
            (0, _) => writeln!(
                page,
                "{bot}: no webhook leads to the gateway; make them with: botwarden webhooks sync {bot}"
            ),
            (_, 0) => {
                writeln!(
                    page,
                    "{bot}: done, {here} of the gateway with the new secret and none without"
                )
            }
            (_, failed) => writeln!(
                page,
                "{bot}: {failed} of {here} without the new secret; both stay valid, run this again"
            ),
        };
        if self.here > 0 && self.failed() == 0 {
            page.push_str(&self.afterwards());
        }
        page
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
               - restart every gateway, and remove the old secret\n\
             A bot that registers its webhooks by itself is given an accepted secret by `webhooks.manage: ensure`.\n",
            self.bot,
            self.bot,
            reference(self.new, "the new one")
        )
    }

    fn document(&self) -> String {
        let until = self.until.map(|until| humantime::format_rfc3339_seconds(until).to_string());
        let document = json!({
            "schema": "botwarden/rotate-secret/1",
            "at": common::now(),
            "bot": self.bot,
            "phase": "move",
            "done": self.here > 0 && self.failed() == 0,
            "webhooks": self.here,
            "moved": self.moved.iter().map(moved).collect::<Vec<_>>(),
            "old_may_go_after": until,
        });
        format!("{document:#}\n")
    }
}

fn line((webhook, result): &(Webhook, Result<(), Failure>)) -> String {
    let (name, event) = (short(&webhook.name), event(webhook));
    match result {
        Ok(()) => format!("updated  {name}  {event}\n"),
        Err(failure) => format!("FAILED   {name}  {event}  {}\n", tamed(&failure.why)),
    }
}

fn moved((webhook, result): &(Webhook, Result<(), Failure>)) -> Value {
    let error = result.as_ref().err().map(|failure| &failure.why);
    json!({"id": webhook.id, "name": webhook.name, "error": error})
}
