//! Where a webhook leads: what counts as the gateway, as a way around it, and as none of its business.

use super::plan_tests::{desired, framework, own};
use super::*;
use crate::report::WebhookState;

fn state(webhook: Webhook) -> WebhookState {
    plan(&desired(), &[webhook]).seen[0].state()
}

fn to(target: &str) -> Webhook {
    Webhook { target: target.into(), ..own(1, "messages", "created") }
}

#[test]
fn a_name_hides_no_bypass() {
    for target in ["https://evil.example.com/in", "", "rubbish"] {
        assert_eq!(state(to(target)), WebhookState::Bypass, "{target}");
    }
}

#[test]
fn a_path_that_is_no_route_goes_around_the_gateway() {
    for path in ["stats", "hook/", "hook/x", "HOOK", ""] {
        let target = format!("https://gw.example.com/{path}");
        assert_eq!(state(to(&target)), WebhookState::Bypass, "{target}");
    }
    assert_eq!(state(to("https://gw.example.com/other")), WebhookState::WrongTarget);
}

#[test]
fn an_address_that_is_not_read_alike_by_everybody_goes_around_the_gateway() {
    let spellings = [
        "https://gw.example.com/x/../hook",
        "https://gw.example.com/./hook",
        "https://gw.example.com\\hook#x",
        "https://gw.example.com/ho\tok",
        " https://gw.example.com/hook",
        "https:/gw.example.com/hook",
        "https:\\\\gw.example.com/hook",
        "https:///gw.example.com/hook",
        "https://gw.example.com:0443/hook",
        "https://gw%2eexample.com/hook",
        "https://gw.example.com/%68ook",
    ];
    for target in spellings {
        assert_eq!(state(to(target)), WebhookState::Bypass, "{target}");
    }
    for target in ["HTTPS://GW.Example.COM/hook", "https://gw.example.com:443/hook"] {
        assert_eq!(state(to(target)), WebhookState::Ok, "{target}");
    }
}

#[test]
fn only_what_is_surely_harmless_is_foreign() {
    for resource in ["Messages", "teams", "", "all"] {
        assert_eq!(state(framework(1, resource, "created")), WebhookState::Bypass, "{resource}");
    }
    for resource in ["meetings", "telephony_calls", "serviceApp"] {
        let minutes = "https://gw.example.com/minutes".into();
        let here = Webhook { target: minutes, ..framework(1, resource, "ended") };
        for webhook in [framework(1, resource, "ended"), here] {
            let plan = plan(&desired(), &[webhook]);
            assert_eq!(plan.seen[0].state(), WebhookState::Foreign, "{resource}");
            assert!(plan.changes.iter().all(|change| matches!(change, Change::Create { .. })));
        }
        assert_eq!(state(own(1, resource, "ended")), WebhookState::Ok, "{resource}");
    }
}

#[test]
fn one_without_a_name_can_be_repaired() {
    let unnamed = Webhook { name: "".into(), ..framework(1, "messages", "created") };
    let changes = plan(&desired(), &[unnamed]).changes;
    assert!(matches!(&changes[0], Change::Update { repair, .. } if !repair.name.is_empty()));
}
