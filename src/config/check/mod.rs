//! From what was typed to what can be used: every rule that goes beyond the form of a single value.

pub(super) mod admin;
mod audit;
mod bots;
mod events;
mod files;
mod headers;
mod journal;
mod limits;
mod listeners;
mod notices;
mod orgs;
mod policy;
mod routes;
pub(super) mod surroundings;
mod telemetry;
mod texts;
mod tighten;
mod tls;
mod upstream;
mod webex;
mod webhooks;
mod widened;

use std::time::SystemTime;

use super::findings::Findings;
use super::path::{Path, is_name};
use super::problem::{Code, Problem, quoted};
use super::raw::{self, Gateway};
use super::source::Source;
use super::words::{Size, Spelled};
use super::{Cache, Config, Inbox, Order};

/// What a check may look at besides the file.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) today: SystemTime,
}

/// Checks everything. There is a configuration when nothing was noted that is an error.
pub(super) fn check(
    mut raw: Gateway,
    findings: &mut Findings<'_>,
    around: Around<'_>,
    fingerprint: Box<str>,
) -> Option<Config> {
    let written = widened::widths(&raw);
    surroundings::apply(&mut raw, findings, around.source);
    widened::check(written, &raw, findings);
    version(&raw, findings);
    limits::check(&raw, findings);
    let admin = admin::check(&raw, findings, around.source);
    let orgs = orgs::check(&raw, findings);
    let policy = policy::check(&raw.policy, &orgs, findings, around.today);
    let bots = bots::check(&raw, findings, around.source);
    let routes = routes::check(&raw, &policy, findings, around.source);
    orgs::unused(&raw, findings);
    policy::observing(routes.as_ref(), findings);
    events::refused(&raw, routes.as_ref(), findings);
    audit::observing(bots.as_ref(), routes.as_ref(), findings);
    Some(Config {
        server: listeners::server(&raw, findings, around)?,
        ops: listeners::ops(&raw),
        admin,
        log: listeners::log(&raw, findings),
        decision_log: journal::check(&raw, findings, around.source)?,
        webex: webex::check(&raw.webex, findings, around),
        cache: cache(&raw.cache),
        inbox: inbox(&raw.inbox),
        orgs,
        bots: bots?,
        routes: routes?,
        notices: notices::check(&raw.policy.on_deny, findings),
        telemetry: telemetry::check(&raw.telemetry, findings, around.source),
        fingerprint,
    })
}

fn version(raw: &Gateway, findings: &mut Findings<'_>) {
    let path = Path::of(["version"]);
    match raw.version {
        Some(1) => {}
        None => findings.missing(&path),
        Some(_) => {
            let message = "this version of the format is not known";
            findings.add(&path, Problem::new(Code::Version, message).hint("version: 1"));
        }
    }
}

fn cache(raw: &raw::Cache) -> Cache {
    Cache {
        allow_ttl: raw.allow_ttl.0,
        deny_ttl: raw.deny_ttl.0,
        stale_deny: raw.stale_deny.0,
        max_entries: raw.max_entries,
    }
}

fn inbox(raw: &raw::Inbox) -> Inbox {
    let raw::InboxMode::Memory = raw.mode;
    Inbox {
        max_events: raw.max_events,
        max_bytes: bytes(&raw.max_bytes),
        max_age: raw.max_age.0,
        order: match raw.order {
            raw::Order::None => Order::None,
            raw::Order::PerRoom => Order::PerRoom,
        },
        duplicates: raw.duplicates.0,
    }
}

/// Sizes are bounded far below what an address space holds.
fn bytes(size: &Spelled<Size>) -> usize {
    usize::try_from(size.0.0).unwrap_or(usize::MAX)
}

/// Names become labels in metrics and words in logs.
fn name(name: &str, path: &Path, findings: &mut Findings<'_>) {
    if name.is_empty() || !is_name(name) {
        let message = format!("{} cannot be a name", quoted(name));
        let hint = "up to 64 letters, digits, `-`, `_` and `.`";
        findings.add(path, Problem::new(Code::BadName, message).hint(hint));
    }
}
