//! Where the bot stays, whatever the room.

use std::time::Duration;

use botwarden::config::Farewell;

use super::{audits, calls, departures, inside, leaves, often};
use crate::harness::told::own_log;
use crate::harness::{PEOPLE, Setup, eventually};

#[tokio::test]
async fn while_no_record_can_be_written_the_bot_says_no_farewell_and_stays() {
    let farewell = audits(|audit| {
        let (text, at_most_every) = ("Goodbye.".into(), Duration::from_hours(24));
        audit.farewell = Some(Farewell { text, at_most_every });
    });
    for setup in [Setup::new(), Setup::new().adjust(farewell)] {
        let world = setup.adjust(leaves(10)).start().await;
        world.subscribe("memberships", "created");
        world.told.breaks();
        world.control.join("staff", "tom").unwrap();
        eventually!(own_log().contains("no record of it can be written"));
        assert!(inside(&world, "staff") && calls(&world, "DELETE").is_empty());
        assert!(calls(&world, "POST").is_empty(), "nor a word");
        world.told.mends();
        assert!(departures(&world).is_empty());
    }
}

#[tokio::test]
async fn an_audit_that_finds_no_clean_room_leaves_none() {
    let rooms = format!(
        "{PEOPLE}\nrooms: {{a: {{title: A, members: [tom, helpdesk]}}, b: {{title: B, members: [tom, helpdesk]}}}}"
    );
    let world = Setup::new().people(&rooms).adjust(leaves(10)).adjust(audits(often)).start().await;
    eventually!(own_log().matches("--max-leave N` leaves them").count() >= 2);
    assert!(inside(&world, "a") && inside(&world, "b") && calls(&world, "DELETE").is_empty());
}
