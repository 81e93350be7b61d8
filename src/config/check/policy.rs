//! `policy` at the top: the widest that any route may be.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted, similar};
use super::super::raw_forms::{self, Because};
use super::super::raw_routes::{self as raw};
use super::super::words::{Spelled, Word as _};
use super::super::{Route, minute};
use super::orgs::{self, Orgs};
use crate::gate::event::{Resource, Verb};
use crate::gate::policy::{AppUsers, Demand, Demands, Mode, Policy};

/// Who observes for longer does not intend to enforce.
const LONGEST_OBSERVING: Duration = Duration::from_hours(90 * 24);

pub(super) fn check(
    raw: &raw::Policy,
    orgs: &Orgs,
    findings: &mut Findings<'_>,
    today: SystemTime,
) -> Policy {
    let base = Path::of(["policy"]);
    Policy {
        mode: mode(raw, findings, today),
        allowed_orgs: allowed(raw, orgs, findings),
        trusted_bots: raw.trusted_bots.iter().map(|Spelled(id)| id.key()).collect(),
        app_users: app_users(raw.app_users),
        max_members: raw.max_members,
        max_event_age: raw.max_event_age.0,
        demands: with_defaults(demands(&raw.resources, &base.key("resources"), findings)),
    }
}

pub(super) fn app_users(raw: raw::AppUsers) -> AppUsers {
    match raw {
        raw::AppUsers::Allow => AppUsers::Allow,
        raw::AppUsers::Deny => AppUsers::Deny,
    }
}

fn allowed(
    raw: &raw::Policy,
    orgs: &Orgs,
    findings: &mut Findings<'_>,
) -> HashSet<crate::gate::id::Key<crate::gate::id::Org>> {
    let path = Path::of(["policy", "allowed_orgs"]);
    let Some(names) = &raw.allowed_orgs else {
        findings.missing(&path);
        return HashSet::new();
    };
    orgs::named(names, &path, orgs, findings)
}

fn mode(raw: &raw::Policy, findings: &mut Findings<'_>, today: SystemTime) -> Mode {
    let path = Path::of(["policy", "observe_until"]);
    match (raw.mode, &raw.observe_until) {
        (raw::Mode::Enforce, None) => Mode::Enforce,
        (raw::Mode::Enforce, Some(_)) => {
            if !findings.is_unfit(&Path::of(["policy", "mode"])) {
                let message = "this date means nothing without `mode: observe`";
                findings.add(&path, Problem::new(Code::IdleObserveUntil, message));
            }
            Mode::Enforce
        }
        (raw::Mode::Observe, None) => {
            endless(findings, &path);
            Mode::Enforce
        }
        (raw::Mode::Observe, Some(Spelled(date))) => until(*date, &path, findings, today),
    }
}

/// Whoever looks at the configuration must see that the gateway only watches.
pub(super) fn observing(routes: Option<&BTreeMap<Arc<str>, Route>>, findings: &mut Findings<'_>) {
    let observed = routes.into_iter().flatten().filter_map(|(name, route)| {
        let Mode::Observe { until } = route.policy.mode else { return None };
        Some((quoted(name), until))
    });
    let (names, until): (Vec<_>, Vec<_>) = observed.unzip();
    let Some(until) = until.first() else { return };
    let (routes, until) = (if names.len() == 1 { "route" } else { "routes" }, minute(*until));
    let message =
        format!("refusals are NOT enforced until {until} on {routes} {}", names.join(", "));
    let hint = "`policy: {mode: enforce}`, at the top or on a route, ends it at once";
    let problem = Problem::new(Code::Observing, message).hint(hint);
    findings.add(&Path::of(["policy", "mode"]), problem);
}

fn endless(findings: &mut Findings<'_>, path: &Path) {
    if findings.is_unfit(path) {
        return;
    }
    let problem = Problem::new(Code::EndlessObserving, "observing needs an end");
    let hint = "observe_until: the day from which on refusals are enforced";
    findings.add(&Path::of(["policy", "mode"]), problem.hint(hint));
}

fn until(date: Date, path: &Path, findings: &mut Findings<'_>, today: SystemTime) -> Mode {
    let Ok(zoned) = date.to_zoned(TimeZone::UTC) else {
        findings.add(path, Problem::new(Code::BadObserveUntil, "this date does not exist"));
        return Mode::Enforce;
    };
    let until = SystemTime::from(zoned.timestamp());
    match until.duration_since(today) {
        Err(_) | Ok(Duration::ZERO) => findings.add(path, over()),
        Ok(ahead) if ahead > LONGEST_OBSERVING => {
            let problem = Problem::new(Code::BadObserveUntil, "this is more than 90 days ahead");
            findings.add(path, problem.hint(format!("{} ends observing", quoted(&date.spell()))));
        }
        Ok(_) => return Mode::Observe { until },
    }
    Mode::Enforce
}

