//! What is done about rooms and webhooks follows a reload, and loses nothing that was begun or counted.

use std::time::Duration;

use botwarden::config::{Config, Manage, Notices, Notify};
use botwarden::gate::policy::Mode;
use botwarden::simulator::{Fault, Misbehaviour};
use tokio::time::{sleep, timeout};

use crate::harness::told::own_log;
use crate::harness::{Setup, World, eventually};
use crate::upkeep::{calls, departures, inside, leaves, leaving, lists};

fn both(yaml: &str) -> String {
    yaml.replace("allowed_orgs: [example]", "allowed_orgs: [example, contoso]")
}

#[tokio::test]
async fn no_room_is_left_by_a_policy_that_is_no_longer_in_force() {
    let world = leaving().await;
    world.control.join("staff", "tom").unwrap();
    eventually!(!lists(&world).is_empty());
    // The second list is read two seconds after the first.
    world.reload(both).await.unwrap();
    world.say("ann", "staff").await;
    sleep(Duration::from_secs(4)).await;
    assert!(inside(&world, "staff") && departures(&world).is_empty());
    assert!(calls(&world, "DELETE").is_empty());
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
}

#[tokio::test]
async fn a_reload_waits_for_a_departure_that_has_begun_and_for_its_record() {
    let world = leaving().await;
    world.control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/memberships").method("DELETE"));
    world.control.join("staff", "tom").unwrap();
    eventually!(calls(&world, "DELETE").len() == 1);
    let reload = world.reload(both);
    tokio::pin!(reload);
    assert!(timeout(Duration::from_millis(300), &mut reload).await.is_err(), "it did not wait");
    assert!(departures(&world).is_empty());
    world.control.clear_faults();
    reload.await.unwrap();
    assert_eq!(departures(&world).len(), 1);
    assert!(!inside(&world, "staff"));
}

#[tokio::test]
async fn a_room_that_was_being_looked_at_is_looked_at_by_the_new_rules() {
    let world = leaving().await;
    world.control.join("staff", "tom").unwrap();
    eventually!(!lists(&world).is_empty());
    world.reload(|yaml| yaml.replace("[example]", "[example], max_event_age: 1h")).await.unwrap();
    eventually!(!inside(&world, "staff"));
    // The room is left before that is on record.
    eventually!(departures(&world).len() == 1);
}

#[tokio::test]
async fn rooms_that_were_left_before_a_reload_count_after_it() {
    let world = Setup::new().adjust(leaves(1)).start().await;
    world.subscribe("memberships", "created");
    world.control.join("staff", "tom").unwrap();
    eventually!(departures(&world).len() == 1);
    world.reload(|yaml| yaml.replace("[example]", "[example], max_event_age: 1h")).await.unwrap();
    world.control.join("launch", "tom").unwrap();
    eventually!(own_log().contains("`max_leave` rooms were left within a day"));
    assert!(inside(&world, "launch") && departures(&world).len() == 1);
}

fn says(config: &mut Config) {
    config.notices = Notices {
        notify: Notify::None,
        text: "Silent.".into(),
        at_most_every: Duration::from_hours(1),
        refused: Some("I am silent here.".into()),
        still_refused: None,
        allowed_again: None,
    };
}

fn said(world: &World, room: &str) -> usize {
    let messages = world.control.messages(room).unwrap();
    messages.iter().filter(|message| message.person == "helpdesk").count()
}

#[tokio::test]
async fn what_was_said_in_a_room_is_not_said_again_after_a_reload() {
    let world = Setup::new().adjust(says).start().await;
    assert_eq!(world.verdict("ann", "partners").await["reason"], "outside_org");
    eventually!(said(&world, "partners") == 1);
    world.reload(|yaml| yaml.replace("[example]", "[example], max_event_age: 1h")).await.unwrap();
    assert_eq!(world.verdict("ann", "partners").await["reason"], "outside_org");
    // One after the other: when this room is told, nothing more comes of the one before.
    assert_eq!(world.verdict("fred", "fred-helpdesk").await["reason"], "outside_org");
    eventually!(said(&world, "fred-helpdesk") == 1);
    assert_eq!(said(&world, "partners"), 1);
}

fn looks(world: &World) -> usize {
    let of = |call: &&botwarden::simulator::CallRecord| call.path == "/webhooks";
    world.control.calls().iter().filter(of).count()
}

#[tokio::test]
async fn webhooks_are_looked_at_again_only_where_they_should_be_others() {
    let checks = |config: &mut Config| {
        config.bots.values_mut().for_each(|bot| bot.webhooks.manage = Manage::Check);
    };
    let server = "{listen: '127.0.0.1:0', public_url: 'https://one.example.com'}";
    let world = Setup::new().with("server", server).adjust(checks).start().await;
    eventually!(looks(&world) == 1);
    // Other keys of the file: the keeper of the webhooks goes on undisturbed.
    world.reload(|yaml| yaml.replace("timeout: 3s", "timeout: 4s")).await.unwrap();
    world.reload(|yaml| yaml.replace("one.example", "two.example")).await.unwrap();
    eventually!(looks(&world) == 2);
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    assert_eq!(looks(&world), 2);
}

#[tokio::test]
async fn the_end_of_observing_is_told_once_and_over_a_reload() {
    let until = std::time::SystemTime::now() + Duration::from_millis(2500);
    let soon = move |config: &mut Config| {
        config.routes.values_mut().for_each(|route| route.policy.mode = Mode::Observe { until });
    };
    let world = Setup::new().adjust(soon).start().await;
    assert_eq!(world.verdict("ann", "partners").await["reason"], "observe");
    world.reload(|yaml| yaml.replace("timeout: 3s", "timeout: 4s")).await.unwrap();
    eventually!(own_log().contains("observing is over"));
    assert_eq!(world.verdict("ann", "partners").await["reason"], "outside_org");
    world.reload(str::to_owned).await.unwrap();
    assert_eq!(own_log().matches("observing is over").count(), 1);
}
