//! Ten thousand connections that do nothing, or next to nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::beside::Sender;
use crate::line::many;
use crate::memory::KIB;
use crate::process::site::until;
use crate::stage::{Stage, skipped};

const CROWD: usize = 10_000;

/// As `server.max_connections` reckons.
const EACH: u64 = 40 * KIB;

/// Who says nothing, or nothing more, holds no buffers of HTTP, which are 16 KiB.
const AT_REST: u64 = 12 * KIB;

/// For the bot, events beside, and what other tests of this process have open.
const OTHERS: u64 = 2_000;

/// The default of `max_connections`.
const PLACES: usize = 1024;

/// One after the other: both need most of the files that this process may open.
#[test]
fn ten_thousand_idle_connections_cost_their_bound_and_no_event() {
    let needed = u64::try_from(CROWD).unwrap() + OTHERS;
    if let Err(limit) = raised(needed) {
        skipped(&format!("10,000 connections need {needed} files, ulimit -Hn is {limit}"));
        return;
    }
    more_than_there_are_places_for();
    as_many_as_there_are_places_for();
    as_many_that_were_answered();
    as_many_that_hold_as_much_as_they_can();
}

/// Whoever has been there longest makes room: while they come, somebody known keeps the place; afterwards, whoever is new
/// finds one.
fn more_than_there_are_places_for() {
    let stage = Stage::new("header_timeout: 60s");
    let name = "crowd: 10,000 idle, with places for 1,024";
    stage.attacked_beside(Sender::Known, name, 1_088 * EACH, || {
        let mut crowd = Vec::new();
        for _ in 0..CROWD / 100 {
            crowd.extend(many(100, &stage.gateway.listen));
            let files = stage.process.files();
            assert!(files < PLACES + 256, "{files} open files");
        }
        for _ in 0..20 {
            assert_eq!(stage.send(), Some(200), "beside idle ones");
        }
        assert!(is_closed(&mut crowd[0]), "the oldest was among them");
    });
}

fn as_many_as_there_are_places_for() {
    let stage = Stage::new("header_timeout: 60s, max_connections: 12000");
    let before = stage.process.files();
    stage.attacked("crowd: 10,000 idle, with places for 12,000", 10_000 * AT_REST, || {
        let crowd = many(CROWD, &stage.gateway.listen);
        until("all are there", || stage.process.files() >= before + CROWD);
        drop(crowd);
    });
}

fn as_many_that_were_answered() {
    let stage = Stage::new("header_timeout: 60s, max_connections: 12000");
    stage.attacked("crowd: 10,000 that were answered once", 10_000 * AT_REST, || {
        let mut crowd = many(CROWD, &stage.gateway.listen);
        for stream in &mut crowd {
            assert_eq!(not_found(stream), *b"HTTP/1.1 404");
        }
        assert_eq!(not_found(&mut crowd[0]), *b"HTTP/1.1 404", "rest is no end");
    });
}

/// One call of a stranger, and the beginning of its answer, which has no body and one packet.
fn not_found(stream: &mut TcpStream) -> [u8; 12] {
    stream.write_all(b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut answer = [0; 512];
    let read = stream.read(&mut answer).unwrap();
    assert!(answer[..read].ends_with(b"\r\n\r\n"), "the whole of it");
    answer[..12].try_into().unwrap()
}

fn as_many_that_hold_as_much_as_they_can() {
    let stage = Stage::new("header_timeout: 60s, max_connections: 12000");
    let before = stage.process.files();
    stage.attacked("crowd: 10,000 with 8 KB of a head", 10_000 * EACH, || {
        let mut crowd = many(CROWD, &stage.gateway.listen);
        let most =
            [b"GET /none HTTP/1.1\r\nHost: h\r\nX-A: ", "a".repeat(7_900).as_bytes()].concat();
        for stream in &mut crowd {
            stream.write_all(&most).unwrap();
        }
        let mut last = crowd.pop().unwrap();
        last.write_all(b"\r\n\r\n").unwrap();
        let mut start = [0; 12];
        last.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 404", "the rest of a head is still waited for");
        assert!(stage.process.files() >= before + CROWD - 1, "nobody was cut off");
    });
}

/// Whether this process may open so many files; else how many.
fn raised(needed: u64) -> Result<(), u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    match maximum {
        Some(limit) if limit < needed => Err(limit),
        _ => Ok(()),
    }
}

fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(crate::line::PATIENCE)).unwrap();
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
