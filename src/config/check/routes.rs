//! `routes`: paths, bots, answers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, did_you_mean, quoted};
use super::super::raw::Gateway;
use super::super::raw_routes as raw;
use super::super::source::Source;
use super::super::words::Spelled;
use super::super::{Answer, Route, Unverified};
use super::{events, orgs, tighten, upstream};
use crate::gate::policy::Policy;

/// `answer_within`, unless it is typed: well below the 15 s or so that Webex waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// The routes, unless one of them lacks something.
pub(super) fn check(
    raw: &Gateway,
    top: &Policy,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Option<BTreeMap<Arc<str>, Route>> {
    let mut routes = Vec::new();
    for (name, route) in &raw.routes {
        let path = Path::of(["routes", name]);
        super::name(name, &path, findings);
        let events = events::of(raw, name, route);
        let whole = one(raw, route, &path, top, (findings, source));
        routes.push((name, whole.map(|whole| Route { events, ..whole })));
    }
    repeated_paths(raw, findings);
    events::check(raw, findings);
    unused_bots(raw, findings);
    let whole = |(name, route): (&String, Option<Route>)| Some((name.as_str().into(), route?));
    routes.into_iter().map(whole).collect()
}

fn one(
    all: &Gateway,
    raw: &raw::Route,
    base: &Path,
    top: &Policy,
    (findings, source): (&mut Findings<'_>, &dyn Source),
) -> Option<Route> {
    let path = path(raw, base, findings);
    let bot = bot(all, raw, base, findings);
    let answer = answer(raw, base, findings);
    let policy = policy(all, raw, base, top, findings);
    let upstream = upstream::check(all, raw, base, findings, source);
    Some(Route {
        path: path?,
        bot: bot?,
        answer,
        unverified: match raw.unverified {
            raw::Unverified::Forbidden => Unverified::Forbidden,
            raw::Unverified::Ok => Unverified::Ok,
        },
        upstream: upstream?,
        policy,
        events: Vec::new(),
    })
}

fn path(raw: &raw::Route, base: &Path, findings: &mut Findings<'_>) -> Option<Box<str>> {
    let at = base.key("path");
    let Some(path) = &raw.path else {
        findings.missing(&at);
        return None;
    };
    if let Some(why) = wrong_path(path) {
        let message = format!("{} cannot be a path here: {why}", quoted(path));
        findings.add(&at, Problem::new(Code::BadPath, message).hint("such as /webhooks/helpdesk"));
    }
    Some(path.as_str().into())
}

/// Paths are compared byte by byte, so there must be only one way to write each.
fn wrong_path(path: &str) -> Option<&'static str> {
    let dots = |segment| matches!(segment, "." | "..");
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    match path {
        _ if !path.starts_with('/') => Some("it must begin with `/`"),
        _ if path.contains(['?', '#']) => Some("no query and no fragment"),
        _ if path.contains('%') => Some("`%` makes two spellings of one path"),
        _ if !path.bytes().all(plain) => Some("only plain characters"),
        _ if path.contains("//") || path.split('/').any(dots) => Some("no empty or dotted parts"),
        _ if path.starts_with("/.well-known/") || path == "/.well-known" => {
            Some("/.well-known/ is for registered names")
        }
        _ if path.len() > 256 => Some("it is too long"),
        _ => None,
    }
}

fn repeated_paths(raw: &Gateway, findings: &mut Findings<'_>) {
    let mut seen = HashMap::new();
    for (name, route) in &raw.routes {
        let Some(path) = &route.path else { continue };
        if let Some(first) = seen.insert(path, name) {
            let message = format!("the route {} has the same path", quoted(first));
            let at = Path::of(["routes", name, "path"]);
            findings.add(&at, Problem::new(Code::RepeatedPath, message));
        }
    }
}

fn bot(
    all: &Gateway,
    raw: &raw::Route,
    base: &Path,
    findings: &mut Findings<'_>,
) -> Option<Arc<str>> {
    let at = base.key("bot");
    let Some(name) = &raw.bot else {
        findings.missing(&at);
        return None;
    };
    if !all.bots.contains_key(name) && !findings.is_unfit(&Path::of(["bots", name])) {
        let message = format!("{} is not defined in `bots`", quoted(name));
        let hint = did_you_mean(name, findings.names("bots").iter().map(String::as_str));
        let problem = Problem::new(Code::UnknownBot, message);
        findings
            .add(&at, problem.hint(hint.unwrap_or_else(|| "a name, as defined in `bots`".into())));
    }
    Some(name.as_str().into())
}

fn unused_bots(raw: &Gateway, findings: &mut Findings<'_>) {
    if raw.routes.is_empty() && !findings.is_unfit(&Path::of(["routes"])) {
        let message = "there are no routes: nothing gets through";
        findings.add(&Path::of(["routes"]), Problem::new(Code::NoRoutes, message));
        return;
    }
    let used: HashSet<&String> = raw.routes.values().filter_map(|r| r.bot.as_ref()).collect();
    if used.len() < raw.routes.len().min(1) || used.iter().any(|name| !raw.bots.contains_key(*name))
    {
        return; // an error of its own, and probably this bot is meant
    }
    for name in raw.bots.keys().filter(|name| !used.contains(name)) {
        let message = format!("the bot {} is not used", quoted(name));
        let problem = Problem::new(Code::UnusedBot, message).hint("no route names it");
        findings.add(&Path::of(["bots", name]), problem);
    }
}

fn answer(raw: &raw::Route, base: &Path, findings: &mut Findings<'_>) -> Answer {
    match (raw.answer, &raw.answer_within) {
        (raw::Answer::Accepted, None) => Answer::Accepted,
        (raw::Answer::Accepted, Some(_)) => {
            let message = "this means nothing without `answer: delivered`";
            let problem = Problem::new(Code::IdleAnswerWithin, message);
            findings.add(&base.key("answer_within"), problem);
            Answer::Accepted
        }
        (raw::Answer::Delivered, within) => Answer::Delivered {
            within: within.as_ref().map_or(ANSWER_WITHIN, |Spelled(within)| *within),
        },
    }
}

fn policy(
    all: &Gateway,
    raw: &raw::Route,
    base: &Path,
    top: &Policy,
    findings: &mut Findings<'_>,
) -> Policy {
    let base = base.key("policy");
    let names = raw.policy.allowed_orgs.as_deref();
    if let Some(names) = names {
        let known = all.orgs.iter().map(|(name, id)| (name.as_str().into(), id.0.clone()));
        orgs::named(names, &base.key("allowed_orgs"), &known.collect(), findings);
    }
    let key = |name: &String| Some((name.clone(), all.orgs.get(name)?.0.key()));
    let allowed = names.unwrap_or_default().iter().filter_map(key).collect();
    tighten::check(&raw.policy, top, allowed, &base, findings)
}
