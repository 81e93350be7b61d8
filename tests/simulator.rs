//! The simulator over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may fail loudly, run tasks of their own, and trust the size of answers from the same machine"
)]

use std::time::Duration;

use botwarden::simulator::{
    Control, Fault, Mention, Misbehaviour, Options, Registration, RetryAfter, Running, Simulator,
    World,
};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(10);

struct Sim {
    running: Running,
    control: Control,
    client: Client,
}

impl Sim {
    async fn start() -> Self {
        Self::with(World::demo(), Options::default()).await
    }

    async fn with(world: World, options: Options) -> Self {
        let running = Simulator::start(world, options).await.unwrap();
        Self {
            control: running.control(),
            running,
            client: Client::new(),
        }
    }

    async fn call_at(
        &self,
        method: Method,
        url: &str,
        person: &str,
        body: Option<Value>,
    ) -> Response {
        let token = self.control.person(person).unwrap().token;
        let request = self.client.request(method, url).bearer_auth(token);
        let request = if let Some(body) = body {
            request.json(&body)
        } else {
            request
        };
        request.send().await.unwrap()
    }

    async fn ask(&self, person: &str, path: &str) -> Response {
        self.call_at(
            Method::GET,
            &format!("{}{path}", self.running.api()),
            person,
            None,
        )
        .await
    }

    async fn send(&self, method: Method, person: &str, path: &str, body: Value) -> Response {
        self.call_at(
            method,
            &format!("{}{path}", self.running.api()),
            person,
            Some(body),
        )
        .await
    }

    fn room(&self, room: &str) -> String {
        self.control.room(room).unwrap().id
    }

    fn members_path(&self, room: &str, max: usize) -> String {
        format!("/memberships?roomId={}&max={max}", self.room(room))
    }

    fn register(&self, resource: &str, event: &str, target: &str) -> String {
        let registration = Registration {
            name: "Test ☃".to_owned(),
            target: target.to_owned(),
            resource: resource.to_owned(),
            event: event.to_owned(),
            filter: None,
            secret: Some("a secret".to_owned()),
        };
        self.control.register("helpdesk", &registration).unwrap()
    }

    async fn events(&self) -> Vec<(String, String)> {
        assert!(self.control.wait_idle(PATIENCE).await);
        self.control
            .deliveries()
            .into_iter()
            .map(|d| (d.resource, d.event))
            .collect()
    }
}

fn next_link(response: &Response) -> Option<String> {
    let link = response.headers().get("link")?.to_str().unwrap();
    Some(
        link.strip_prefix('<')?
            .strip_suffix(">; rel=\"next\"")?
            .to_owned(),
    )
}

async fn items(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), StatusCode::OK);
    response.json::<Value>().await.unwrap()["items"]
        .as_array()
        .unwrap()
        .clone()
}

/// A receiver that answers each request with a status and keeps the requests as raw text.
async fn receiver(status: u16) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let mut length = 0;
            while !complete(&request[..length]) {
                length += stream.read(&mut request[length..]).await.unwrap();
            }
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            sender
                .send(String::from_utf8(request[..length].to_vec()).unwrap())
                .unwrap();
        }
    });
    (url, requests)
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    request.len()
        >= head.len()
            + 4
            + header(head, "content-length")
                .unwrap()
                .parse::<usize>()
                .unwrap()
}

fn header(head: &str, name: &str) -> Option<String> {
    let pair = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    Some(pair?.1.trim().to_owned())
}

