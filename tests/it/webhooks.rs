//! The webhooks of a bot are kept alive, whatever its framework does to them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use botwarden::cli::house::House;
use botwarden::config::{Config, Manage, Webhooks};
use botwarden::simulator::{
    self, Fault, Misbehaviour, Options, Registration, Simulator, WebhookView,
};
use botwarden::upkeep::webhooks::Keeper;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::harness::event::SECRET;
use crate::harness::told::{Told, log, own_log};
use crate::harness::wire::{Answer, call};
use crate::harness::{Setup, World, eventually, setup};

pub(crate) const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_hours(1);

/// A webhook's target must be known before the gateway listens. Every process has a loopback address of its own.
fn address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(18_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, 64 | (high & 0x3f), middle, low], port))
}

fn managed(config: &mut Config, public: SocketAddr, manage: Manage, every: Duration) {
    config.server.public_url = Some(format!("http://{public}").parse().unwrap());
    let foreign = vec!["http://127.0.0.1:1/".into()]; // the harness has one there
    config.bots.get_mut("helpdesk").unwrap().webhooks = Webhooks { manage, every, foreign };
    let events = [("messages", "created"), ("memberships", "created")];
    config.routes.get_mut("helpdesk").unwrap().events =
        events.map(|(resource, event)| (resource.into(), event.into())).into();
}

pub(crate) fn keeping(manage: Manage, every: Duration) -> Setup {
    let public = address();
    let server = format!("{{listen: '{public}', drain_grace: 0s, drain_timeout: 5s}}");
    let setup = Setup::new().with("server", &server);
    setup.adjust(move |config| managed(config, public, manage, every))
}

/// With its own webhooks in place.
pub(crate) async fn ensured(every: Duration) -> World {
    let world = keeping(Manage::Ensure, every).start().await;
    eventually!(own(&world).len() == 2);
    world
}

pub(crate) fn theirs(target: &str) -> Registration {
    Registration {
        name: "Webhook of the framework".to_owned(),
        target: target.to_owned(),
        resource: "messages".to_owned(),
        event: "created".to_owned(),
        filter: None,
        secret: None,
    }
}

pub(crate) async fn running() -> simulator::Running {
    Simulator::start(simulator::World::demo(), Options::default()).await.unwrap()
}

fn of_helpdesk(world: &World) -> Vec<WebhookView> {
    let all = world.control.webhooks().into_iter();
    all.filter(|webhook| webhook.owner == "helpdesk" && webhook.id != world.webhook).collect()
}

pub(crate) fn own(world: &World) -> Vec<WebhookView> {
    let all = of_helpdesk(world).into_iter();
    all.filter(|webhook| webhook.name == "botwarden:helpdesk").collect()
}

pub(crate) fn find(world: &World, id: &str) -> WebhookView {
    of_helpdesk(world).into_iter().find(|webhook| webhook.id == id).unwrap()
}

/// Looks at the list of webhooks since the last change to one, and how many changes there were.
pub(crate) fn looks_and_writes(control: &simulator::Control) -> (usize, usize) {
    let calls = control.calls().into_iter().filter(|call| call.path.starts_with("/webhooks"));
    calls.fold((0, 0), |(looks, writes), call| match call.method.as_str() {
        "GET" => (looks + 1, writes),
        _ => (0, writes + 1),
    })
}

/// Long enough for everybody to change what they would.
pub(crate) async fn quiet(world: &World) {
    eventually!(looks_and_writes(&world.control).0 >= 4);
}

/// What a framework does with the bot's token.
pub(crate) async fn webex(world: &World, method: &str, path: &str, body: Value) -> Answer {
    let api = world.config().webex.api.clone();
    let address = format!("{}:{}", api.host_str().unwrap(), api.port().unwrap());
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} /v1{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         authorization: Bearer sim-token-helpdesk\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    call(address.parse().unwrap(), request.as_bytes()).await
}

