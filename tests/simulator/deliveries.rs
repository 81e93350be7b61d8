//! What webhooks hear, and when.

use std::time::Duration;

use botwarden::simulator::{Fault, Misbehaviour, Options, World};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{PATIENCE, Sim, header, hmac_by_hand, items, receiver};

#[tokio::test]
async fn a_delivery_is_signed_over_its_exact_bytes() {
    let sim = Sim::start().await;
    let (target, mut requests) = receiver(200).await;
    let webhook = sim.register("messages", "created", &target);
    let message = sim.control.post("ann", "staff", "/help").unwrap();
    let request = requests.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        header(head, "x-spark-signature").unwrap(),
        hmac_by_hand(b"a secret", body.as_bytes())
    );
    let envelope: Value = serde_json::from_str(body).unwrap();
    let (bot, ann) = (sim.control.person("helpdesk").unwrap(), sim.control.person("ann").unwrap());
    assert_eq!((&envelope["id"], &envelope["data"]["id"]), (&json!(webhook), &json!(message)));
    assert_eq!((&envelope["createdBy"], &envelope["actorId"]), (&json!(bot.id), &json!(ann.id)));
    assert_eq!((&envelope["orgId"], &envelope["name"]), (&json!(bot.org_id), &json!("Test ☃")));
    assert_eq!(envelope["data"]["text"], Value::Null, "an event never says what was said");
}

#[tokio::test]
async fn a_prepared_event_is_what_would_have_been_delivered() {
    let sim = Sim::start().await;
    let webhook = sim.register("messages", "created", "http://127.0.0.1:1/");
    let prepared = sim.control.event("ann", "staff", "/help", &webhook).unwrap();
    assert_eq!(prepared.signature.unwrap(), hmac_by_hand(b"a secret", prepared.body.as_bytes()));
    let read = sim
        .ask("helpdesk", &format!("/messages/{}", prepared.message))
        .await
        .json::<Value>()
        .await
        .unwrap();
    assert_eq!(read["text"], "Helpdesk /help");
    assert_eq!(sim.events().await, []);
}

#[tokio::test]
async fn the_owner_hears_of_others_who_leave_but_not_of_itself() {
    let sim = Sim::start().await;
    sim.register("memberships", "all", "http://127.0.0.1:1/");
    sim.control.join("staff", "tom").unwrap();
    sim.control.leave("staff", "tom").unwrap();
    sim.control.leave("staff", "helpdesk").unwrap();
    let expected = [("memberships", "created"), ("memberships", "deleted")];
    assert_eq!(sim.events().await, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(
        sim.ask("helpdesk", &sim.members_path("staff", 10)).await.status(),
        StatusCode::NOT_FOUND
    );
    sim.control.leave("fred-helpdesk", "fred").unwrap_err();
}

#[tokio::test]
async fn a_migrated_room_has_another_id() {
    let sim = Sim::start().await;
    sim.register("rooms", "migrated", "http://127.0.0.1:1/");
    let (old_path, new) =
        (sim.members_path("staff", 10), sim.control.migrate_room("staff").unwrap());
    assert_eq!(sim.events().await, [("rooms".to_owned(), "migrated".to_owned())]);
    let told: Value = serde_json::from_str(&sim.control.deliveries()[0].body).unwrap();
    assert_eq!((&told["data"]["id"], &told["data"]["roomId"]), (&json!(new), &Value::Null));
    assert_eq!(sim.ask("helpdesk", &old_path).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(items(sim.ask("helpdesk", &sim.members_path("staff", 10)).await).await.len(), 3);
}

#[tokio::test]
async fn a_card_tells_its_sender_and_keeps_its_inputs_to_the_api() {
    let sim = Sim::start().await;
    sim.register("attachmentActions", "created", "http://127.0.0.1:1/");
    let action = sim.control.submit_card_with("ann", "staff", json!({"choice": "yes"})).unwrap();
    assert_eq!(sim.events().await.len(), 1);
    let told: Value = serde_json::from_str(&sim.control.deliveries()[0].body).unwrap();
    assert_eq!(
        (&told["data"]["inputs"], &told["data"]["personEmail"]),
        (&Value::Null, &Value::Null)
    );
    let read = sim
        .ask("helpdesk", &format!("/attachment/actions/{action}"))
        .await
        .json::<Value>()
        .await
        .unwrap();
    assert_eq!(read["inputs"], json!({"choice": "yes"}));
}

#[tokio::test]
async fn a_hundred_failures_switch_a_webhook_off() {
    let sim = Sim::start().await;
    let (target, _requests) = receiver(500).await;
    let id = sim.register("messages", "created", &target);
    for _ in 0..105 {
        sim.control.post("ann", "staff", "hello").unwrap();
    }
    assert_eq!(sim.events().await.len(), 100);
    assert_eq!(sim.control.webhooks()[0].status, "inactive");
    let change = json!({"name": "again", "targetUrl": target, "status": "active"});
    let answer = sim.send(Method::PUT, "helpdesk", &format!("/webhooks/{id}"), change).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "active");
    sim.control.post("ann", "staff", "hello").unwrap();
    assert_eq!(sim.events().await.len(), 101);
    assert_eq!(sim.control.webhooks()[0].status, "inactive", "one more failure is enough");
}

#[tokio::test]
async fn deliveries_can_be_lost_doubled_and_swapped() {
    let sim = Sim::start().await;
    sim.register("messages", "created", "http://127.0.0.1:1/");
    let post = |text: &str| sim.control.post("ann", "staff", text).unwrap();
    let mut expected = Vec::new();
    sim.control.fault(Fault::new(Misbehaviour::LosesDelivery).times(1));
    post("lost");
    sim.control.fault(Fault::new(Misbehaviour::DuplicatesDelivery).on("/messages").times(1));
    let twice = post("twice");
    expected.extend([twice.clone(), twice]);
    sim.control.fault(Fault::new(Misbehaviour::ReordersDelivery).times(1));
    let (first, second) = (post("first"), post("second"));
    expected.extend([second, first]);
    assert!(sim.control.wait_idle(PATIENCE).await);
    sim.control.redeliver(1).unwrap();
    expected.push(expected[0].clone());
    assert!(sim.control.wait_idle(PATIENCE).await);
    let told = |body: &str| {
        serde_json::from_str::<Value>(body).unwrap()["data"]["id"].as_str().unwrap().to_owned()
    };
    let got: Vec<String> =
        sim.control.deliveries().iter().map(|delivery| told(&delivery.body)).collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_slow_receiver_is_given_up() {
    let options = Options { delivery_timeout: Duration::from_millis(50), ..Options::default() };
    let sim = Sim::with(World::demo(), options).await;
    // It accepts, by way of the backlog, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sim.register("messages", "created", &format!("http://{}/", silent.local_addr().unwrap()));
    sim.control.post("ann", "staff", "hello").unwrap();
    assert!(sim.control.wait_idle(PATIENCE).await);
    assert_eq!(sim.control.deliveries()[0].error.as_deref(), Some("no answer in time"));
}
