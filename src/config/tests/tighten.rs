use super::*;
use crate::gate::event::{Resource, Verb};
use crate::gate::policy::{Demand, Mode, Policy};

const OTHER: &str = "orgs:\n  other: 4f19ceee-1111-2222-3333-444455556666\n";

/// The example with a top policy and a route's policy, both in flow style.
fn file(top: &str, route: &str) -> String {
    let top = format!("policy: {{allowed_orgs: [example]{top}}}\n");
    let text = exchanged("policy:\n  allowed_orgs: [example]\n", &top);
    format!("{text}    policy: {{{route}}}\n")
}

fn policy(top: &str, route: &str) -> Policy {
    loaded(&file(top, route)).0.routes["helpdesk"].policy.clone()
}

#[test]
fn e025_a_route_may_only_tighten() {
    insta::assert_snapshot!(told(&file("", "mode: observe")), @r"
    error[E025]: `observe` lets through more than the policy at the top
      ┌─ gateway.yaml:24:20
    24│     policy: {mode: observe}
      │                    ^^^^^^^ a route may only tighten: widen the top, or leave this out
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&file("", "app_users: allow")), @r"
    error[E025]: `allow` lets through more than the policy at the top
      ┌─ gateway.yaml:24:25
    24│     policy: {app_users: allow}
      │                         ^^^^^ a route may only tighten: widen the top, or leave this out
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&file("", "max_members: 5001")), @r"
    error[E025]: 5001 lets through more than the policy at the top
      ┌─ gateway.yaml:24:27
    24│     policy: {max_members: 5001}
      │                           ^^^^ a route may only tighten: widen the top, or leave this out
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&file("", "max_event_age: 11m")), @r"
    error[E025]: 11m lets through more than the policy at the top
      ┌─ gateway.yaml:24:29
    24│     policy: {max_event_age: 11m}
      │                             ^^^ a route may only tighten: widen the top, or leave this out
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&file("", "resources: {memberships.deleted: room}")), @r"
    error[E025]: this lets through more than the policy at the top
      ┌─ gateway.yaml:24:47
    24│     policy: {resources: {memberships.deleted: room}}
      │                                               ^^^^ a route may only tighten: widen the top, or leave this out
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&file("", "allowed_orgs: [other]").replacen("orgs:\n", OTHER, 1)), @r"
    warning[W101]: the organisation `other` is not used
     ┌─ gateway.yaml:7:10
    7│   other: 4f19ceee-1111-2222-3333-444455556666
     │          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ policy.allowed_orgs does not name it
    error[E025]: `other` lets through more than the policy at the top
      ┌─ gateway.yaml:25:14
    25│     policy: {allowed_orgs: [other]}
      │              ^^^^^^^^^^^^ a route may only tighten: widen the top, or leave this out
    1 error, 1 warning in gateway.yaml
    ");
}

#[test]
fn every_switch_that_would_widen_silently_is_refused() {
    let signed = "{signature_only: {because: x}}";
    for (top, route) in [
        (String::new(), "mode: observe".to_owned()),
        (String::new(), format!("resources: {{messages: {signed}}}")),
        (String::new(), format!("resources: {{messages.created: {signed}}}")),
        (String::new(), format!("resources: {{meetings: {signed}}}")),
        (String::new(), format!("resources: {{\"*\": {signed}}}")),
        (", resources: {messages: deny}".to_owned(), "resources: {messages: room}".to_owned()),
        (
            ", resources: {messages: deny}".to_owned(),
            "resources: {messages.created: room}".to_owned(),
        ),
        (
            ", resources: {messages.created: deny}".to_owned(),
            "resources: {messages.created: room}".to_owned(),
        ),
        (format!(", resources: {{meetings: {signed}}}"), format!("resources: {{calls: {signed}}}")),
    ] {
        let found = codes(&file(&top, &route));
        let only = found.iter().all(|(code, _)| *code == "E025");
        assert!(only && found.len() == 1, "{top} / {route}: {found:?}");
    }
}

#[test]
fn what_only_the_top_may_say_is_unknown_to_a_route() {
    for key in [
        "observe_until: 2027-02-01",
        "trusted_bots: []",
        "consumer: true",
        "allow_consumer_org: true",
    ] {
        let found = codes(&file("", key));
        assert!(
            found.iter().all(|(code, _)| *code == "E014") && found.len() == 1,
            "{key}: {found:?}"
        );
    }
    let found = codes(&file("", "allowed_orgs: []"));
    assert!(found.iter().all(|(code, _)| *code == "E027") && found.len() == 1, "{found:?}");
}

#[test]
fn tighter_rules_are_taken_over() {
    let tight = policy(
        ", mode: observe, observe_until: 2027-02-01, app_users: allow",
        "mode: enforce, app_users: deny, max_members: 3, max_event_age: 1m",
    );
    assert_eq!(tight.mode, Mode::Enforce);
    assert_eq!((tight.max_members, tight.max_event_age.as_secs()), (3, 60));
    let inherited = policy(", mode: observe, observe_until: 2027-02-01", "max_members: 3");
    assert!(matches!(inherited.mode, Mode::Observe { .. }));
    let two = file(", max_members: 9", "allowed_orgs: [example]").replacen(
        "[example]",
        "[example, other]",
        1,
    );
    let two = two.replacen("orgs:\n", OTHER, 1);
    let (config, _) = loaded(&two);
    assert_eq!(config.routes["helpdesk"].policy.allowed_orgs.len(), 1);
}

#[test]
fn a_star_on_a_route_denies_what_the_route_does_not_name() {
    let demands = policy("", "resources: {attachmentActions: room, \"*\": deny}").demands;
    assert_eq!(demands.resources[&Resource::AttachmentActions], Demand::Room);
    for resource in [Resource::Messages, Resource::Memberships, Resource::Rooms] {
        assert_eq!(demands.resources[&resource], Demand::Deny, "{resource:?}");
    }
}

#[test]
fn a_wide_key_on_a_route_does_not_undo_an_exact_one_at_the_top() {
    let demands = policy(
        ", resources: {messages.deleted: deny}",
        "resources: {messages: room, memberships: room}",
    )
    .demands;
    for (resource, verb) in
        [(Resource::Messages, Verb::Deleted), (Resource::Memberships, Verb::Deleted)]
    {
        assert_eq!(demands.events[&(resource, verb)], Demand::Deny);
    }
    let demands = policy(
        ", resources: {messages.created: {signature_only: {because: x}}}",
        "resources: {messages: deny}",
    )
    .demands;
    assert_eq!(demands.events[&(Resource::Messages, Verb::Created)], Demand::Deny);
}

#[test]
fn e017_bounds_of_a_route_hold_as_well() {
    insta::assert_snapshot!(told(&file("", "max_members: 0, max_event_age: 0s")), @r"
    error[E017]: 0 is out of bounds: at least 1
      ┌─ gateway.yaml:24:27
    24│     policy: {max_members: 0, max_event_age: 0s}
      │                           ^ a room has members
    error[E017]: 0s is out of bounds: at least 10s
      ┌─ gateway.yaml:24:45
    24│     policy: {max_members: 0, max_event_age: 0s}
      │                                             ^^
    2 errors, 0 warnings in gateway.yaml
    ");
}