/// HMAC-SHA1 as RFC 2104 writes it, from the hash alone.
fn hmac_by_hand(secret: &[u8], body: &[u8]) -> String {
    let mut key = [0_u8; 64];
    if secret.len() > 64 {
        key[..20].copy_from_slice(&Sha1::digest(secret))
    } else {
        key[..secret.len()].copy_from_slice(secret)
    }
    let inner = Sha1::new()
        .chain_update(key.map(|b| b ^ 0x36))
        .chain_update(body)
        .finalize();
    let outer = Sha1::new()
        .chain_update(key.map(|b| b ^ 0x5c))
        .chain_update(inner)
        .finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn every_member_of_a_large_room_is_on_exactly_one_page() {
    let sim = Sim::start().await;
    let mut url = Some(format!(
        "{}{}",
        sim.running.api(),
        sim.members_path("townhall", 100)
    ));
    let (mut people, mut pages) = (Vec::new(), Vec::new());
    while let Some(address) = url {
        assert!(
            address.starts_with(sim.running.origin().as_str()),
            "{address}"
        );
        let response = sim.call_at(Method::GET, &address, "helpdesk", None).await;
        url = next_link(&response);
        let items = items(response).await;
        pages.push(items.len());
        people.extend(
            items
                .into_iter()
                .map(|item| item["personId"].as_str().unwrap().to_owned()),
        );
    }
    people.sort_unstable();
    people.dedup();
    assert_eq!((pages, people.len()), (vec![100, 100, 52], 252));
}

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
    let (bot, ann) = (
        sim.control.person("helpdesk").unwrap(),
        sim.control.person("ann").unwrap(),
    );
    assert_eq!(
        (&envelope["id"], &envelope["data"]["id"]),
        (&json!(webhook), &json!(message))
    );
    assert_eq!(
        (&envelope["createdBy"], &envelope["actorId"]),
        (&json!(bot.id), &json!(ann.id))
    );
    assert_eq!(
        (&envelope["orgId"], &envelope["name"]),
        (&json!(bot.org_id), &json!("Test ☃"))
    );
    assert_eq!(
        envelope["data"]["text"],
        Value::Null,
        "an event never says what was said"
    );
}

