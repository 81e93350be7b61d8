//! `bots.*.audit`: how rooms are looked through, and whether they are left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted};
use super::super::raw::Gateway;
use super::super::raw_upkeep as raw;
use super::super::{Audit, Bot, Farewell, Leave, Reports, Route};
use super::{files, texts};
use crate::gate::policy::Mode;

pub(super) fn check(
    all: &Gateway,
    raw: &raw::Audit,
    base: &Path,
    findings: &mut Findings<'_>,
) -> Audit {
    idle_time(raw, base, findings);
    greedy(all, raw, base, findings);
    let reports = raw.reports.as_ref();
    let farewell = raw.farewell.as_ref();
    Audit {
        every: raw.every.as_ref().map(|every| every.0),
        at: raw.at.as_ref().map(|at| at.0.minutes),
        requests_per_second: raw.requests_per_second,
        reports: reports.and_then(|raw| self::reports(raw, &base.key("reports"), findings)),
        leave: match raw.leave_rooms_with_outsiders {
            raw::Leave::Never => Leave::Never,
            raw::Leave::Confirmed => Leave::Confirmed,
        },
        max_leave: raw.max_leave.0,
        farewell: farewell.and_then(|raw| self::farewell(raw, &base.key("farewell"), findings)),
    }
}

fn idle_time(raw: &raw::Audit, base: &Path, findings: &mut Findings<'_>) {
    let at = base.key("at");
    let is_off = raw.every.is_none() && !findings.is_lost(&base.key("every"));
    if is_off && raw.at.is_some() && findings.is_typed(&at) {
        let message = "this means nothing with `every: null`";
        findings.add(&at, Problem::new(Code::Idle, message));
    }
}

/// The default is no wish: it gives way silently.
fn greedy(all: &Gateway, raw: &raw::Audit, base: &Path, findings: &mut Findings<'_>) {
    let at = base.key("requests_per_second");
    let (wished, budget) = (raw.requests_per_second, all.webex.requests_per_minute);
    if findings.is_typed(&at) && wished.saturating_mul(60) > budget {
        let message = format!("webex.requests_per_minute allows {budget} a minute, which is less");
        let hint = "that is all there is; of it, the running gateway gives a quarter to audits";
        findings.add(&at, Problem::new(Code::GreedyAudit, message).hint(hint));
    }
}

fn reports(raw: &raw::Reports, base: &Path, findings: &mut Findings<'_>) -> Option<Reports> {
    let at = base.key("dir");
    let Some(dir) = &raw.dir else {
        findings.missing(&at);
        return None;
    };
    files::directory(dir, &at, findings);
    Some(Reports { dir: PathBuf::from(dir), keep: raw.keep.0 })
}

fn farewell(raw: &raw::Farewell, base: &Path, findings: &mut Findings<'_>) -> Option<Farewell> {
    let at = base.key("text");
    let Some(text) = &raw.text else {
        findings.missing(&at);
        return None;
    };
    let text = texts::check(text, &at, findings);
    Some(Farewell { text, at_most_every: raw.at_most_every.0 })
}

/// Whoever turned leaving on must see that nothing comes of it yet.
pub(super) fn observing(
    bots: Option<&BTreeMap<Arc<str>, Bot>>,
    routes: Option<&BTreeMap<Arc<str>, Route>>,
    findings: &mut Findings<'_>,
) {
    let (Some(bots), Some(routes)) = (bots, routes) else { return };
    for (name, _) in bots.iter().filter(|(_, bot)| bot.audit.leave == Leave::Confirmed) {
        let observes =
            |route: &Route| route.bot == *name && matches!(route.policy.mode, Mode::Observe { .. });
        let Some((route, _)) = routes.iter().find(|(_, route)| observes(route)) else { continue };
        let message = format!("nothing is left while the route {} observes", quoted(route));
        let at = Path::of(["bots", name, "audit", "leave_rooms_with_outsiders"]);
        findings.add(&at, Problem::new(Code::NothingLeft, message));
    }
}
