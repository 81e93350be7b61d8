//! Many callers at once: what is bounded stays bounded, and strangers cannot starve Webex.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::harness::event::{SECRET, mac};
use crate::harness::wire::{call, post, try_call};
use crate::harness::{Setup, World, eventually};

/// Forges until told to stop. How many were answered.
async fn forge(address: SocketAddr, stop: Arc<AtomicBool>, sent: Arc<AtomicUsize>) {
    let body = "x".repeat(4096);
    let bytes =
        post("/hook", &[("x-spark-signature", &mac(b"a guess of mine", b""))], body.as_bytes());
    while !stop.load(Ordering::Relaxed) {
        try_call(address, &bytes).await;
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// So many callers forge as fast as they can.
struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
}

impl Flood {
    async fn at(address: SocketAddr, callers: usize) -> Self {
        let flood = Self { stop: Arc::default(), sent: Arc::default() };
        for _ in 0..callers {
            tokio::spawn(forge(address, Arc::clone(&flood.stop), Arc::clone(&flood.sent)));
        }
        eventually!(flood.sent.load(Ordering::Relaxed) > 100);
        flood
    }

    /// It cost Webex nothing, and is not a line each.
    fn end(&self, world: &World) {
        self.stop.store(true, Ordering::Relaxed);
        assert_eq!(world.questions(), 1, "{} forgeries", self.sent.load(Ordering::Relaxed));
        let lines = world.told.records().len() - world.told.decisions().len();
        assert!(lines < 60, "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_9_a_flood_of_forged_calls_does_not_starve_authentic_ones() {
    let server = "{listen: '127.0.0.1:0', max_connections: 64, max_in_flight: 4, drain_grace: 0s}";
    let world = Setup::new().with("server", server).start().await;
    let flood = Flood::at(world.address, 40).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        let body = world.message("ann", "staff").body;
        let began = Instant::now();
        assert_eq!(world.send(&body).await.status, 200);
        slowest = slowest.max(began.elapsed());
    }
    world.bot.got(100).await;
    flood.end(&world);
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

/// When strangers take every place, a connection that has shown an authentic event keeps its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_9_more_forgers_than_places_do_not_cut_webex_off() {
    let server = "{listen: '127.0.0.1:0', max_connections: 8, drain_grace: 0s}";
    let world = Setup::new().with("server", server).start().await;
    let mut webex = Line::open(world.address).await;
    assert_eq!(webex.send(world.message("ann", "staff").body).await, 200);
    let flood = Flood::at(world.address, 40).await;
    for _ in 0..50 {
        assert_eq!(webex.send(world.message("ann", "staff").body).await, 200);
    }
    world.bot.got(51).await;
    flood.end(&world);
}

/// A connection that stays, as those of Webex do.
struct Line(TcpStream);

impl Line {
    async fn open(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Signs and sends; every answer to an event is without a body.
    async fn send(&mut self, body: String) -> u16 {
        let signature = mac(SECRET.as_bytes(), body.as_bytes());
        let bytes = post("/hook", &[("x-spark-signature", &signature)], body.as_bytes());
        let bytes = String::from_utf8(bytes).unwrap().replace("connection: close\r\n", "");
        self.0.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn invariant_9_silent_connections_keep_nobody_out() {
    let server = "{listen: '127.0.0.1:0', max_connections: 16, header_timeout: 60s, body_timeout: 60s, drain_grace: 0s}";
    let world = Setup::new().with("server", server).start().await;
    let mut silent = Vec::new();
    for kind in 0..60 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let start: &[u8] = match kind % 3 {
            0 => b"",
            1 => b"POST /hook HTTP/1.1\r\nhost: x\r\n",
            _ => b"POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nx",
        };
        let _cut_off_already = stream.write_all(start).await;
        silent.push(stream);
    }
    for _ in 0..5 {
        assert_eq!(world.say("ann", "staff").await.status, 200);
    }
    world.bot.got(5).await;
}

#[tokio::test]
async fn invariant_9_large_bodies_of_strangers_take_no_place_of_events() {
    let world = World::start().await;
    let head = "POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n";
    let mut large = Vec::new();
    for _ in 0..80 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let _full_already =
            stream.write_all(&[head.as_bytes(), "x".repeat(20_000).as_bytes()].concat()).await;
        large.push(stream);
    }
    eventually!(world.told.count("deny", "overloaded") > 0);
    assert_eq!(world.say("ann", "staff").await.status, 200);
    world.bot.got(1).await;
}

#[tokio::test]
async fn invariant_9_the_inbox_is_bounded_in_bytes_too() {
    let setup = Setup::new().with("inbox", "{max_bytes: 256KiB}");
    let mut world = setup.start().await;
    world.bot.stop().await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let body = format!("{}{}", world.message("ann", "staff").body, " ".repeat(30_000));
        statuses.push(world.send(&body).await.status);
    }
    let kept = statuses.iter().filter(|status| **status == 200).count();
    assert!(
        (5..9).contains(&kept) && statuses[kept..].iter().all(|status| *status == 503),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn invariant_9_no_more_calls_to_the_bot_at_once_than_it_takes() {
    let people = format!("{}\nrooms:\n", crate::harness::PEOPLE);
    let rooms = (0..20).map(|at| format!("  r{at}: {{title: R, members: [ann, helpdesk]}}\n"));
    let setup = Setup::new().people(&(people + &rooms.collect::<String>()));
    let world = setup.upstream("{url: 'BOT', max_in_flight: 3, timeout: 10s}").start().await;
    world.bot.usually(crate::harness::bot::Manner::Waits);
    for at in 0..20 {
        world.say("ann", &format!("r{at}")).await;
    }
    eventually!({
        world.bot.release();
        world.house().waiting() == 0
    });
    assert_eq!((world.bot.count(), world.bot.busiest()), (20, 3));
}

#[tokio::test]
async fn a_second_signature_in_a_smuggled_call_is_no_way_in() {
    let world = World::start().await;
    let body = world.message("ann", "staff").body;
    let right = mac(SECRET.as_bytes(), body.as_bytes());
    for extra in [
        "transfer-encoding: chunked\r\n",
        "content-length: 1\r\n",
        "transfer-encoding: identity\r\n",
    ] {
        let text = format!(
            "POST /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-spark-signature: {right}\r\n{extra}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = call(world.address, text.as_bytes()).await;
        assert_ne!(answer.status, 200, "{extra}");
    }
    world.settled().await;
    assert_eq!(world.bot.count(), 0);
}
