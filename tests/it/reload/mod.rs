//! The configuration is read again while the gateway runs: all of it or nothing, and nothing on its way is lost.

mod bots;
mod flood;
mod rooms;

use std::time::Duration;

use botwarden::admin::Control as _;
use botwarden::simulator::Misbehaviour;
use tokio::time::Instant;

use crate::harness::bot::Manner;
use crate::harness::event::{OLD_SECRET, mac};
use crate::harness::told::own_log;
use crate::harness::{Setup, World, eventually};

/// Allows another organisation than before.
fn only_contoso(yaml: &str) -> String {
    yaml.replace("allowed_orgs: [example]", "allowed_orgs: [contoso]")
}

#[tokio::test]
async fn a_policy_counts_for_every_event_after_the_reload() {
    let world = World::start().await;
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    let told = world.reload(only_contoso).await.unwrap();
    assert_ne!(told.old, told.new);
    assert_eq!(world.verdict("ann", "staff").await["reason"], "outside_org");
    world.reload(|yaml| yaml.replace("[contoso]", "[example, contoso]")).await.unwrap();
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    world.bot.got(2).await;
}

#[tokio::test]
async fn one_mistake_and_everything_stays_as_it_was() {
    let world = World::start().await;
    let bad = |yaml: &str| only_contoso(yaml).replace("path: /hook", "path: hook, typo: 1");
    let told = world.reload(bad).await.unwrap_err();
    let codes: Vec<_> = told.problems.iter().map(|problem| problem.code.text()).collect();
    assert!(codes.contains(&"E014") && codes.contains(&"E041"), "{codes:?}");
    let log = own_log();
    assert!(log.contains("not reloaded: what was in force stays"), "{log}");
    assert!(log.contains("gateway.yaml:") && log.contains("error[E014]"), "{log}");
    let mistakes = told.problems.iter().filter(|problem| problem.is_error()).count();
    assert!(mistakes < told.problems.len(), "a warning is no mistake: {:?}", told.problems);
    assert!(log.contains(&format!("problems={mistakes}")), "{log}");
    assert!(log.contains("WARN") && log.contains("warning["), "{log}");
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    assert_eq!(world.verdict("ann", "partners").await["reason"], "outside_org");
}

