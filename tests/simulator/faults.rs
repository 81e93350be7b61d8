//! Every way to misbehave.

use std::time::Duration;

use botwarden::simulator::{Fault, Misbehaviour, RetryAfter};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{PATIENCE, Sim, items, next_link};

#[tokio::test]
async fn calls_can_fail_in_every_way() {
    let sim = Sim::start().await;
    let retry = |retry_after| Misbehaviour::TooManyRequests { retry_after };
    let cases = [
        (retry(Some(RetryAfter::Seconds(7))), 429, Some("7")),
        (retry(Some(RetryAfter::Malformed)), 429, Some("rand(30),add(30)")),
        (retry(None), 429, None),
        (Misbehaviour::ServerError { status: 503 }, 503, None),
        (Misbehaviour::HtmlPage { status: 200 }, 200, None),
    ];
    for (misbehaviour, status, retry_after) in cases {
        sim.control.fault(Fault::new(misbehaviour).on("/memberships").times(1));
        let response = sim.ask("helpdesk", "/memberships").await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().get("retry-after").map(|v| v.to_str().unwrap()), retry_after);
    }
    assert_eq!(
        sim.ask("helpdesk", "/memberships").await.status(),
        StatusCode::OK,
        "all are used up"
    );
}

#[tokio::test]
async fn connections_can_fail_in_every_way() {
    let sim = Sim::start().await;
    let url = format!("{}/people/me", sim.running.api());
    let get = || {
        sim.client
            .get(&url)
            .bearer_auth("sim-token-helpdesk")
            .timeout(Duration::from_millis(200))
            .send()
    };
    sim.control.fault(Fault::new(Misbehaviour::Hangs).times(1));
    assert!(get().await.unwrap_err().is_timeout());
    sim.control.fault(Fault::new(Misbehaviour::DropsConnection));
    assert!(get().await.unwrap_err().is_request());
    sim.control.clear_faults();
    sim.control.fault(Fault::new(Misbehaviour::TruncatesBody).times(1));
    let cut = get().await.unwrap();
    assert_eq!(cut.status(), StatusCode::OK);
    cut.bytes().await.unwrap_err();
    sim.control.fault(Fault::new(Misbehaviour::Slow { milliseconds: 1000 }).times(1));
    assert!(get().await.unwrap_err().is_timeout());
    assert_eq!(sim.control.calls()[0].status, None, "a call without an answer has no status");
}

#[tokio::test]
async fn lists_can_lie() {
    let sim = Sim::start().await;
    let list = async |misbehaviour: Misbehaviour| {
        sim.control.fault(Fault::new(misbehaviour).on("/memberships").by("helpdesk").times(1));
        items(sim.ask("helpdesk", &sim.members_path("staff", 10)).await).await
    };
    let room = json!(sim.room("staff"));
    let bot = json!(sim.control.person("helpdesk").unwrap().id);
    assert!(list(Misbehaviour::ItemErrors).await[2]["errors"].is_object());
    assert_eq!(list(Misbehaviour::OmitsOrg).await[2].get("personOrgId"), None);
    assert_ne!(list(Misbehaviour::ForeignItem).await[3]["roomId"], room);
    assert!(list(Misbehaviour::OmitsCaller).await.iter().all(|item| item["personId"] != bot));
    assert_eq!(list(Misbehaviour::ModeratorsOnly).await.len(), 0);
    assert_eq!(list(Misbehaviour::EmptyPage).await.len(), 0);
}

#[tokio::test]
async fn next_links_can_lie() {
    let sim = Sim::start().await;
    let link = async |misbehaviour: Misbehaviour| {
        sim.control.fault(Fault::new(misbehaviour).on("/memberships").times(1));
        next_link(&sim.ask("helpdesk", &sim.members_path("staff", 2)).await).unwrap()
    };
    let follow = async |url: &str| sim.call_at(Method::GET, url, "helpdesk", None).await;
    let foreign =
        link(Misbehaviour::ForeignNextLink { origin: "http://127.0.0.1:9".to_owned() }).await;
    assert!(foreign.starts_with("http://127.0.0.1:9/v1/memberships?"));
    let null = follow(&link(Misbehaviour::MaxNull).await).await;
    assert_eq!(null.status(), StatusCode::BAD_REQUEST);
    let looped = items(follow(&link(Misbehaviour::LoopingNextLink).await).await).await;
    assert_eq!(looped[0]["personEmail"], "ann@example.com", "the first page again");
    let lost = link(Misbehaviour::LosesParameters).await;
    assert!(!lost.contains("roomId"));
    let unfiltered = items(follow(&format!("{lost}&x=1").replace("max=2", "max=1000")).await).await;
    assert!(
        unfiltered.iter().any(|item| item["roomId"] != json!(sim.room("staff"))),
        "members of other rooms"
    );
    let mended = items(follow(&format!("{lost}&roomId={}", sim.room("staff"))).await).await;
    assert_eq!(mended.len(), 1, "a client that puts the filter back gets the rest");
}

#[tokio::test]
async fn an_answer_can_be_out_of_date_when_it_arrives() {
    let sim = Sim::start().await;
    sim.control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/memberships").times(1));
    let path = sim.members_path("staff", 10);
    let ask = sim.ask("helpdesk", &path);
    let change = async {
        while sim.control.calls().first().and_then(|call| call.status).is_none() {
            tokio::task::yield_now().await;
        }
        sim.control.join("staff", "tom").unwrap();
        sim.control.clear_faults();
    };
    let (old, changed) = tokio::join!(ask, tokio::time::timeout(PATIENCE, change));
    changed.unwrap();
    assert_eq!(items(old).await.len(), 3);
    assert_eq!(items(sim.ask("helpdesk", &path).await).await.len(), 4);
}
