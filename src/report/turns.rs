//! Records of what becomes of the gateway itself: with them, a gap in time can be explained.

use std::time::SystemTime;

use serde::Serialize;

use super::journal::Setting;
use super::journal::seals::SealedBefore;
use super::lifecycle::{Lifecycle, Turn};
use super::record::{self, Form, Mode};
use super::scope::Scope;

/// A record as JSON; the names of its fields are API.
#[derive(Serialize)]
struct Record<'a> {
    ts: String,
    kind: &'static str,
    config_hash: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_config_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expired: Option<usize>,
}

/// The first record of a run as JSON.
#[derive(Serialize)]
struct Started<'a> {
    ts: String,
    kind: &'static str,
    version: &'static str,
    config_hash: &'a str,
    routes: Vec<InForce<'a>>,
    /// Where the log goes: `stdout` or `dir`.
    log: &'static str,
    /// The run before broke off in the middle of a line.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    torn: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    /// Whether the run before ended in a last seal of this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_before: Option<SealedBefore>,
}

#[derive(Serialize)]
struct InForce<'a> {
    route: &'a str,
    bot: &'a str,
    mode: &'static str,
}

/// The line of a turn, under the configuration that is in force. None for the start: it has one of its own.
pub(super) fn line(turn: &Turn<'_>, config: &str, form: Form) -> Option<String> {
    let (kind, word) = words(&turn.what)?;
    let mut record = Record {
        ts: record::time(turn.at),
        kind,
        config_hash: config,
        old_config_hash: None,
        problems: None,
        route: None,
        expired: None,
    };
    let told = match turn.what {
        Lifecycle::Started | Lifecycle::Draining => String::new(),
        Lifecycle::Reloaded { old, new } => {
            (record.old_config_hash, record.config_hash) = (Some(old), new);
            format!("configuration {old} became {new}")
        }
        Lifecycle::NotReloaded { problems } => {
            record.problems = Some(problems);
            format!("{problems} problems; configuration {config} stays")
        }
        Lifecycle::Enforced { route } => {
            record.route = Some(route);
            format!("route {route} no longer observes")
        }
        Lifecycle::Stopped { expired } => {
            record.expired = Some(expired);
            format!("{expired} events expired")
        }
    };
    Some(match form {
        Form::Json => record::json(&record),
        Form::Text | Form::Colour => text(turn.at, word, &told),
    })
}

fn words(what: &Lifecycle<'_>) -> Option<(&'static str, &'static str)> {
    match what {
        Lifecycle::Started => None,
        Lifecycle::Reloaded { .. } => Some(("reloaded", "RELOAD")),
        Lifecycle::NotReloaded { .. } => Some(("reload_failed", "RELOAD")),
        Lifecycle::Enforced { .. } => Some(("enforced", "MODE")),
        Lifecycle::Draining => Some(("draining", "DRAIN")),
        Lifecycle::Stopped { .. } => Some(("stopped", "STOP")),
    }
}

/// The first line of a run.
pub(super) fn started(scope: &Scope, setting: &Setting, at: SystemTime, form: Form) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let modes = scope.routes.iter().map(|route| InForce {
        route: &route.name,
        bot: &route.bot,
        mode: Mode::at(route.mode, at).label(),
    });
    let routes: Vec<_> = modes.collect();
    if form == Form::Json {
        return record::json(&Started {
            ts: record::time(at),
            kind: "started",
            version,
            config_hash: &scope.fingerprint,
            routes,
            log: setting.log,
            torn: setting.torn,
            key_id: setting.key_id.as_deref(),
            sealed_before: setting.sealed_before,
        });
    }
    let routes: Vec<_> =
        routes.iter().map(|InForce { route, mode, .. }| format!("{route} {mode}s")).collect();
    let told =
        format!("botwarden {version}, configuration {}: {}", scope.fingerprint, routes.join(", "));
    text(at, "START", &told)
}

/// Records that were not taken, because too many waited.
pub(super) fn lost(records: u64, at: SystemTime, form: Form) -> String {
    #[derive(Serialize)]
    struct Lost {
        ts: String,
        kind: &'static str,
        records: u64,
    }
    match form {
        Form::Json => record::json(&Lost { ts: record::time(at), kind: "lost", records }),
        Form::Text | Form::Colour => text(at, "LOST", &format!("{records} records")),
    }
}

fn text(at: SystemTime, word: &str, told: &str) -> String {
    format!("{}  {word:<7} {told}\n", record::clock(at)).replace("  \n", "\n")
}
