//! What Webex does to a keeper of webhooks that it takes at its word.

use std::sync::Arc;
use std::time::Duration;

use botwarden::config::Manage;
use botwarden::simulator::{Fault, Misbehaviour};
use botwarden::upkeep::webhooks::Keeper;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::harness::eventually;
use crate::harness::told::own_log;
use crate::webhooks::{
    OFTEN, ensured, find, keeping, looks_and_writes, own, quiet, running, theirs, webex,
};

/// A cache in between says that there are none.
#[tokio::test]
async fn a_list_that_is_out_of_date_makes_each_webhook_once() {
    let running = running().await;
    let stale = Fault::new(Misbehaviour::EmptyList).on("/webhooks").method("GET");
    running.control().fault(stale);
    own_log();
    let world = keeping(Manage::Ensure, OFTEN).start_in(running).await;
    let count = |method| {
        let calls = world.control.calls().into_iter();
        calls.filter(|call| call.path == "/webhooks" && call.method == method).count()
    };
    eventually!(count("GET") >= 6);
    assert_eq!(count("POST"), 2);
    let failed = ["botwarden_webhook_changes_total", "created", "failed"];
    assert!((world.metric(&failed).await - 2.0).abs() < 0.1);
    let log = own_log();
    assert!(log.contains("does not show it in its list") && !log.contains("webhook put in order"));
}

#[tokio::test]
async fn a_repair_that_is_taken_and_forgotten_is_a_failure_and_nothing_is_removed_for_it() {
    let world = ensured(OFTEN).await;
    quiet(&world).await;
    world.control.fault(Fault::new(Misbehaviour::ForgetsChange).on("/webhooks").method("PUT"));
    let before = own_log().len();
    world.control.register("helpdesk", &theirs("http://127.0.0.1:9/")).unwrap();
    world.control.clear_log();
    eventually!(looks_and_writes(&world.control).1 >= 3);
    assert_eq!(own(&world).len(), 2);
    assert!(world.metric(&["botwarden_webhook_changes_total", "updated", "failed"]).await > 0.5);
    let later = own_log().split_off(before);
    assert!(!later.contains("webhook put in order"));
    world.control.clear_faults();
    eventually!(own(&world).len() == 1);
}

#[tokio::test]
async fn while_another_change_fails_a_webhook_that_goes_off_again_rests_again() {
    let world = ensured(OFTEN).await;
    quiet(&world).await;
    let webhook = own(&world).remove(0);
    let broken = Fault::new(Misbehaviour::ServerError { status: 500 });
    world.control.fault(broken.on("/webhooks").method("POST"));
    let gone = own(&world).remove(1);
    let path = format!("/webhooks/{}", gone.id);
    assert_eq!(webex(&world, "DELETE", &path, Value::Null).await.status, 204);
    world.control.switch_off(&webhook.id).unwrap();
    let rest = Duration::from_secs(2);
    let desk = Arc::clone(world.tools().gateway.desks().first().unwrap());
    let keeper = Keeper::new(world.config(), desk, world.tools()).unwrap().resting(rest);
    let keeping = tokio::spawn(keeper.keep(Arc::new(Notify::new())));
    eventually!(find(&world, &webhook.id).status == "active");
    world.control.switch_off(&webhook.id).unwrap();
    let off = Instant::now();
    eventually!(find(&world, &webhook.id).status == "active");
    assert!(off.elapsed() > rest / 2, "{:?}", off.elapsed());
    keeping.abort();
}

#[tokio::test]
async fn a_token_that_is_refused_for_webhooks_only_leaves_the_gateway_ready() {
    let running = running().await;
    running.control().fault(Fault::new(Misbehaviour::ServerError { status: 401 }).on("/webhooks"));
    let world = keeping(Manage::Ensure, OFTEN).start_in(running).await;
    eventually!(looks_and_writes(&world.control).0 >= 3);
    assert_eq!(world.ops("/readyz").await.status, 200);
    let valid = world.metric(&["botwarden_token_valid", "helpdesk"]).await;
    assert!((valid - 1.0).abs() < 0.1, "{valid}");
}
