//! Kill, reload and drain: real processes and real signals.

mod bot;
mod site;

use std::collections::HashMap;

use serde_json::Value;

use crate::harness::{err, out, run_in};
use site::{Caller, Gateway, Site, digest, until};

const ROOMS: [&str; 4] = ["staff", "launch", "ann-helpdesk", "townhall"];

const EACH: usize = 250;

/// Events that a gateway answered 200, in their order for each room: subject and body.
type Accepted = Vec<Vec<(String, String)>>;

/// Posts the events of every room side by side, each room's in order, until all are sent or nobody answers.
fn post_all(site: &Site, gateway: &Gateway) -> Accepted {
    std::thread::scope(|scope| {
        let rooms = ROOMS.map(|room| scope.spawn(move || post_room(site, &gateway.listen, room)));
        rooms.into_iter().map(|posting| posting.join().unwrap()).collect()
    })
}

fn post_room(site: &Site, listen: &str, room: &str) -> Vec<(String, String)> {
    let mut caller = Caller::to(listen);
    let mut accepted = Vec::new();
    for n in 0..EACH {
        let subject = format!("{room}-{n}");
        let body = site.event(room, &subject);
        match caller.post(&body) {
            Some(200) => accepted.push((subject, body)),
            Some(other) => assert_eq!(other, 503, "{subject}"),
            None => break,
        }
    }
    accepted
}

/// Two configurations, in turn; each is told to be in force before the next one comes.
fn reload(site: &Site, gateway: &mut Gateway, times: usize) {
    for n in 0..times {
        let (from, to) = if n % 2 == 0 {
            ("inbox: {", "cache: {allow_ttl: 50s}\ninbox: {")
        } else {
            ("cache: {allow_ttl: 50s}\n", "")
        };
        site.change(from, to);
        gateway.signal("-HUP");
        gateway.logged("\"message\":\"reloaded\"");
    }
}

fn all_delivered_once_and_in_order(site: &Site, accepted: &Accepted) {
    let got = site.bot.subjects();
    for (room, events) in ROOMS.iter().zip(accepted) {
        let own = format!("{room}-");
        let of_room: Vec<_> = got.iter().filter(|subject| subject.starts_with(&own)).collect();
        let wanted: Vec<_> = events.iter().map(|(subject, _)| subject).collect();
        assert_eq!(of_room, wanted, "{room}");
    }
}

fn each_has_one_record(gateway: &Gateway, accepted: &Accepted) {
    let mut found = HashMap::<String, usize>::new();
    for record in gateway.records() {
        if let Some(digest) = record.get("body_sha256").and_then(Value::as_str) {
            assert_eq!(record.get("verdict").unwrap(), "allow", "{record}");
            *found.entry(digest.to_owned()).or_default() += 1;
        }
    }
    for (subject, body) in accepted.iter().flatten() {
        assert_eq!(found.remove(&digest(body)), Some(1), "{subject}");
    }
    assert!(found.is_empty(), "records of events that nobody sent: {found:?}");
}

fn kinds(gateway: &Gateway, kind: &str) -> usize {
    gateway.records().iter().filter(|record| record["kind"] == kind).count()
}

fn chain_holds(site: &Site, gateway: &Gateway) {
    let log = site.directory.path().join("records.jsonl");
    std::fs::write(&log, gateway.lines()).unwrap();
    let verified = run_in(site.directory.path(), &["audit", "verify", "records.jsonl"]);
    assert_eq!(verified.status.code(), Some(0), "{}{}", out(&verified), err(&verified));
}

#[test]
fn a_thousand_events_that_wait_survive_twenty_reloads_and_a_sigterm() {
    let site = Site::new();
    site.change("upstream: '", "upstream: {timeout: 60s, url: '");
    site.change("/'}", "/'}}");
    let mut gateway = site.gateway();
    site.bot.hold();
    let accepted = post_all(&site, &gateway);
    assert_eq!(accepted.iter().map(Vec::len).sum::<usize>(), ROOMS.len() * EACH);
    reload(&site, &mut gateway, 20);
    gateway.signal("-TERM");
    gateway.logged("stopping");
    site.bot.release();
    assert_eq!(gateway.ended(), Some(0));
    all_delivered_once_and_in_order(&site, &accepted);
    each_has_one_record(&gateway, &accepted);
    let told = ["started", "reloaded", "draining", "stopped"].map(|kind| kinds(&gateway, kind));
    assert_eq!(told, [1, 20, 1, 1]);
    chain_holds(&site, &gateway);
}

