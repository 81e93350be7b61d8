//! What the API answers.

use botwarden::simulator::{Mention, Options, World};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Sim, items, next_link};

#[tokio::test]
async fn every_member_of_a_large_room_is_on_exactly_one_page() {
    let sim = Sim::start().await;
    let mut url = Some(format!("{}{}", sim.running.api(), sim.members_path("townhall", 100)));
    let (mut people, mut pages) = (Vec::new(), Vec::new());
    while let Some(address) = url {
        assert!(address.starts_with(sim.running.origin().as_str()), "{address}");
        let response = sim.call_at(Method::GET, &address, "helpdesk", None).await;
        url = next_link(&response);
        let items = items(response).await;
        pages.push(items.len());
        people.extend(items.into_iter().map(|item| item["personId"].as_str().unwrap().to_owned()));
    }
    people.sort_unstable();
    people.dedup();
    assert_eq!((pages, people.len()), (vec![100, 100, 52], 252));
}

#[tokio::test]
async fn webhooks_are_kept_as_the_platform_keeps_them() {
    let sim = Sim::start().await;
    let wanted = json!({"name": "n", "targetUrl": "http://127.0.0.1:1/", "resource": "messages", "event": "created",
        "filter": "roomType=group", "secret": "s"});
    for _ in 0..2 {
        let made = sim.send(Method::POST, "helpdesk", "/webhooks", wanted.clone()).await;
        assert_eq!(
            made.json::<Value>().await.unwrap()["secret"],
            "s",
            "duplicates are fine, secrets are shown"
        );
    }
    let made = items(sim.ask("helpdesk", "/webhooks").await).await;
    let path = format!("/webhooks/{}", made[0]["id"].as_str().unwrap());
    let without_target = sim.send(Method::PUT, "helpdesk", &path, json!({"name": "m"})).await;
    assert_eq!(without_target.status(), StatusCode::BAD_REQUEST);
    assert_eq!(sim.ask("ann", &path).await.status(), StatusCode::NOT_FOUND, "somebody else's");
    let deleted = sim.send(Method::DELETE, "helpdesk", &path, json!({})).await;
    assert_eq!((deleted.status(), made.len()), (StatusCode::NO_CONTENT, 2));
}

#[tokio::test]
async fn strangers_and_typing_mistakes_are_refused_politely() {
    let sim = Sim::start().await;
    let response = sim
        .client
        .get(format!("{}/people/me", sim.running.api()))
        .bearer_auth("wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers().contains_key("trackingid"));
    let body = response.json::<Value>().await.unwrap();
    assert_eq!(body["errors"][0]["description"], body["message"]);
    assert_eq!(sim.ask("helpdesk", "/nothing").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(sim.ask("helpdesk", "/people/nobody").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        sim.send(Method::PATCH, "helpdesk", "/rooms", json!({})).await.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(
        sim.ask("helpdesk", "/memberships?max=null").await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(sim.control.calls()[0].person, None);
}

#[tokio::test]
async fn who_is_only_in_the_team_sees_only_moderators() {
    let world = "
orgs: { example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11 }
people:
  ann: { name: Ann, email: ann@example.com, org: example }
  bob: { name: Bob, email: bob@example.com, org: example }
  desk: { name: Desk, email: desk@webex.bot, org: example, type: bot }
rooms:
  general: { title: General, locked: true, team: [desk], members: [ann, bob], moderators: [ann] }
";
    let sim = Sim::with(World::from_yaml(world).unwrap(), Options::default()).await;
    let seen = items(sim.ask("desk", &sim.members_path("general", 10)).await).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["personEmail"], "ann@example.com");
    assert_eq!(items(sim.ask("bob", &sim.members_path("general", 10)).await).await.len(), 2);
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let options = Options { requests_per_minute: Some(1), ..Options::default() };
    let sim = Sim::with(World::demo(), options).await;
    assert_eq!(sim.ask("helpdesk", "/people/me").await.status(), StatusCode::OK);
    let refused = sim.ask("helpdesk", "/people/me").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    assert_eq!(
        sim.ask("ann", "/people/me").await.status(),
        StatusCode::OK,
        "each token has its own minute"
    );
}

#[tokio::test]
async fn bots_hear_group_messages_only_when_mentioned() {
    let sim = Sim::start().await;
    sim.register("messages", "created", "http://127.0.0.1:1/");
    sim.control.post_mentioning("ann", "staff", "not for bots", &Mention::None).unwrap();
    sim.control
        .post_mentioning("ann", "staff", "for bob", &Mention::People(vec!["bob".to_owned()]))
        .unwrap();
    assert_eq!(sim.events().await.len(), 0);
    sim.control.post("ann", "staff", "for bots").unwrap();
    sim.control.post_mentioning("ann", "staff", "for all", &Mention::All).unwrap();
    sim.control.post("ann", "ann-helpdesk", "direct").unwrap();
    assert_eq!(sim.events().await.len(), 3);
    let room = sim.room("staff");
    assert_eq!(
        sim.ask("helpdesk", &format!("/messages?roomId={room}")).await.status(),
        StatusCode::FORBIDDEN
    );
    let listed = sim.ask("helpdesk", &format!("/messages?roomId={room}&mentionedPeople=me")).await;
    assert_eq!(items(listed).await.len(), 1);
}
