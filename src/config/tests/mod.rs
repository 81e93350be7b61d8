//! What a configuration may say, and what is said about one that may not.

#![expect(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "inline snapshots are long, and tests put texts together"
)]

mod admin;
mod edges;
mod full;
mod journal;
mod loads;
mod mutations;
mod problems;
mod rules;
mod schema;
mod secrecy;
mod telemetry;
mod telling;
mod tighten;
mod tls;
mod upkeep;
mod upstreams;
mod webhooks;
mod yaml;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;

/// The file at the top of the repository.
pub(super) const EXAMPLE: &str = include_str!("../../../gateway.yaml");

/// A [`Source`] of a few files and variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) vars: BTreeMap<String, String>,
    pub(super) open: bool,
}

impl Source for Desk {
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.files.get(path.to_str().unwrap());
        file.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn readable_by_others(&self, _: &Path) -> bool {
        self.open
    }
}

impl Desk {
    pub(super) fn with_file(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.into(), bytes.as_ref().to_vec());
        self
    }

    pub(super) fn with_var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }
}

/// With the secrets of the example.
pub(super) fn desk() -> Desk {
    Desk::default()
        .with_file("/tls/cert.pem", "")
        .with_file("/tls/key.pem", "")
        .with_file("/tls/company.pem", "")
        .with_file("/run/secrets/helpdesk_token", "a-token-of-the-helpdesk\n")
        .with_file("/run/secrets/spare_token", "a-token-of-the-spare-bot\n")
        .with_file("/run/secrets/helpdesk_webhook_secret", "a-webhook-secret-of-the-helpdesk\n")
}

/// 15 January 2027, 08:00 UTC.
pub(super) fn today() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
}

pub(super) fn loaded(text: &str) -> (Config, Vec<Problem>) {
    load(text.as_bytes(), &desk(), today())
        .unwrap_or_else(|problems| panic!("{}", render(&problems, "gateway.yaml", text, false)))
}

/// All that is said about a text, rendered.
pub(super) fn told_with(text: &str, source: &dyn Source) -> String {
    let problems = match load(text.as_bytes(), source, today()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    render(&problems, "gateway.yaml", text, false)
}

pub(super) fn told(text: &str) -> String {
    told_with(text, &desk())
}

/// What is said about the example with a part exchanged.
pub(super) fn told_after(old: &str, new: &str) -> String {
    told(&exchanged(old, new))
}

pub(super) fn exchanged(old: &str, new: &str) -> String {
    assert!(EXAMPLE.contains(old), "{old}");
    EXAMPLE.replacen(old, new, 1)
}

/// The example and more at its end.
pub(super) fn with(more: &str) -> String {
    format!("{EXAMPLE}{more}")
}

/// The example with more about its bot, and at its end.
pub(super) fn with_bot(about: &str, more: &str) -> String {
    let secret = "    webhook_secret: {file: /run/secrets/helpdesk_webhook_secret}\n";
    exchanged(secret, &format!("{secret}    {about}\n")) + more
}

/// What is said about a text without a mistake.
pub(super) const NOTHING: &str = "0 errors, 0 warnings in gateway.yaml\n";

/// Codes and lines of all that is said about a text.
pub(super) fn codes(text: &str) -> Vec<(&'static str, usize)> {
    let problems = match load(text.as_bytes(), &desk(), today()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let code = |problem: &Problem| {
        let line = problem.place.map_or(0, |place| place.line);
        (problem.code.text(), line)
    };
    problems.iter().map(code).collect()
}