#[tokio::test]
async fn a_prepared_event_is_what_would_have_been_delivered() {
    let sim = Sim::start().await;
    let webhook = sim.register("messages", "created", "http://127.0.0.1:1/");
    let prepared = sim
        .control
        .event("ann", "staff", "/help", &webhook)
        .unwrap();
    assert_eq!(
        prepared.signature.unwrap(),
        hmac_by_hand(b"a secret", prepared.body.as_bytes())
    );
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
async fn bots_hear_group_messages_only_when_mentioned() {
    let sim = Sim::start().await;
    sim.register("messages", "created", "http://127.0.0.1:1/");
    sim.control
        .post_mentioning("ann", "staff", "not for bots", &Mention::None)
        .unwrap();
    sim.control
        .post_mentioning(
            "ann",
            "staff",
            "for bob",
            &Mention::People(vec!["bob".to_owned()]),
        )
        .unwrap();
    assert_eq!(sim.events().await.len(), 0);
    sim.control.post("ann", "staff", "for bots").unwrap();
    sim.control
        .post_mentioning("ann", "staff", "for all", &Mention::All)
        .unwrap();
    sim.control.post("ann", "ann-helpdesk", "direct").unwrap();
    assert_eq!(sim.events().await.len(), 3);
    let room = sim.room("staff");
    assert_eq!(
        sim.ask("helpdesk", &format!("/messages?roomId={room}"))
            .await
            .status(),
        StatusCode::FORBIDDEN
    );
    let listed = sim
        .ask(
            "helpdesk",
            &format!("/messages?roomId={room}&mentionedPeople=me"),
        )
        .await;
    assert_eq!(items(listed).await.len(), 1);
}

#[tokio::test]
async fn the_owner_hears_of_others_who_leave_but_not_of_itself() {
    let sim = Sim::start().await;
    sim.register("memberships", "all", "http://127.0.0.1:1/");
    sim.control.join("staff", "tom").unwrap();
    sim.control.leave("staff", "tom").unwrap();
    sim.control.leave("staff", "helpdesk").unwrap();
    let expected = [("memberships", "created"), ("memberships", "deleted")];
    assert_eq!(
        sim.events().await,
        expected.map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert_eq!(
        sim.ask("helpdesk", &sim.members_path("staff", 10))
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
    sim.control.leave("fred-helpdesk", "fred").unwrap_err();
}

#[tokio::test]
async fn a_migrated_room_has_another_id() {
    let sim = Sim::start().await;
    sim.register("rooms", "migrated", "http://127.0.0.1:1/");
    let (old_path, new) = (
        sim.members_path("staff", 10),
        sim.control.migrate_room("staff").unwrap(),
    );
    assert_eq!(
        sim.events().await,
        [("rooms".to_owned(), "migrated".to_owned())]
    );
    let told: Value = serde_json::from_str(&sim.control.deliveries()[0].body).unwrap();
    assert_eq!(
        (&told["data"]["id"], &told["data"]["roomId"]),
        (&json!(new), &Value::Null)
    );
    assert_eq!(
        sim.ask("helpdesk", &old_path).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        items(sim.ask("helpdesk", &sim.members_path("staff", 10)).await)
            .await
            .len(),
        3
    );
}

#[tokio::test]
async fn a_card_tells_its_sender_and_keeps_its_inputs_to_the_api() {
    let sim = Sim::start().await;
    sim.register("attachmentActions", "created", "http://127.0.0.1:1/");
    let action = sim
        .control
        .submit_card_with("ann", "staff", json!({"choice": "yes"}))
        .unwrap();
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
    let answer = sim
        .send(Method::PUT, "helpdesk", &format!("/webhooks/{id}"), change)
        .await;
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "active");
    sim.control.post("ann", "staff", "hello").unwrap();
    assert_eq!(sim.events().await.len(), 101);
    assert_eq!(
        sim.control.webhooks()[0].status,
        "inactive",
        "one more failure is enough"
    );
}

#[tokio::test]
async fn webhooks_are_kept_as_the_platform_keeps_them() {
    let sim = Sim::start().await;
    let wanted = json!({"name": "n", "targetUrl": "http://127.0.0.1:1/", "resource": "messages", "event": "created",
        "filter": "roomType=group", "secret": "s"});
    for _ in 0..2 {
        let made = sim
            .send(Method::POST, "helpdesk", "/webhooks", wanted.clone())
            .await;
        assert_eq!(
            made.json::<Value>().await.unwrap()["secret"],
            "s",
            "duplicates are fine, secrets are shown"
        );
    }
    let made = items(sim.ask("helpdesk", "/webhooks").await).await;
    let path = format!("/webhooks/{}", made[0]["id"].as_str().unwrap());
    let without_target = sim
        .send(Method::PUT, "helpdesk", &path, json!({"name": "m"}))
        .await;
    assert_eq!(without_target.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        sim.ask("ann", &path).await.status(),
        StatusCode::NOT_FOUND,
        "somebody else's"
    );
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
    assert_eq!(
        sim.ask("helpdesk", "/nothing").await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        sim.ask("helpdesk", "/people/nobody").await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        sim.send(Method::PATCH, "helpdesk", "/rooms", json!({}))
            .await
            .status(),
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
    assert_eq!(
        items(sim.ask("bob", &sim.members_path("general", 10)).await)
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let options = Options {
        requests_per_minute: Some(1),
        ..Options::default()
    };
    let sim = Sim::with(World::demo(), options).await;
    assert_eq!(
        sim.ask("helpdesk", "/people/me").await.status(),
        StatusCode::OK
    );
    let refused = sim.ask("helpdesk", "/people/me").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&seconds));
    assert_eq!(
        sim.ask("ann", "/people/me").await.status(),
        StatusCode::OK,
        "each token has its own minute"
    );
}

#[tokio::test]
async fn calls_can_fail_in_every_way() {
    let sim = Sim::start().await;
    let retry = |retry_after| Misbehaviour::TooManyRequests { retry_after };
    let cases = [
        (retry(Some(RetryAfter::Seconds(7))), 429, Some("7")),
        (
            retry(Some(RetryAfter::Malformed)),
            429,
            Some("rand(30),add(30)"),
        ),
        (retry(None), 429, None),
        (Misbehaviour::ServerError { status: 503 }, 503, None),
        (Misbehaviour::HtmlPage { status: 200 }, 200, None),
    ];
    for (misbehaviour, status, retry_after) in cases {
        sim.control
            .fault(Fault::new(misbehaviour).on("/memberships").times(1));
        let response = sim.ask("helpdesk", "/memberships").await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(
            response
                .headers()
                .get("retry-after")
                .map(|v| v.to_str().unwrap()),
            retry_after
        );
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
    sim.control
        .fault(Fault::new(Misbehaviour::TruncatesBody).times(1));
    let cut = get().await.unwrap();
    assert_eq!(cut.status(), StatusCode::OK);
    cut.bytes().await.unwrap_err();
    sim.control
        .fault(Fault::new(Misbehaviour::Slow { milliseconds: 1000 }).times(1));
    assert!(get().await.unwrap_err().is_timeout());
    assert_eq!(
        sim.control.calls()[0].status,
        None,
        "a call without an answer has no status"
    );
}

#[tokio::test]
async fn lists_can_lie() {
    let sim = Sim::start().await;
    let list = async |misbehaviour: Misbehaviour| {
        sim.control.fault(
            Fault::new(misbehaviour)
                .on("/memberships")
                .by("helpdesk")
                .times(1),
        );
        items(sim.ask("helpdesk", &sim.members_path("staff", 10)).await).await
    };
    let room = json!(sim.room("staff"));
    let bot = json!(sim.control.person("helpdesk").unwrap().id);
    assert!(list(Misbehaviour::ItemErrors).await[2]["errors"].is_object());
    assert_eq!(
        list(Misbehaviour::OmitsOrg).await[2].get("personOrgId"),
        None
    );
    assert_ne!(list(Misbehaviour::ForeignItem).await[3]["roomId"], room);
    assert!(
        list(Misbehaviour::OmitsCaller)
            .await
            .iter()
            .all(|item| item["personId"] != bot)
    );
    assert_eq!(list(Misbehaviour::ModeratorsOnly).await.len(), 0);
    assert_eq!(list(Misbehaviour::EmptyPage).await.len(), 0);
}

#[tokio::test]
async fn next_links_can_lie() {
    let sim = Sim::start().await;
    let link = async |misbehaviour: Misbehaviour| {
        sim.control
            .fault(Fault::new(misbehaviour).on("/memberships").times(1));
        next_link(&sim.ask("helpdesk", &sim.members_path("staff", 2)).await).unwrap()
    };
    let follow = async |url: &str| sim.call_at(Method::GET, url, "helpdesk", None).await;
    let foreign = link(Misbehaviour::ForeignNextLink {
        origin: "http://127.0.0.1:9".to_owned(),
    })
    .await;
    assert!(foreign.starts_with("http://127.0.0.1:9/v1/memberships?"));
    let null = follow(&link(Misbehaviour::MaxNull).await).await;
    assert_eq!(null.status(), StatusCode::BAD_REQUEST);
    let looped = items(follow(&link(Misbehaviour::LoopingNextLink).await).await).await;
    assert_eq!(
        looped[0]["personEmail"], "ann@example.com",
        "the first page again"
    );
    let lost = link(Misbehaviour::LosesParameters).await;
    assert!(!lost.contains("roomId"));
    let unfiltered = items(follow(&format!("{lost}&x=1").replace("max=2", "max=1000")).await).await;
    assert!(
        unfiltered
            .iter()
            .any(|item| item["roomId"] != json!(sim.room("staff"))),
        "members of other rooms"
    );
    let mended = items(follow(&format!("{lost}&roomId={}", sim.room("staff"))).await).await;
    assert_eq!(
        mended.len(),
        1,
        "a client that puts the filter back gets the rest"
    );
}

#[tokio::test]
async fn deliveries_can_be_lost_doubled_and_swapped() {
    let sim = Sim::start().await;
    sim.register("messages", "created", "http://127.0.0.1:1/");
    let post = |text: &str| sim.control.post("ann", "staff", text).unwrap();
    let mut expected = Vec::new();
    sim.control
        .fault(Fault::new(Misbehaviour::LosesDelivery).times(1));
    post("lost");
    sim.control.fault(
        Fault::new(Misbehaviour::DuplicatesDelivery)
            .on("/messages")
            .times(1),
    );
    let twice = post("twice");
    expected.extend([twice.clone(), twice]);
    sim.control
        .fault(Fault::new(Misbehaviour::ReordersDelivery).times(1));
    let (first, second) = (post("first"), post("second"));
    expected.extend([second, first]);
    assert!(sim.control.wait_idle(PATIENCE).await);
    sim.control.redeliver(1).unwrap();
    expected.push(expected[0].clone());
    assert!(sim.control.wait_idle(PATIENCE).await);
    let told = |body: &str| {
        serde_json::from_str::<Value>(body).unwrap()["data"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let got: Vec<String> = sim
        .control
        .deliveries()
        .iter()
        .map(|delivery| told(&delivery.body))
        .collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_slow_receiver_is_given_up() {
    let options = Options {
        delivery_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let sim = Sim::with(World::demo(), options).await;
    // It accepts, by way of the backlog, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sim.register(
        "messages",
        "created",
        &format!("http://{}/", silent.local_addr().unwrap()),
    );
    sim.control.post("ann", "staff", "hello").unwrap();
    assert!(sim.control.wait_idle(PATIENCE).await);
    assert_eq!(
        sim.control.deliveries()[0].error.as_deref(),
        Some("no answer in time")
    );
}

#[tokio::test]
async fn the_control_can_be_reached_over_http() {
    let sim = Sim::start().await;
    let at = |path: &str| format!("{}control/{path}", sim.running.origin());
    let post =
        async |path: &str, body: Value| sim.client.post(at(path)).json(&body).send().await.unwrap();
    let get = async |path: &str| {
        sim.client
            .get(at(path))
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    };
    assert_eq!(
        get("world").await["people"]["ann"]["token"],
        "sim-token-ann"
    );
    let hook = json!({"owner": "helpdesk", "name": "n", "target": "http://127.0.0.1:1/", "resource": "messages", "event": "created"});
    assert_eq!(post("webhooks", hook).await.status(), StatusCode::OK);
    let said = post(
        "post",
        json!({"person": "ann", "room": "staff", "text": "/help"}),
    )
    .await;
    let said = said.json::<Value>().await.unwrap();
    assert_eq!(get("messages?room=staff").await[0]["id"], said["id"]);
    let quiet = json!({"person": "ann", "room": "staff", "text": "psst", "mention": "none"});
    assert_eq!(post("post", quiet).await.status(), StatusCode::OK);
    assert_eq!(
        post("wait-idle", json!({}))
            .await
            .json::<Value>()
            .await
            .unwrap()["idle"],
        true
    );
    assert_eq!(get("deliveries").await.as_array().unwrap().len(), 1);
    assert_eq!(
        post("join", json!({"room": "staff", "person": "ghost"}))
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
    let fault = json!({"fault": "server-error", "status": 500, "path": "/people", "count": 1});
    assert_eq!(post("faults", fault).await.status(), StatusCode::OK);
    assert_eq!(
        sim.ask("helpdesk", "/people/me").await.status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert_eq!(get("calls").await[0]["status"], 500);
    let help = sim
        .client
        .get(sim.running.origin())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(help.contains("POST /control/post"));
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_port() {
    let sim = Sim::start().await;
    let address = sim.running.origin().socket_addrs(|| None).unwrap()[0];
    sim.running.stop().await;
    TcpListener::bind(address).await.unwrap();
}
