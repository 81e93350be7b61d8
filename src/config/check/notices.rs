//! `policy.on_deny`: who is told about refusals.

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw_upkeep as raw;
use super::super::words::Spelled;
use super::super::{Notices, Notify};
use super::texts;

pub(super) fn check(raw: &raw::OnDeny, findings: &mut Findings<'_>) -> Notices {
    let base = Path::of(["policy", "on_deny"]);
    let mut text = |key, text: &str| texts::check(text, &base.key(key), findings);
    let said = text("text", &raw.text);
    let refused = raw.refused.as_ref().map(|it| text("refused", it));
    let still_refused = raw.still_refused.as_ref().map(|it| text("still_refused", it));
    let allowed_again = raw.allowed_again.as_ref().map(|it| text("allowed_again", it));
    Notices {
        notify: notify(raw, &base, findings),
        text: said,
        at_most_every: raw.at_most_every.0,
        refused,
        still_refused,
        allowed_again,
    }
}

fn notify(raw: &raw::OnDeny, base: &Path, findings: &mut Findings<'_>) -> Notify {
    let at = base.key("ops_room");
    match (raw.notify, &raw.ops_room) {
        (raw::Notify::OpsRoom, Some(Spelled(room))) => return Notify::OpsRoom(room.clone()),
        (raw::Notify::OpsRoom, None) => findings.missing(&at),
        (raw::Notify::Actor | raw::Notify::None, Some(_)) => idle(base, &at, findings),
        (raw::Notify::Actor | raw::Notify::None, None) => {}
    }
    match raw.notify {
        raw::Notify::Actor => Notify::Actor,
        raw::Notify::None | raw::Notify::OpsRoom => Notify::None,
    }
}

fn idle(base: &Path, at: &Path, findings: &mut Findings<'_>) {
    if !findings.is_lost(&base.key("notify")) {
        let message = "this means nothing without `notify: ops_room`";
        findings.add(at, Problem::new(Code::Idle, message));
    }
}