/// On the one thread of this test, where all events are as well.
#[tokio::test]
async fn a_large_file_with_many_mistakes_holds_up_nobody() {
    let world = World::start().await;
    let typos = (0..20_000).map(|typo| format!("unknown_{typo}: 1")).collect::<Vec<_>>().join("\n");
    let told = world.reload(|yaml| format!("{yaml}\n{typos}"));
    let (mut told, mut longest) = (std::pin::pin!(told), Duration::ZERO);
    let told = loop {
        let began = Instant::now();
        tokio::select! {
            biased;
            told = &mut told => break told.unwrap_err(),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
        longest = longest.max(began.elapsed());
    };
    assert_eq!((told.problems.len(), own_log().matches("error[E0").count()), (101, 101));
    assert!(longest < Duration::from_secs(2), "the longest that others waited: {longest:?}");
}

#[tokio::test]
async fn a_secret_that_is_gone_is_a_mistake_and_is_shown_nowhere() {
    let world = World::start().await;
    world.variable("SECRET", "short");
    world.reload(str::to_owned).await.unwrap_err();
    assert!(!own_log().contains("\"short\"") && own_log().contains("E034"));
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_leaves_everything_as_it_was() {
    let world = World::start().await;
    let ca = |yaml: &str| {
        only_contoso(yaml).replace("proxy: direct", "proxy: direct, ca_file: /nowhere/ca.pem")
    };
    world.reload(ca).await.unwrap_err();
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
}

#[tokio::test]
async fn a_reload_that_changes_nothing_asks_nobody_and_forgets_nothing() {
    let world = World::start().await;
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    let calls = world.control.calls().len();
    let told = world.reload(str::to_owned).await.unwrap();
    assert_eq!((&told.old, told.restart.len()), (&told.new, 0));
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    assert_eq!(world.control.calls().len(), calls);
}

#[tokio::test]
async fn what_needs_a_restart_keeps_its_value_and_is_told_by_name() {
    let world = World::start().await;
    let change = |yaml: &str| {
        yaml.replace("drain_timeout: 5s", "drain_timeout: 6s, body_limit: 1KiB, max_in_flight: 1")
            .replace("ops: {listen: '127.0.0.1:0'}", "ops: {listen: '127.0.0.1:9'}")
    };
    let told = world.reload(change).await.unwrap();
    assert_eq!(told.restart, ["server.body_limit", "server.max_in_flight", "ops.listen"]);
    assert!(own_log().contains("server.body_limit, server.max_in_flight, ops.listen"));
    let config = world.house().gateway().config();
    assert_eq!(config.server.body_limit, 256 << 10);
    assert_eq!(config.server.drain_timeout, Duration::from_secs(6));
    assert_eq!(world.ops("/livez").await.status, 200);
}

#[tokio::test]
async fn a_list_that_was_asked_for_before_is_not_judged_by_rules_that_are_gone() {
    let world = World::start().await;
    world.fault(Misbehaviour::HoldsAnswer);
    assert_eq!(world.say("ann", "staff").await.status, 200);
    eventually!(world.readings() == 1);
    world.reload(only_contoso).await.unwrap();
    world.control.clear_faults();
    world.settled().await;
    assert_eq!((world.told.count("deny", "outside_org"), world.told.decisions().len()), (1, 1));
    assert_eq!(world.bot.count(), 0);
}

#[tokio::test]
async fn an_event_that_waits_for_the_bot_goes_where_the_bot_is_by_then() {
    let world = World::start().await;
    let other = crate::harness::bot::Bot::start().await;
    world.bot.usually(Manner::Answers(503));
    world.say("ann", "staff").await;
    eventually!(world.bot.count() >= 1);
    let moved = world.bot.url.clone();
    world.reload(|yaml| yaml.replace(&moved, &other.url)).await.unwrap();
    other.got(1).await;
    world.settled().await;
    assert_eq!(world.told.count("allow", "all_members_allowed"), 1, "one for each verdict");
}

#[tokio::test]
async fn what_waits_for_a_route_that_is_gone_is_refused_with_a_record() {
    let world = World::start().await;
    world.bot.usually(Manner::Answers(503));
    world.say("ann", "staff").await;
    eventually!(world.bot.count() >= 1);
    let renamed = |yaml: &str| yaml.replace("routes: {helpdesk:", "routes: {renamed:");
    world.reload(renamed).await.unwrap();
    world.settled().await;
    assert_eq!(world.told.count("reject", "no_route"), 1);
    world.bot.usually(Manner::Answers(200));
    assert_eq!(world.verdict("ann", "staff").await["route"], "renamed");
}

#[tokio::test]
async fn a_path_that_is_gone_is_no_path() {
    let world = World::start().await;
    world.reload(|yaml| yaml.replace("path: /hook", "path: /other")).await.unwrap();
    assert_eq!(world.say("ann", "staff").await.status, 404);
    let body = world.message("ann", "staff").body;
    assert_eq!(world.send_to("/other", &body).await.status, 200);
    world.bot.got(1).await;
}

#[tokio::test]
async fn a_key_that_was_taken_away_counts_for_what_waits_and_an_added_one_at_once() {
    let world = World::start().await;
    world.bot.usually(Manner::Answers(503));
    world.say("ann", "staff").await;
    eventually!(world.bot.count() >= 1);
    let calls = world.readings();
    world.reload(|yaml| yaml.replace("{env: SECRET}", "{env: OLD_SECRET}")).await.unwrap();
    world.settled().await;
    assert_eq!(world.told.count("reject", "signature_mismatch"), 1);
    assert_eq!(world.say("ann", "staff").await.status, 403);
    world.bot.usually(Manner::Answers(200));
    let body = world.message("ann", "staff").body;
    let signature = mac(OLD_SECRET.as_bytes(), body.as_bytes());
    let answer = world.post("/hook", &[("X-Spark-Signature", &signature)], body.as_bytes()).await;
    assert_eq!(answer.status, 200);
    world.settled().await;
    assert_eq!(world.readings(), calls, "what is known about rooms stays");
}

#[tokio::test]
async fn what_the_bot_has_already_goes_on() {
    let world = World::start().await;
    world.bot.next([Manner::Waits]);
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    world.reload(only_contoso).await.unwrap();
    world.bot.release();
    world.settled().await;
    assert_eq!(world.told.decisions().len(), 1);
    assert!(own_log().contains("delivered"));
}

/// A listener that takes no more connections until somebody accepts.
async fn full() -> (tokio::net::TcpListener, Vec<tokio::net::TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (listener, mut taken) = (socket.listen(0).unwrap(), Vec::new());
    let address = listener.local_addr().unwrap();
    let another = || tokio::net::TcpStream::connect(address);
    while let Ok(more) = tokio::time::timeout(Duration::from_millis(200), another()).await {
        taken.push(more.unwrap());
    }
    (listener, taken)
}

#[tokio::test]
async fn an_event_that_has_no_connection_yet_is_judged_anew() {
    let (listener, taken) = full().await;
    let address = listener.local_addr().unwrap();
    let slowly = "connect_timeout: 20s, retry: {from: 20ms, up_to: 200ms}";
    let there = format!("{{url: 'http://{address}/', {slowly}}}");
    let world = Setup::new().upstream(&there).start().await;
    world.say("ann", "staff").await;
    eventually!(world.told.decisions().len() == 1);
    world.reload(only_contoso).await.unwrap();
    drop(taken);
    let accepting = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut first = [0];
            let read = tokio::io::AsyncReadExt::read(&mut stream, &mut first).await;
            assert_ne!(read.ok(), Some(1), "the bot reads an event that is not cleared any more");
        }
    });
    eventually!(world.told.count("deny", "outside_org") == 1);
    world.settled().await;
    assert!(!accepting.is_finished());
}

