//! Callers who are not Webex: what they are told, and that they cause nothing.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::event::{SECRET, mac};
use crate::harness::told::log;
use crate::harness::wire::{Answer, call, post};
use crate::harness::{Setup, World, eventually};

/// Text of the caller that must turn up nowhere.
const MARK: &str = "text-of-a-stranger";

fn body() -> String {
    format!(r#"{{"resource":"messages","event":"created","data":{{"id":"{MARK}"}}}}"#)
}

/// No call to Webex, no call to the bot, nothing kept, nothing of the caller's in what was written.
async fn nothing_happened(world: &World) {
    world.settled().await;
    assert_eq!((world.questions(), world.bot.count()), (0, 0));
    let told = world.told.text() + &log() + &world.ops("/metrics").await.text();
    assert!(!told.contains(MARK) && !told.contains("bots.example.com"), "{told}");
    assert!(world.told.decisions().is_empty(), "{told}");
}

type Headers = Vec<(&'static str, String)>;

fn forgeries() -> Vec<(&'static str, Headers)> {
    let right = mac(SECRET.as_bytes(), body().as_bytes());
    let name = "x-spark-signature";
    let mut flipped = right.clone().into_bytes();
    flipped[0] = if flipped[0] == b'0' { b'1' } else { b'0' };
    vec![
        ("signature_missing", vec![]),
        ("signature_missing", vec![("x-signature", right.clone())]),
        ("signature_mismatch", vec![(name, MARK.to_owned())]),
        ("signature_mismatch", vec![(name, String::new())]),
        ("signature_mismatch", vec![(name, String::from_utf8(flipped).unwrap())]),
        ("signature_mismatch", vec![(name, right.split_at(39).0.to_owned())]),
        ("signature_mismatch", vec![(name, format!("{right}0"))]),
        ("signature_mismatch", vec![(name, format!("sha1={right}"))]),
        ("signature_mismatch", vec![(name, mac(b"", body().as_bytes()))]),
        ("signature_mismatch", vec![(name, mac(SECRET.as_bytes(), b"{}"))]),
        ("signature_repeated", vec![(name, right.clone()), (name, right)]),
    ]
}

async fn forge(world: &World, headers: &[(&str, String)]) -> Answer {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.post("/hook", &headers, body().as_bytes()).await
}

#[tokio::test]
async fn invariant_1_forged_and_unsigned_calls_cause_nothing_and_are_told_nothing() {
    for (reason, headers) in forgeries() {
        let world = World::start().await;
        let answer = forge(&world, &headers).await;
        assert_eq!(answer.status, 403, "{reason}");
        eventually!(world.told.count("reject", reason) == 1);
        nothing_happened(&world).await;
    }
}

#[tokio::test]
async fn trap_01_no_answer_echoes_a_signature_or_says_which_rule_was_broken() {
    let world = World::start().await;
    let right = mac(SECRET.as_bytes(), body().as_bytes());
    for (reason, headers) in forgeries() {
        let answer = forge(&world, &headers).await;
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        let keys: Vec<_> = problem.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["instance", "status", "title", "type"], "{reason}");
        assert_eq!((&problem["status"], &problem["title"]), (&403.into(), &"Forbidden".into()));
        assert!(!format!("{answer:?}{}", answer.text()).contains(right.split_at(8).0), "{reason}");
    }
    let told = world.told.text() + &world.ops("/metrics").await.text();
    assert!(!told.contains(right.split_at(8).0), "{told}");
}

#[tokio::test]
async fn a_route_may_tell_strangers_200_and_they_still_cause_nothing() {
    let world = Setup::new().route("unverified: 200").start().await;
    for (_, headers) in forgeries() {
        let answer = forge(&world, &headers).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
    }
    nothing_happened(&world).await;
}

#[tokio::test]
async fn invariant_1_malformed_calls_cause_nothing() {
    let world = World::start().await;
    let signed = [("x-spark-signature", mac(SECRET.as_bytes(), b"x"))];
    let signed = [(signed[0].0, signed[0].1.as_str())];
    let cases: [(&str, u16, Vec<u8>); 6] = [
        ("no_route", 404, post(&format!("/{MARK}"), &signed, b"x")),
        ("no_route", 404, post("/hook/", &signed, b"x")),
        ("no_route", 404, post("/HOOK", &signed, b"x")),
        ("no_route", 404, post("http://bots.example.com/hook", &signed, b"x")),
        (
            "method",
            405,
            format!("GET /hook?{MARK} HTTP/1.1\r\nhost: {MARK}\r\nconnection: close\r\n\r\n")
                .into(),
        ),
        ("", 400, format!("POST /hook HTTP/9.9\r\nhost: {MARK}\r\n\r\n").into()),
    ];
    for (reason, status, bytes) in cases {
        let answer = call(world.address, &bytes).await;
        assert_eq!(answer.status, status, "{reason}: {answer:?}");
        assert_eq!(answer.header("allow").is_some(), status == 405);
        assert!(reason.is_empty() || world.told.count("reject", reason) >= 1, "{reason}");
    }
    nothing_happened(&world).await;
}

#[tokio::test]
async fn invariant_1_oversize_bodies_are_413_announced_or_not() {
    let server = "{listen: '127.0.0.1:0', body_limit: 1KiB, drain_grace: 0s}";
    let world = Setup::new().with("server", server).start().await;
    let large = MARK.repeat(100);
    assert_eq!(world.send(&large).await.status, 413, "announced");
    eventually!(world.told.count("reject", "body_too_large") == 1);
    let head = format!(
        "POST /hook HTTP/1.1\r\nhost: x\r\nx-spark-signature: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        mac(SECRET.as_bytes(), large.as_bytes())
    );
    let chunked = format!("{head}{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    assert_eq!(call(world.address, chunked.as_bytes()).await.status, 413, "in chunks");
    nothing_happened(&world).await;
}

#[tokio::test]
async fn trap_11_a_chunked_body_is_whole_or_refused_never_cut_short() {
    let server = "{listen: '127.0.0.1:0', body_limit: 2KiB, drain_grace: 0s}";
    let world = Setup::new().with("server", server).start().await;
    let event = world.message("ann", "staff").body;
    let padded = format!("{event}{}", " ".repeat(2048 - event.len()));
    let over = format!("{padded} ");
    // Signed by its beginning: whoever reads only as much as fits would believe it.
    let statuses = [chunks(&world, &padded, &padded).await, chunks(&world, &over, &padded).await];
    assert_eq!(statuses, [200, 413]);
    world.bot.got(1).await;
}

async fn chunks(world: &World, body: &str, signed: &str) -> u16 {
    let signature = mac(SECRET.as_bytes(), signed.as_bytes());
    let mut call_text = format!(
        "POST /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-spark-signature: {signature}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    for chunk in body.as_bytes().chunks(700) {
        let text = std::str::from_utf8(chunk).unwrap();
        write!(call_text, "{:x}\r\n{text}\r\n", chunk.len()).unwrap();
    }
    call(world.address, format!("{call_text}0\r\n\r\n").as_bytes()).await.status
}

#[tokio::test]
async fn invariant_9_a_body_that_does_not_come_is_408() {
    let server = "{listen: '127.0.0.1:0', body_timeout: 200ms, drain_grace: 0s}";
    let world = Setup::new().with("server", server).start().await;
    let half = format!("POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{MARK}");
    assert_eq!(call(world.address, half.as_bytes()).await.status, 408);
    eventually!(world.told.count("reject", "body_timeout") == 1);
    nothing_happened(&world).await;
}
