//! How much may be left in a day, and what counts as an audit.

use botwarden::simulator::{Fault, Misbehaviour, Options, RetryAfter, Simulator, World as People};

use super::{audits, calls, inside, leaves, lists, often, refused};
use crate::harness::told::own_log;
use crate::harness::{PEOPLE, Setup, eventually};

/// A room with an outsider, and one that anybody may join.
fn two_rooms() -> String {
    format!(
        "{PEOPLE}\nrooms: {{partners: {{title: P, members: [ann, tom, helpdesk]}}, \
         staff: {{title: S, members: [ann, helpdesk]}}}}"
    )
}

/// While an audit leaves a room, an outsider joins another.
#[tokio::test]
async fn audits_and_departures_count_one_after_the_other() {
    let setup = Setup::new().people(&two_rooms()).adjust(leaves(1));
    let world = setup.adjust(audits(often)).start().await;
    world.subscribe("memberships", "created");
    // Both are read by the audit before anybody joins: else it would find two rooms to leave, and leave none.
    for room in ["partners", "staff"] {
        let id = world.control.room(room).unwrap().id;
        eventually!(lists(&world).iter().any(|call| call.query.contains(&id)));
    }
    world.control.join("staff", "tom").unwrap();
    eventually!(!inside(&world, "partners"));
    eventually!(own_log().contains("rooms were left within a day"));
    assert!(inside(&world, "staff") && calls(&world, "DELETE").len() == 1);
}

#[tokio::test]
async fn one_room_of_an_outsider_does_not_use_up_the_day() {
    let people = two_rooms();
    let world = Setup::new().people(&people).adjust(leaves(2)).start().await;
    world.subscribe("memberships", "created");
    for n in 1..=2 {
        refused(&world, "ann", "partners").await;
        eventually!(calls(&world, "DELETE").len() == n);
        world.control.join("partners", "helpdesk").unwrap();
    }
    world.control.join("staff", "tom").unwrap();
    eventually!(!inside(&world, "staff"));
}

#[tokio::test]
async fn an_audit_that_found_out_nothing_is_no_success() {
    let running = Simulator::start(People::demo(), Options::default()).await.unwrap();
    let storm = Misbehaviour::TooManyRequests { retry_after: Some(RetryAfter::Seconds(3600)) };
    running.control().fault(Fault::new(storm).on("/memberships").asking("roomId="));
    let world = Setup::new().adjust(audits(often)).start_in(running).await;
    eventually!(own_log().contains("none of the bot's rooms could be read"));
    assert!(world.metric(&["botwarden_audits_total", "failed"]).await > 0.5);
    assert!(world.metric(&["botwarden_audits_total", "done"]).await < 0.5);
    assert!(world.metric(&["botwarden_audit_last_success_timestamp_seconds"]).await < 0.5);
}
