//! The control over HTTP, and the end.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::Sim;

async fn post(sim: &Sim, path: &str, body: Value) -> (StatusCode, Value) {
    let response = sim.control_call(Method::POST, path, body).await;
    (response.status(), response.json().await.unwrap())
}

async fn get(sim: &Sim, path: &str) -> Value {
    let response = sim.control_call(Method::GET, path, json!({})).await;
    response.json().await.unwrap()
}

#[tokio::test]
async fn a_conversation_can_be_played_over_http() {
    let sim = Sim::start().await;
    assert_eq!(get(&sim, "world").await["people"]["ann"]["token"], "sim-token-ann");
    let hook = json!({"owner": "helpdesk", "name": "n", "target": "http://127.0.0.1:1/",
        "resource": "messages", "event": "created"});
    let (_, hook) = post(&sim, "webhooks", hook).await;
    assert_eq!(get(&sim, "webhooks").await[0]["id"], hook["id"]);
    let text = json!({"person": "ann", "room": "staff", "text": "/help"});
    let (_, said) = post(&sim, "post", text).await;
    assert_eq!(get(&sim, "messages?room=staff").await[0]["id"], said["id"]);
    let quiet = json!({"person": "ann", "room": "staff", "text": "psst", "mention": "none"});
    assert_eq!(post(&sim, "post", quiet).await.0, StatusCode::OK);
    assert_eq!(post(&sim, "wait-idle", json!({})).await.1["idle"], true);
    assert_eq!(get(&sim, "deliveries").await.as_array().unwrap().len(), 1);
    post(&sim, "redeliver", json!({"number": 1})).await;
    assert_eq!(post(&sim, "wait-idle", json!({})).await.1["idle"], true);
    assert_eq!(get(&sim, "deliveries").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn people_and_rooms_can_be_moved_over_http() {
    let sim = Sim::start().await;
    let tom = json!({"room": "staff", "person": "tom"});
    let calls = [
        ("join", tom.clone(), StatusCode::OK),
        ("join", tom.clone(), StatusCode::BAD_REQUEST),
        ("leave", tom, StatusCode::OK),
        ("join", json!({"room": "staff", "person": "ghost"}), StatusCode::NOT_FOUND),
        ("card", json!({"person": "ann", "room": "staff"}), StatusCode::OK),
        ("migrate", json!({"room": "staff"}), StatusCode::OK),
        ("nothing", json!({}), StatusCode::NOT_FOUND),
    ];
    for (path, body, status) in calls {
        assert_eq!(post(&sim, path, body).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn faults_can_be_set_and_cleared_over_http() {
    let sim = Sim::start().await;
    let fault = json!({"fault": "server-error", "status": 500, "path": "/people"});
    post(&sim, "faults", fault).await;
    let status = async || sim.ask("helpdesk", "/people/me").await.status();
    assert_eq!(status().await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(get(&sim, "calls").await[0]["status"], 500);
    sim.control_call(Method::DELETE, "faults", json!({})).await;
    assert_eq!(status().await, StatusCode::OK);
    post(&sim, "clear-log", json!({})).await;
    assert_eq!(get(&sim, "calls").await, json!([]));
}

#[tokio::test]
async fn the_front_page_helps() {
    let sim = Sim::start().await;
    let page = sim.client.get(sim.running.origin()).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("POST /control/post"));
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_port() {
    let sim = Sim::start().await;
    let address = sim.running.origin().socket_addrs(|| None).unwrap()[0];
    sim.running.stop().await;
    TcpListener::bind(address).await.unwrap();
}

/// A page in a browser can post to loopback without being asked, and `deliver` calls any address.
#[tokio::test]
async fn no_page_in_a_browser_reaches_the_control() {
    let sim = Sim::start().await;
    let post = |path: &str, name: &'static str, value: &'static str| {
        let url = format!("{}control/{path}", sim.running.origin());
        sim.client.post(url).header(name, value).body("{}").send()
    };
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("host", "evil.example"),
        ("host", "127.0.0.1.evil.example:80"),
    ] {
        let answer = post("clear-log", name, value).await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:8090"] {
        assert_eq!(post("clear-log", "host", host).await.unwrap().status(), StatusCode::OK);
    }
}
