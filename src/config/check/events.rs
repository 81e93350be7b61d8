//! `routes.*.events`: which webhooks lead to which route.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted};
use super::super::raw::Gateway;
use super::super::raw_routes::{Bot, Route};
use super::super::words::{Spelled, Word as _};
use super::super::words_upkeep::Topic;
use super::super::{self as checked, Manage};
use super::webhooks;
use crate::gate::event::{Resource, Verb};
use crate::gate::policy::Demand::Deny;

/// The events of a route: those that it names, or else those of its bot that no other route names; in order.
pub(super) fn of(all: &Gateway, name: &str, route: &Route) -> Vec<(Box<str>, Box<str>)> {
    let typed = |route: &Route| -> BTreeSet<Topic> {
        route.events.iter().flatten().map(|topic| topic.0).collect()
    };
    let others = || {
        let of_bot = all.routes.iter().filter(|(_, other)| other.bot == route.bot);
        of_bot.filter(|(other, _)| *other != name).flat_map(|(_, other)| typed(other)).collect()
    };
    let left = || {
        let bot = route.bot.as_ref().and_then(|bot| all.bots.get(bot));
        let events = bot.into_iter().flat_map(|bot| &bot.webhooks.events).map(|topic| topic.0);
        let others: BTreeSet<_> = others();
        events.filter(|topic| !others.contains(topic)).collect()
    };
    let topics = if route.events.is_some() { typed(route) } else { left() };
    topics.into_iter().map(|topic| (topic.resource.into(), topic.event.into())).collect()
}

/// No event is named twice, and it is clear which webhooks lead where.
pub(super) fn check(all: &Gateway, findings: &mut Findings<'_>) {
    for (name, route) in &all.routes {
        let at = Path::of(["routes", name, "events"]);
        repeated(route.events.as_deref().unwrap_or_default(), &at, findings);
    }
    for (name, bot) in &all.bots {
        let routes = all.routes.iter().filter(|(_, route)| route.bot.as_ref() == Some(name));
        let routes: Vec<_> = routes.collect();
        named_twice(&routes, findings);
        if webhooks::manage(all, &bot.webhooks) != Manage::None {
            unclear(&routes, findings);
            nothing(name, &routes, findings);
            unreached(&Path::of(["bots", name, "webhooks", "events"]), bot, &routes, findings);
        }
    }
}

/// An event that stands in a list before.
pub(super) fn repeated(list: &[Spelled<Topic>], at: &Path, findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for (number, Spelled(topic)) in list.iter().enumerate() {
        if !seen.insert(topic) {
            let message = format!("{} stands here twice", quoted(&topic.spell()));
            findings.add(&at.item(number), Problem::new(Code::RepeatedEvent, message));
        }
    }
}

/// Webex would tell both routes, and the bot would hear everything twice.
fn named_twice(routes: &[(&String, &Route)], findings: &mut Findings<'_>) {
    let mut first = BTreeMap::new();
    for (name, route) in routes {
        for (number, Spelled(topic)) in route.events.iter().flatten().enumerate() {
            let owner = *first.entry(topic).or_insert(name);
            if owner != name {
                let (topic, owner) = (quoted(&topic.spell()), quoted(owner));
                let message = format!("{topic} leads to the route {owner} of the same bot");
                let at = Path::of(["routes", name, "events"]).item(number);
                findings.add(&at, Problem::new(Code::RepeatedEvent, message));
            }
        }
    }
}

fn unclear(routes: &[(&String, &Route)], findings: &mut Findings<'_>) {
    let unnamed = |(name, route): &&(&String, &Route)| {
        let lost = findings.is_lost(&Path::of(["routes", name, "events"]));
        route.events.is_none() && !lost
    };
    let unnamed: Vec<&String> = routes.iter().filter(unnamed).map(|(name, _)| *name).collect();
    let Some((first, others)) = unnamed.split_first() else { return };
    for name in others {
        let message = "say which webhooks lead to which route";
        let hint = format!("`events` here or on the route {}; [] for none", quoted(first));
        let at = Path::of(["routes", name, "events"]);
        findings.add(&at, Problem::new(Code::UnclearEvents, message).hint(hint));
    }
}