#[test]
fn events_that_keep_coming_during_reloads_and_a_sigterm_end_in_exactly_one_way() {
    let site = Site::new();
    let mut gateway = site.gateway();
    let accepted = std::thread::scope(|scope| {
        let (listen, site) = (gateway.listen.clone(), &site);
        let rooms = ROOMS.map(|room| {
            let listen = listen.clone();
            scope.spawn(move || post_room(site, &listen, room))
        });
        reload(site, &mut gateway, 10);
        until("some events have come", || site.bot.subjects().len() > 100);
        gateway.signal("-TERM");
        rooms.into_iter().map(|posting| posting.join().unwrap()).collect::<Accepted>()
    });
    assert_eq!(gateway.ended(), Some(0));
    assert!(accepted.iter().map(Vec::len).sum::<usize>() > 100);
    all_delivered_once_and_in_order(&site, &accepted);
    each_has_one_record(&gateway, &accepted);
    chain_holds(&site, &gateway);
}

#[test]
fn a_configuration_with_a_mistake_leaves_the_old_one_in_force() {
    let site = Site::new();
    let mut gateway = site.gateway();
    site.change("allowed_orgs: [example]", "allowed_orgs: [nobody]");
    gateway.signal("-HUP");
    gateway.logged("what was in force stays");
    let body = site.event("staff", "after");
    assert_eq!(Caller::to(&gateway.listen).post(&body), Some(200));
    until("it is delivered", || site.bot.subjects() == ["after"]);
    gateway.signal("-TERM");
    assert_eq!(gateway.ended(), Some(0));
    assert_eq!((kinds(&gateway, "reload_failed"), kinds(&gateway, "reloaded")), (1, 0));
}

/// Whatever the bot got has a record, although nobody had time to write one more line.
#[test]
fn after_a_kill_every_event_that_the_bot_got_has_a_record_and_the_chain_goes_on() {
    let site = Site::new();
    site.change("inbox: {", "decision_log: {to: {dir: ./decisions}}\ninbox: {");
    let delivered = {
        let mut gateway = site.gateway();
        std::thread::scope(|scope| {
            let (site, listen) = (&site, gateway.listen.clone());
            for room in ROOMS {
                let listen = listen.clone();
                scope.spawn(move || post_room(site, &listen, room));
            }
            until("some events have come", || site.bot.subjects().len() > 150);
            gateway.signal("-KILL");
        });
        assert_eq!(gateway.ended(), None);
        site.bot.subjects()
    };
    let mut again = site.gateway();
    again.signal("-TERM");
    assert_eq!(again.ended(), Some(0));
    let records = recorded(&site);
    let allowed = records.iter().filter(|record| record["verdict"] == "allow").count();
    assert!(allowed >= delivered.len(), "{allowed} records for {} events", delivered.len());
    assert!(
        records
            .windows(2)
            .all(|pair| pair[1]["seq"].as_u64() == pair[0]["seq"].as_u64().map(|n| n + 1))
    );
    let verified = run_in(site.directory.path(), &["audit", "verify", "decisions"]);
    assert_eq!(verified.status.code(), Some(0), "{}{}", out(&verified), err(&verified));
}

/// Every whole record of the directory, in order.
fn recorded(site: &Site) -> Vec<Value> {
    let directory = std::fs::read_dir(site.directory.path().join("decisions")).unwrap();
    let mut files: Vec<_> = directory.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let lines: Vec<_> =
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// `/readyz` says no at once, and calls are still taken: whoever routes them needs a moment to notice.
#[test]
fn while_it_drains_it_is_not_ready_and_still_takes_events() {
    let site = Site::new();
    site.change("drain_grace: 0s", "drain_grace: 3s");
    let mut gateway = site.gateway();
    gateway.signal("-TERM");
    gateway.logged("stopping");
    assert_eq!(Caller::probe(&gateway.ops, "/readyz"), Some(503));
    assert_eq!(Caller::probe(&gateway.ops, "/livez"), Some(200));
    assert!(Caller::probe(&gateway.admin, "/").is_some(), "operators are not shut out");
    let body = site.event("staff", "late");
    assert_eq!(Caller::to(&gateway.listen).post(&body), Some(200));
    until("it is delivered", || site.bot.subjects() == ["late"]);
    assert_eq!(gateway.ended(), Some(0));
}
