//! A route's `policy`: the same as at the top, or tighter, in every single point.

use std::collections::BTreeSet;
use std::fmt;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted};
use super::super::raw_routes::{self as raw, RoutePolicy};
use super::super::words::Word as _;
use super::policy::{app_users, demands};
use crate::gate::event::{Resource, Verb};
use crate::gate::policy::{AppUsers, Demand, Demands, Mode, Policy};

/// The policy of a route. Where the route would be wider, that is noted and the top stands.
pub(super) fn check(
    raw: &RoutePolicy,
    top: &Policy,
    allowed: Vec<(String, crate::gate::id::Key<crate::gate::id::Org>)>,
    base: &Path,
    findings: &mut Findings<'_>,
) -> Policy {
    let mut policy = top.clone();
    mode(raw, &mut policy, base, findings);
    if raw.allowed_orgs.is_some() {
        let wider = |(_, key): &&(_, _)| !top.allowed_orgs.contains(key);
        for (name, _) in allowed.iter().filter(wider) {
            widens(findings, &base.key("allowed_orgs"), quoted(name));
        }
        policy.allowed_orgs = allowed.into_iter().map(|(_, key)| key).collect();
    }
    if let Some(users) = raw.app_users {
        policy.app_users = app_users(users);
        if policy.app_users == AppUsers::Allow && top.app_users == AppUsers::Deny {
            widens(findings, &base.key("app_users"), "`allow`");
        }
    }
    if let Some(members) = raw.max_members {
        policy.max_members = members;
        at_most(members, top.max_members, &base.key("max_members"), findings);
    }
    if let Some(age) = &raw.max_event_age {
        policy.max_event_age = age.0;
        let path = base.key("max_event_age");
        if age.0 > top.max_event_age {
            widens(findings, &path, age.0.spell());
        }
        if age.0.as_secs() < 10 {
            let message = format!("{} is out of bounds: at least 10s", age.0.spell());
            findings.add(&path, Problem::new(Code::OutOfBounds, message));
        }
    }
    policy.demands = resources(raw, &top.demands, &base.key("resources"), findings);
    policy
}

fn widens(findings: &mut Findings<'_>, path: &Path, what: impl fmt::Display) {
    let message = format!("{what} lets through more than the policy at the top");
    let problem = Problem::new(Code::WiderThanTop, message);
    findings.add(path, problem.hint("a route may only tighten: widen the top, or leave this out"));
}

fn at_most(members: usize, top: usize, path: &Path, findings: &mut Findings<'_>) {
    if members > top {
        widens(findings, path, members);
    }
    if members == 0 {
        let problem = Problem::new(Code::OutOfBounds, "0 is out of bounds: at least 1");
        findings.add(path, problem.hint("a room has members"));
    }
}

fn mode(raw: &RoutePolicy, policy: &mut Policy, base: &Path, findings: &mut Findings<'_>) {
    match (raw.mode, policy.mode) {
        (Some(raw::Mode::Enforce), _) => policy.mode = Mode::Enforce,
        (Some(raw::Mode::Observe), Mode::Enforce) => {
            widens(findings, &base.key("mode"), "`observe`");
        }
        (Some(raw::Mode::Observe), Mode::Observe { .. }) | (None, _) => {}
    }
}

fn resources(
    raw: &RoutePolicy,
    top: &Demands,
    base: &Path,
    findings: &mut Findings<'_>,
) -> Demands {
    let route = demands(&raw.resources, base, findings);
    for key in raw.resources.keys() {
        let (mine, above) = match key.split_once('.') {
            Some((resource, verb)) => {
                let event = (Resource::named(resource), Verb::named(verb));
                (route.events.get(&event), of_event(top, &event))
            }
            None if key == "*" => (route.others.as_ref(), of_others(top)),
            None => {
                let resource = Resource::named(key);
                (route.resources.get(&resource), of_resource(top, &resource))
            }
        };
        if mine.is_some_and(|mine| !is_tighter(mine, above)) {
            widens(findings, &base.key(key), "this");
        }
    }
    tighter_of(&route, top)
}

/// For every key of either, the tighter demand; so no combination of keys is wider than the top.
fn tighter_of(route: &Demands, top: &Demands) -> Demands {
    let inherit = |mine: Option<&Demand>, above: &Demand| match mine {
        Some(mine) if is_tighter(mine, above) => mine.clone(),
        Some(_) | None => above.clone(),
    };
    let mine = |resource: &Resource| route.resources.get(resource).or(route.others.as_ref());
    let events: BTreeSet<_> = route.events.keys().chain(top.events.keys()).collect();
    let resources: BTreeSet<_> = route.resources.keys().chain(top.resources.keys()).collect();
    Demands {
        events: events
            .into_iter()
            .map(|event| {
                let own = route.events.get(event).or_else(|| mine(&event.0));
                (event.clone(), inherit(own, of_event(top, event)))
            })
            .collect(),
        resources: resources
            .into_iter()
            .map(|resource| {
                let above = of_resource(top, resource);
                (resource.clone(), inherit(mine(resource), above))
            })
            .collect(),
        others: Some(inherit(route.others.as_ref(), of_others(top))),
    }
}

/// Nothing is as tight as `deny`; the room is more than the signature.
fn is_tighter(mine: &Demand, above: &Demand) -> bool {
    match (mine, above) {
        (Demand::Deny, _)
        | (Demand::Room, Demand::Room | Demand::SignatureOnly { .. })
        | (Demand::SignatureOnly { .. }, Demand::SignatureOnly { .. }) => true,
        (Demand::Room | Demand::SignatureOnly { .. }, Demand::Deny)
        | (Demand::SignatureOnly { .. }, Demand::Room) => false,
    }
}

fn of_event<'a>(demands: &'a Demands, event: &(Resource, Verb)) -> &'a Demand {
    let exact = demands.events.get(event);
    exact.unwrap_or_else(|| of_resource(demands, &event.0))
}

fn of_resource<'a>(demands: &'a Demands, resource: &Resource) -> &'a Demand {
    let named = demands.resources.get(resource);
    named.unwrap_or_else(|| of_others(demands))
}

fn of_others(demands: &Demands) -> &Demand {
    demands.others.as_ref().unwrap_or(&Demand::Deny)
}
