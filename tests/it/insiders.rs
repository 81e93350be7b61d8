//! Somebody knows a webhook secret, and signs what they like. Their events are authentic: what they say about a room is
//! still not evidence.

use botwarden::simulator::Registration;
use serde_json::{Value, json};

use crate::harness::event::SECRET;
use crate::harness::{Setup, World, eventually};
use crate::upkeep::{calls, inside, leaving};

const EXAMPLE: &str = "0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11";
const CONTOSO: &str = "5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22";

/// A membership that nobody at Webex knows of.
fn membership(world: &World, verb: &str, room: &str, person: &str, org: &str) -> String {
    let id = world.control.person(person).unwrap().id;
    world.altered("ann", room, |event| {
        (event["resource"], event["event"]) = (json!("memberships"), json!(verb));
        (event["data"]["personId"], event["data"]["personOrgId"]) = (json!(id), json!(org));
    })
}

#[tokio::test]
async fn who_knows_the_secret_cannot_make_a_room_clean() {
    let world = World::start().await;
    assert_eq!(world.verdict("ann", "partners").await["reason"], "outside_org");
    for (verb, person, org) in [
        ("deleted", "tom", CONTOSO),
        ("deleted", "tom", EXAMPLE),
        ("updated", "tom", EXAMPLE),
        ("created", "tom", EXAMPLE),
        ("created", "ann", EXAMPLE),
        ("created", "helpdesk", EXAMPLE),
    ] {
        let forged = membership(&world, verb, "partners", person, org);
        let of_itself = world.verdict_on(&forged).await;
        assert_eq!(of_itself["verdict"], "deny", "{verb} {person}");
        let afterwards = world.verdict("ann", "partners").await;
        assert_eq!(afterwards["reason"], "outside_org", "{verb} {person}");
    }
    assert_eq!(world.bot.count(), 0);
}

#[tokio::test]
async fn who_knows_the_secret_cannot_make_the_bot_leave() {
    let world = leaving().await;
    let forged = membership(&world, "created", "staff", "tom", CONTOSO);
    assert_eq!(world.verdict_on(&forged).await["reason"], "outside_org", "it is silent there");
    // Rooms wait in one line: what came before this one is over when it is left.
    assert_eq!(world.verdict("ann", "partners").await["reason"], "outside_org");
    eventually!(!inside(&world, "partners"));
    assert!(inside(&world, "staff"), "one forged word is no list");
    assert_eq!((calls(&world, "DELETE").len(), calls(&world, "PUT").len()), (1, 0));
}

const TWO_BOTS: &str = "{helpdesk: {token: {env: TOKEN}, webhook_secret: {env: SECRET}}, \
                        other: {token: {env: OTHER}, webhook_secret: {env: SECRET}}}";
const TWO_ROUTES: &str =
    "{helpdesk: ROUTE, other: {path: /other, bot: other, upstream: {url: 'BOT'}}}";

#[tokio::test]
async fn an_event_of_one_bot_is_nothing_to_another_with_the_same_secret() {
    let setup = Setup::new().variable("OTHER", "sim-token-other-bot").with("bots", TWO_BOTS);
    let world = setup.with("routes", TWO_ROUTES).start().await;
    eventually!(world.house().readiness().checks().contains_key("token other"));
    world.control.join("staff", "other-bot").unwrap();
    let body = world.message("ann", "staff").body;
    assert_eq!(world.send_to("/other", &body).await.status, 200);
    eventually!(world.told.count("deny", "wrong_webhook") == 1);
    world.settled().await;
    assert_eq!((world.bot.count(), world.questions()), (0, 0));
    // The same words under a webhook of its own are for it.
    let own = Registration {
        name: "of the other".to_owned(),
        target: format!("http://{}/other", world.address),
        resource: "messages".to_owned(),
        event: "deleted".to_owned(),
        filter: None,
        secret: Some(SECRET.to_owned()),
    };
    world.control.register("other-bot", &own).unwrap();
    let mut event: Value = serde_json::from_str(&body).unwrap();
    event["createdBy"] = json!(world.control.person("other-bot").unwrap().id);
    world.send_to("/other", event.to_string()).await;
    eventually!(world.told.decisions().len() == 2);
    assert_ne!(world.told.decisions()[1]["reason"], "wrong_webhook");
}

/// What one reader takes for one thing and the next for another, or what no reader survives.
fn traps(world: &World) -> Vec<(&'static str, String)> {
    let fair = world.message("ann", "staff").body;
    let other = world.control.room("partners").unwrap().id;
    let instead = |from: &str, to: &str| {
        assert!(fair.contains(from), "{from}");
        fair.replacen(from, to, 1)
    };
    let room = format!("\"roomId\":\"{other}\",\"roomId\"");
    let escaped = format!("\"room\\u0049d\":\"{other}\",\"roomId\"");
    let data = format!("\"data\":{{\"id\":\"m\",\"roomId\":\"{other}\"}},\"data\"");
    vec![
        ("two rooms", instead("\"roomId\"", &room)),
        ("two rooms, one spelled otherwise", instead("\"roomId\"", &escaped)),
        ("two sets of facts", instead("\"data\"", &data)),
        ("two resources", instead("\"resource\"", "\"resource\":\"rooms\",\"resource\"")),
        ("half a character", instead("\"roomType\"", "\"\\ud800\":1,\"roomType\"")),
        ("a number beyond all", instead("\"roomType\"", "\"n\":1e999999,\"roomType\"")),
        ("a number for a room", instead("\"roomId\":\"", "\"roomId\":7,\"was\":\"")),
        ("something behind it", fair.clone() + "{}"),
        ("a mark of the order of bytes", format!("\u{feff}{fair}")),
        (
            "no depth that ends",
            instead("\"roomType\"", &("\"deep\":".to_owned() + &"[".repeat(100_000))),
        ),
        ("objects without end", instead("\"roomType\"", &"\"deep\":{\"a\":[".repeat(10_000))),
    ]
}

#[tokio::test]
async fn signed_bodies_that_are_traps_for_a_reader_are_malformed() {
    let world = World::start().await;
    for (what, body) in traps(&world) {
        let record = world.verdict_on(&body).await;
        assert_eq!(
            (&record["verdict"], &record["reason"]),
            (&json!("deny"), &json!("malformed")),
            "{what}"
        );
    }
    assert_eq!((world.bot.count(), world.questions()), (0, 0));
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
}
