//! Rooms that were clean and all others: a flood of the others leaves the calls that the first need.

use std::fmt::Write as _;
use std::time::Duration;

use botwarden::config::Config;
use tokio::time::Instant;

use crate::harness::{PEOPLE, Setup, World, eventually, within};

const STRANGERS: usize = 150;

/// Ann's room, a room of hers that nobody has heard of yet, and rooms of Tom, who is an outsider.
async fn world() -> World {
    let mut people = format!("{PEOPLE}\nrooms:\n");
    for room in ["staff", "new"] {
        writeln!(people, "  {room}: {{title: S, members: [ann, helpdesk]}}").unwrap();
    }
    for n in 0..STRANGERS {
        writeln!(people, "  tom{n}: {{title: T, members: [tom, helpdesk]}}").unwrap();
    }
    let few = |config: &mut Config| config.webex.requests_per_minute = 60;
    Setup::new().people(&people).with("cache", "{allow_ttl: 0s}").adjust(few).start().await
}

/// Somebody outside makes the bot hear of all their rooms at once.
async fn flood(world: &World) {
    for n in 0..STRANGERS {
        assert_eq!(world.say("tom", &format!("tom{n}")).await.status, 200);
    }
}

/// How long it takes from what Ann says to the bot's hearing it.
async fn delivered(world: &World, room: &str, limit: Duration) -> Option<Duration> {
    let (before, asked) = (world.bot.count(), Instant::now());
    world.say("ann", room).await;
    within(limit, || world.bot.count() > before).await.then(|| asked.elapsed())
}

#[tokio::test]
async fn invariant_9_a_flood_of_strangers_does_not_starve_a_room_that_was_clean() {
    let world = world().await;
    delivered(&world, "staff", Duration::from_secs(5)).await.unwrap();
    flood(&world).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        // No list serves twice here: each message costs a call.
        let took = delivered(&world, "staff", Duration::from_secs(5)).await;
        slowest = slowest.max(took.expect("a regular's turn"));
    }
    let waiting = world.house().waiting();
    assert!(waiting > STRANGERS / 2, "only {waiting} strangers wait");
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
}

/// Strangers have their share too, and one that is a colleague is a regular from then on.
#[tokio::test]
async fn a_stranger_among_strangers_is_read_in_turn_and_then_known() {
    let world = world().await;
    for n in 0..6 {
        world.say("tom", &format!("tom{n}")).await;
    }
    delivered(&world, "new", Duration::from_secs(30)).await.expect("a stranger's turn");
    for n in 6..STRANGERS {
        world.say("tom", &format!("tom{n}")).await;
    }
    delivered(&world, "new", Duration::from_secs(5)).await.expect("a regular's turn");
    eventually!(world.told.count("deny", "outside_org") >= 6);
}