/// A webhook that is asked for, and that would lead to no route. Without `events`, a route takes what is left.
fn unreached(at: &Path, bot: &Bot, routes: &[(&String, &Route)], findings: &mut Findings<'_>) {
    let takes_rest = routes.iter().any(|(_, route)| route.events.is_none());
    if takes_rest || routes.is_empty() || !findings.is_typed(at) {
        return;
    }
    let taken = routes.iter().flat_map(|(_, route)| route.events.iter().flatten());
    let taken: BTreeSet<_> = taken.map(|topic| topic.0).collect();
    for (number, topic) in bot.webhooks.events.iter().enumerate() {
        if !taken.contains(&topic.0) {
            let message = format!("{} leads to no route of this bot", quoted(&topic.0.spell()));
            let problem = Problem::new(Code::Idle, message);
            findings.add(&at.item(number), problem.hint("add it to `events` of one of them"));
        }
    }
}

/// Webhooks are looked after, and there are none to look after. Where events are typed, each is told instead.
fn nothing(bot: &str, routes: &[(&String, &Route)], findings: &mut Findings<'_>) {
    let Some((first, _)) = routes.first() else { return };
    let named = |route: &Route| route.events.as_ref().is_none_or(|events| !events.is_empty());
    let typed = findings.is_typed(&Path::of(["bots", bot, "webhooks", "events"]));
    let mut paths = routes.iter().map(|(name, _)| Path::of(["routes", name, "events"]));
    let unclear = paths.any(|path| findings.is_lost(&path));
    if typed || unclear || routes.iter().any(|(_, route)| named(route)) {
        return;
    }
    let message = format!("no webhook leads to any route of the bot {}", quoted(bot));
    let hint = "name events here, or `webhooks: {manage: none}` on the bot";
    let at = Path::of(["routes", first, "events"]);
    findings.add(&at, Problem::new(Code::NoEvents, message).hint(hint));
}

/// Somebody asks for events that never pass. Memberships are another matter: the gateway itself hears of rooms by them.
pub(super) fn refused(
    all: &Gateway,
    routes: Option<&BTreeMap<Arc<str>, checked::Route>>,
    findings: &mut Findings<'_>,
) {
    for (name, route) in routes.into_iter().flatten() {
        for (resource, event) in &route.events {
            let of = (Resource::named(resource), Verb::named(event));
            if of.0 == Resource::Memberships || *route.policy.demands.of(&of.0, &of.1) != Deny {
                continue;
            }
            let at = typed_at(all, name, route, (resource, event));
            let Some(at) = at.filter(|at| findings.is_typed(at)) else { continue };
            let topic = quoted(&format!("{resource}.{event}"));
            let message = format!("the route {} refuses {topic}, whatever is in it", quoted(name));
            let hint = "leave it out of `events`, or let `policy.resources` demand something";
            findings.add(&at, Problem::new(Code::RefusedEvents, message).hint(hint));
        }
    }
}

/// Where an event of a route stands: on the route, or on its bot if that names other events than all have.
fn typed_at(
    all: &Gateway,
    name: &str,
    route: &checked::Route,
    topic: (&str, &str),
) -> Option<Path> {
    let number = |list: &[Spelled<Topic>]| {
        list.iter().position(|Spelled(one)| (one.resource, one.event) == topic)
    };
    if let Some(events) = &all.routes.get(name)?.events {
        return Some(Path::of(["routes", name, "events"]).item(number(events)?));
    }
    let events = &all.bots.get(&*route.bot)?.webhooks.events;
    let at = Path::of(["bots", &route.bot, "webhooks", "events"]);
    Some(at.item(number(events)?))
}
