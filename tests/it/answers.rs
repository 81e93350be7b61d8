//! What each caller is told, whether the bot is called, and what the record says: every row of the table, for both
//! ways in which a route can answer.

use crate::harness::World;

#[tokio::test]
async fn smoke() {
    let world = World::start().await;
    let answer = world.say("ann", "staff").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.bot.got(1).await;
    world.settled().await;
    println!("{}", world.told.text());
}