#[tokio::test]
async fn one_body_fits_in_whatever_waits_for_a_restart() {
    let world = World::start().await;
    let smaller = |yaml: &str| {
        yaml.replace("drain_timeout: 5s", "drain_timeout: 5s, body_limit: 4KiB")
            .replace("inbox: {}", "inbox: {max_bytes: 4KiB}")
    };
    let told = world.reload(smaller).await.unwrap();
    assert_eq!(told.restart, ["server.body_limit", "inbox.max_bytes"]);
    let config = world.house().gateway().config();
    assert!(config.inbox.max_bytes >= config.server.body_limit);
}

#[tokio::test]
async fn limits_of_the_inbox_follow() {
    let world = World::start().await;
    world.bot.usually(Manner::Hangs);
    world.say("ann", "staff").await;
    world.reload(|yaml| yaml.replace("inbox: {}", "inbox: {max_events: 1}")).await.unwrap();
    assert_eq!(world.say("ann", "staff").await.status, 503);
    world.reload(|yaml| yaml.replace("{max_events: 1}", "{max_events: 2}")).await.unwrap();
    assert_eq!(world.say("ann", "staff").await.status, 200);
}

#[tokio::test]
async fn duplicates_stay_duplicates_over_a_reload() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    assert_eq!(world.verdict_on(&body).await["verdict"], "allow");
    world.reload(only_contoso).await.unwrap();
    assert_eq!(world.verdict_on(&body).await["reason"], "duplicate");
}

#[tokio::test]
async fn draining_turns_readiness_off_and_takes_events_all_the_same() {
    let world = World::start().await;
    world.house().control().drain();
    assert_eq!(world.ops("/readyz").await.status, 503);
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    world.reload(str::to_owned).await.unwrap();
    assert_eq!(world.ops("/readyz").await.status, 503);
}

#[tokio::test]
async fn the_end_takes_as_long_as_is_configured_by_then() {
    let mut world = Setup::new()
        .with("server", "{listen: '127.0.0.1:0', drain_grace: 0s, drain_timeout: 60s}")
        .start()
        .await;
    world.bot.usually(Manner::Hangs);
    world.say("ann", "staff").await;
    world.bot.got(1).await;
    world.reload(|yaml| yaml.replace("drain_timeout: 60s", "drain_timeout: 1s")).await.unwrap();
    let began = Instant::now();
    assert_eq!(world.close().await, 1);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn whoever_asks_at_the_end_is_told_that_nothing_was_read() {
    let mut world = World::start().await;
    let control = world.house().control();
    world.close().await;
    assert!(control.reload().await.unwrap_err().problems.is_empty());
}