fn messages_at_the_bot(world: &World) -> usize {
    let requests = world.bot.requests();
    let bodies = requests.iter().map(|request| String::from_utf8_lossy(&request.body));
    bodies.filter(|body| body.contains("\"resource\":\"messages\"")).count()
}

#[tokio::test]
async fn gw_c4_run_twice_no_writes() {
    let mut world = ensured(OFTEN).await;
    quiet(&world).await;
    let before = of_helpdesk(&world);
    let hook = format!("http://{}/hook", world.address);
    assert!(before.iter().all(|webhook| webhook.signed && webhook.target == hook));
    world.control.clear_log();
    quiet(&world).await;
    world.reopen().await;
    world.control.clear_log();
    quiet(&world).await;
    assert_eq!(looks_and_writes(&world.control).1, 0);
    assert_eq!(of_helpdesk(&world), before);
}

#[tokio::test]
async fn gw_c4_two_replicas_one_webhook() {
    let running = running().await;
    let control = running.control();
    let public = address();
    let replica = || {
        let mut config = Setup::new().load(running.api().as_str(), "http://127.0.0.1:1").unwrap();
        managed(&mut config, public, Manage::Ensure, OFTEN);
        config.webex.timeout = Duration::from_secs(10);
        config.webex.give_up_after = Duration::from_secs(10);
        config
    };
    // Both see an empty list before either makes anything.
    control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/webhooks").method("GET").times(2));
    let (one, other) = (replica(), replica());
    let told = Told::default();
    let one = House::open(&one, setup::reporter(&one, &told)).await.unwrap();
    let other = House::open(&other, setup::reporter(&other, &told)).await.unwrap();
    eventually!(looks_and_writes(&control).0 == 2);
    control.clear_faults();
    eventually!(looks_and_writes(&control).0 >= 6);
    let made = control.calls().into_iter().filter(|call| call.method == "POST").count();
    assert_eq!(made, 4, "both made both");
    let left: Vec<_> = control.webhooks().into_iter().map(|webhook| webhook.resource).collect();
    assert_eq!(left, ["messages", "memberships"]);
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn gw_c4_foreign_untouched() {
    let running = running().await;
    let control = running.control();
    let statistics = "http://127.0.0.1:1/statistics?key=1";
    let meetings = Registration {
        resource: "meetings".to_owned(),
        event: "all".to_owned(),
        ..theirs("http://127.0.0.1:1/meetings")
    };
    control.register("helpdesk", &theirs(statistics)).unwrap();
    control.register("helpdesk", &meetings).unwrap();
    control.register("other-bot", &theirs("http://127.0.0.1:1/other")).unwrap();
    let before = control.webhooks();
    let setup = keeping(Manage::Ensure, OFTEN).adjust(|config| {
        let webhooks = &mut config.bots.get_mut("helpdesk").unwrap().webhooks;
        webhooks.foreign.push(statistics.into());
    });
    let world = setup.start_in(running).await;
    eventually!(own(&world).len() == 2);
    quiet(&world).await;
    assert_eq!(control.webhooks()[..3], before);
    assert!((world.metric(&["botwarden_webhooks{", "\"foreign\""]).await - 3.0).abs() < 0.1);
}

#[tokio::test]
async fn gw_c4_restart_a_delivery_signed_before_still_verifies() {
    let mut world = ensured(OFTEN).await;
    let webhook = own(&world).into_iter().find(|webhook| webhook.resource == "messages").unwrap();
    let late = world.control.event("ann", "staff", "/help", &webhook.id).unwrap();
    world.reopen().await;
    world.control.clear_log();
    quiet(&world).await;
    let signature = late.signature.unwrap();
    let answer =
        world.post("/hook", &[("X-Spark-Signature", &signature)], late.body.as_bytes()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.bot.got(1).await[0].body, late.body.as_bytes());
}

#[tokio::test]
async fn a_bypass_is_led_to_the_gateway_with_its_name_and_the_bot_still_hears() {
    let running = running().await;
    let id = running.control().register("helpdesk", &theirs("http://127.0.0.1:9/")).unwrap();
    let world = keeping(Manage::Ensure, OFTEN).start_in(running).await;
    eventually!(find(&world, &id).signed);
    quiet(&world).await;
    let repaired = find(&world, &id);
    assert_eq!(repaired.name, "Webhook of the framework");
    assert_eq!(repaired.target, format!("http://{}/hook", world.address));
    assert_eq!(own(&world).len(), 1, "nothing is made beside it");
    world.control.post("ann", "staff", "/help").unwrap();
    world.bot.got(1).await;
    assert!(world.metric(&["botwarden_webhook_changes_total", "updated", "done"]).await > 0.5);
}

/// As webex-node-bot-framework does at every start.
#[tokio::test]
async fn when_all_webhooks_are_deleted_they_are_back_within_one_interval() {
    let world = ensured(OFTEN).await;
    quiet(&world).await;
    for webhook in own(&world) {
        let path = format!("/webhooks/{}", webhook.id);
        assert_eq!(webex(&world, "DELETE", &path, Value::Null).await.status, 204);
    }
    let gone = Instant::now();
    eventually!(own(&world).len() == 2);
    assert!(gone.elapsed() < 10 * OFTEN, "{:?}", gone.elapsed());
    world.control.post("ann", "staff", "/help").unwrap();
    world.bot.got(1).await;
}

/// As webexteamsbot does at every start.
#[tokio::test]
async fn an_unsigned_registration_is_repaired_at_once_after_a_membership_event() {
    let world = ensured(SELDOM).await;
    let theirs = json!({
        "name": "Teams Bot", "targetUrl": world.bot.url, "resource": "messages", "event": "created",
    });
    assert_eq!(webex(&world, "POST", "/webhooks", theirs).await.status, 200);
    let registered = of_helpdesk(&world).pop().unwrap();
    assert!(!registered.signed && registered.name == "Teams Bot");
    world.control.join("launch", "bob").unwrap();
    eventually!(find(&world, &registered.id).signed);
    let hook = format!("http://{}/hook", world.address);
    assert_eq!(
        find(&world, &registered.id),
        WebhookView { target: hook, signed: true, ..registered }
    );
    eventually!(own(&world).len() == 1);
    world.control.post("ann", "staff", "/help").unwrap();
    eventually!(messages_at_the_bot(&world) == 1);
    assert!(world.control.wait_idle(crate::harness::patience()).await);
    world.settled().await;
    assert_eq!(messages_at_the_bot(&world), 1, "it hears everything once");
}

#[tokio::test]
async fn an_inactive_webhook_is_switched_on_only_after_its_rest() {
    let world = ensured(OFTEN).await;
    quiet(&world).await;
    let webhook = own(&world).remove(0);
    world.control.switch_off(&webhook.id).unwrap();
    let off = Instant::now();
    world.control.clear_log();
    quiet(&world).await;
    assert_eq!(find(&world, &webhook.id).status, "inactive");
    assert!((world.metric(&["botwarden_webhooks{", "\"inactive\""]).await - 1.0).abs() < 0.1);
    assert_eq!(looks_and_writes(&world.control).1, 0);
    let rest = Duration::from_millis(700);
    let desk = Arc::clone(world.tools().gateway.desks().first().unwrap());
    let keeper = Keeper::new(world.config(), desk, world.tools()).unwrap().resting(rest);
    let (keeping, began) = (tokio::spawn(keeper.keep(Arc::new(Notify::new()))), Instant::now());
    eventually!(find(&world, &webhook.id).status == "active");
    assert!(began.elapsed() >= rest && off.elapsed() < Keeper::REST);
    assert_eq!(looks_and_writes(&world.control).1, 1, "switched on, and nothing else");
    keeping.abort();
}

#[tokio::test]
async fn check_tells_and_writes_nothing() {
    let running = running().await;
    for port in 5..9 {
        let target = format!("http://127.0.0.1:{port}/");
        running.control().register("helpdesk", &theirs(&target)).unwrap();
    }
    let before = running.control().webhooks();
    own_log();
    let world = keeping(Manage::Check, OFTEN).start_in(running).await;
    quiet(&world).await;
    assert_eq!(looks_and_writes(&world.control).1, 0);
    assert_eq!(world.control.webhooks()[..4], before);
    for (state, count) in [("bypass", 4.0), ("missing", 1.0), ("foreign", 1.0), ("ok", 0.0)] {
        let labels = format!("botwarden_webhooks{{bot=\"helpdesk\",state=\"{state}\"}}");
        let found = world.metric(&[&labels]).await;
        assert!((found - count).abs() < 0.1, "{state} {found}");
    }
    let log = own_log();
    let warnings = log.lines().filter(|line| line.contains("without being checked"));
    let of_four = warnings.filter(|line| line.contains("count=4")).count();
    assert_eq!(of_four, 1, "it is told once, not with every look");
}

#[tokio::test]
async fn after_an_outage_it_looks_again_soon() {
    let running = running().await;
    let fault = Fault::new(Misbehaviour::ServerError { status: 503 });
    running.control().fault(fault.on("/webhooks").times(1));
    own_log();
    let world = keeping(Manage::Ensure, SELDOM).start_in(running).await;
    eventually!(own(&world).len() == 2);
    assert!(own_log().contains("webhooks could not be looked after"));
}

#[tokio::test]
async fn what_is_gone_before_it_is_repaired_is_made_anew_in_the_same_look() {
    let running = running().await;
    let control = running.control();
    let id = control.register("helpdesk", &theirs("http://127.0.0.1:9/")).unwrap();
    control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/webhooks").method("GET").times(1));
    let patient = |config: &mut Config| config.webex.timeout = Duration::from_secs(10);
    let world = keeping(Manage::Ensure, SELDOM).adjust(patient).start_in(running).await;
    eventually!(looks_and_writes(&control).0 == 1);
    assert_eq!(webex(&world, "DELETE", &format!("/webhooks/{id}"), Value::Null).await.status, 204);
    control.clear_faults();
    eventually!(own(&world).len() == 2);
    let calls = control.calls().into_iter().filter(|call| call.path.starts_with("/webhooks"));
    let methods: Vec<_> = calls.map(|call| call.method).collect();
    assert_eq!(methods[..6], ["GET", "DELETE", "PUT", "POST", "GET", "POST"]);
}

#[tokio::test]
async fn nothing_is_removed_while_what_replaces_it_cannot_be_repaired() {
    let world = ensured(OFTEN).await;
    quiet(&world).await;
    let broken = Fault::new(Misbehaviour::ServerError { status: 500 });
    world.control.fault(broken.on("/webhooks").method("PUT"));
    world.control.register("helpdesk", &theirs("http://127.0.0.1:9/")).unwrap();
    world.control.clear_log();
    eventually!(looks_and_writes(&world.control).1 >= 2);
    assert_eq!(own(&world).len(), 2);
    world.control.clear_faults();
    eventually!(own(&world).len() == 1);
}

#[tokio::test]
async fn no_secret_of_a_webhook_is_ever_told() {
    own_log();
    let running = running().await;
    let known = "the-secret-that-somebody-registered";
    let theirs = Registration {
        secret: Some(known.to_owned()),
        ..theirs("http://ann:hunter2@127.0.0.1:9/in?key=hunter3")
    };
    running.control().register("helpdesk", &theirs).unwrap();
    let mut world = keeping(Manage::Ensure, OFTEN).start_in(running).await;
    quiet(&world).await;
    world.control.post("ann", "staff", "/help").unwrap();
    world.bot.got(1).await;
    let pages = world.ops("/metrics").await.text() + &world.ops("/readyz?verbose").await.text();
    world.close().await;
    let written = world.told.text() + &log() + &pages;
    assert!(written.contains("webhook put in order") && written.contains("TRACE"));
    for secret in [SECRET, known, "hunter2", "hunter3", "sim-token-helpdesk", &theirs.name] {
        assert!(!written.contains(secret), "{secret}");
    }
}