/// No mistake: a gateway that runs enforces from that day on by itself, and one that is restarted must not stay down for
/// a line that somebody forgot.
fn over() -> Problem {
    let message = "this day has begun already (in UTC): refusals are enforced";
    Problem::new(Code::ObservingOver, message).hint("take `mode: observe` and this line out")
}

/// The demands as typed, each with its check.
pub(super) fn demands(
    raw: &BTreeMap<String, raw_forms::Demand>,
    base: &Path,
    findings: &mut Findings<'_>,
) -> Demands {
    let mut demands = Demands::default();
    for (key, demand) in raw {
        let demand = checked(key, demand, &base.key(key), findings);
        match key.split_once('.') {
            Some((resource, verb)) => {
                let event = (Resource::named(resource), Verb::named(verb));
                demands.events.insert(event, demand);
            }
            None if key == "*" => demands.others = Some(demand),
            None => {
                demands.resources.insert(Resource::named(key), demand);
            }
        }
    }
    demands
}

fn checked(
    key: &str,
    demand: &raw_forms::Demand,
    path: &Path,
    findings: &mut Findings<'_>,
) -> Demand {
    resource_name(key, path, findings);
    match demand {
        raw_forms::Demand::Deny => Demand::Deny,
        raw_forms::Demand::Room => {
            let resource = key.split('.').next().unwrap_or(key);
            if matches!(Resource::named(resource), Resource::Other(_)) {
                no_room(key, path, findings);
            }
            Demand::Room
        }
        raw_forms::Demand::SignatureOnly(Because { because }) => {
            let path = path.key("signature_only").key("because");
            if because.trim().is_empty() && !findings.is_unfit(&path) {
                let problem = Problem::new(Code::MissingKey, "`signature_only` needs its reason");
                findings.add(&path, problem.hint("{signature_only: {because: TEXT}}"));
            }
            Demand::SignatureOnly { because: because.as_str().into() }
        }
    }
}

fn resource_name(key: &str, path: &Path, findings: &mut Findings<'_>) {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric());
    let fits = match key.split_once('.') {
        None => key == "*" || word(key),
        Some((resource, verb)) => word(resource) && word(verb),
    };
    if !fits {
        let message = format!("{} is not a resource", quoted(key));
        let hint = "such as `messages`, `memberships.deleted` or `*`";
        findings.add(path, Problem::new(Code::BadName, message).hint(hint));
    } else if let Some(meant) = misspelled(key) {
        let problem = Problem::new(Code::BadName, format!("{} is not a resource", quoted(key)));
        findings.add(path, problem.hint(format!("did you mean `{meant}`?")));
    }
}

const RESOURCES: [&str; 4] = ["messages", "attachmentActions", "memberships", "rooms"];
const VERBS: [&str; 4] = ["created", "deleted", "migrated", "updated"];

/// What was meant by a name so like a known one that it can be no other resource of Webex: `Messages: deny` would deny
/// nothing.
fn misspelled(key: &str) -> Option<String> {
    let known = |word, among: [&'static str; 4]| similar(word, among).unwrap_or(word);
    let meant = match key.split_once('.') {
        Some((resource, verb)) => format!("{}.{}", known(resource, RESOURCES), known(verb, VERBS)),
        None => known(key, RESOURCES).to_owned(),
    };
    (meant != key).then_some(meant)
}

fn no_room(key: &str, path: &Path, findings: &mut Findings<'_>) {
    if misspelled(key).is_some() {
        return; // an error of its own
    }
    let message = format!("nobody knows in which room {} happens", quoted(key));
    let hint = "`deny`, or {signature_only: {because: TEXT}}";
    findings.add(path, Problem::new(Code::NoRoomKnown, message).hint(hint));
}

/// Everything of a room needs the room. Who left cannot be asked about, so that is denied unless somebody wants it.
fn with_defaults(typed: Demands) -> Demands {
    let mut demands = Demands {
        events: [((Resource::Memberships, Verb::Deleted), Demand::Deny)].into(),
        resources: [
            (Resource::Messages, Demand::Room),
            (Resource::AttachmentActions, Demand::Room),
            (Resource::Memberships, Demand::Room),
            (Resource::Rooms, Demand::Room),
        ]
        .into(),
        others: Some(Demand::Deny),
    };
    demands.events.extend(typed.events);
    demands.resources.extend(typed.resources);
    demands.others = typed.others.or(demands.others);
    demands
}
