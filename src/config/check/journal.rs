//! `decision_log`: where records go, and what holds them together.

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw::{Format, Gateway};
use super::super::raw_journal::{Files, To};
use super::super::source::Source;
use super::super::{DecisionLog, Destination, secrets};
use super::files;
use crate::gate::seal::SealKey;

pub(super) fn check(
    raw: &Gateway,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Option<DecisionLog> {
    idle(raw, findings);
    let to = match &raw.decision_log.to {
        To::Stdout => Some(Destination::Stdout),
        To::Dir(dir) => destination(dir, findings),
    };
    let signing_key = key(raw, findings, source);
    Some(DecisionLog { to: to?, chain: raw.decision_log.chain, signing_key })
}

fn destination(raw: &Files, findings: &mut Findings<'_>) -> Option<Destination> {
    let at = Path::of(["decision_log", "to", "dir"]);
    let Some(dir) = &raw.dir else {
        findings.missing(&at);
        return None;
    };
    files::directory(dir, &at, findings);
    Some(Destination::Dir { dir: dir.into(), keep: raw.keep.0, rotate_at: raw.rotate_at.0.0 })
}

fn key(raw: &Gateway, findings: &mut Findings<'_>, source: &dyn Source) -> Option<SealKey> {
    let at = Path::of(["decision_log", "signing_key"]);
    let pem = secrets::read(findings, &at, raw.decision_log.signing_key.as_ref()?, source)?;
    let key = SealKey::from_pem(&pem);
    if let Err(bad) = &key {
        let problem = Problem::new(Code::UnusableSecret, bad.to_string());
        findings.add(&at, problem.hint("openssl genpkey -algorithm ed25519"));
    }
    key.ok()
}

/// A chain and its seals are in JSON only, and seals are under a chain only. The default is no wish.
fn idle(raw: &Gateway, findings: &mut Findings<'_>) {
    let text = matches!((&raw.decision_log.to, raw.log.format), (To::Stdout, Format::Text));
    let (chain, seals) = (raw.decision_log.chain, raw.decision_log.signing_key.is_some());
    let at = |key: &str| Path::of(["decision_log", key]);
    let mut idle = |key: &str, without: &str| {
        let message = format!("this means nothing with `{without}`");
        findings.add(&at(key), Problem::new(Code::Idle, message));
    };
    match (text, chain, seals) {
        (true, _, true) => idle("signing_key", "log.format: text"),
        (false, false, true) => idle("signing_key", "chain: false"),
        (_, _, false) | (false, true, true) => {}
    }
}
