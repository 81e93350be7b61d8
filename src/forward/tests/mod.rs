//! Against bots that are raw sockets: each is named for what it does.

mod kept;
mod ways;

use std::sync::Mutex;

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::gate::handoff::tests::cleared;
use crate::gate::retry::Schedule;
use crate::rt::Tasks;

const PATIENCE: Duration = Duration::from_secs(20);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn upstream(address: Address) -> Upstream {
    Upstream {
        address,
        connect_timeout: Duration::from_secs(5),
        timeout: PATIENCE,
        max_in_flight: 8,
        retry: Schedule { from: Duration::from_secs(1), up_to: Duration::from_secs(1) },
        pass_signature: true,
        sign: None,
        headers: HeaderMap::new(),
    }
}

fn forward(upstream: &Upstream) -> Forward {
    Forward::new(destination("helpdesk-bot", upstream), upstream, &Tasks::default()).unwrap()
}

async fn hand_over(forward: &Forward) -> Result<u16, Outage> {
    let cleared = cleared(&HeaderMap::new(), None);
    let before = cleared.notice().arrival().body().clone();
    let place = forward.place().await?;
    let (notice, result) =
        forward.send(cleared, (place, Over::Any), None, std::future::pending()).await;
    assert_eq!(notice.arrival().body(), &before, "it can be tried again");
    result
}

/// One request, whole: head and body.
async fn request_of(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        raw.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(raw.clone()).unwrap();
    let mut lengths = head.lines().filter_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; lengths.next().unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    raw.extend_from_slice(&body);
    Some(raw)
}

/// Reads requests and writes the same answer to each, for as long as the caller stays.
async fn answering(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Arc<str>, log: Log) {
    while let Some(request) = request_of(&mut stream).await {
        log.lock().unwrap().push(request);
        stream.write_all(answer.as_bytes()).await.unwrap();
        if answer.contains("close") {
            return;
        }
    }
}

type Log = Arc<Mutex<Vec<Vec<u8>>>>;

struct Bot {
    upstream: Upstream,
    log: Log,
    connections: Arc<Mutex<usize>>,
    tasks: Tasks,
}

/// A bot on a port of its own, with this much to say.
async fn bot(answer: &str) -> Bot {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/events?own=1", listener.local_addr().unwrap());
    let bot = Bot {
        upstream: upstream(Address::Tcp(uri.parse().unwrap())),
        log: Log::default(),
        connections: Arc::default(),
        tasks: Tasks::default(),
    };
    let (answer, log, tasks): (Arc<str>, _, _) =
        (answer.into(), Arc::clone(&bot.log), bot.tasks.clone());
    let connections = Arc::clone(&bot.connections);
    bot.tasks.spawn("bot", async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            *connections.lock().unwrap() += 1;
            let serving = answering(stream, Arc::clone(&answer), Arc::clone(&log));
            tasks.spawn("bot connection", serving);
        }
    });
    bot
}

#[tokio::test]
async fn the_bot_reads_the_event_as_it_was() {
    let bot = bot(OK).await;
    let mut headers = HeaderMap::new();
    headers.append("x-many", "1".parse().unwrap());
    headers.append("x-many", "2".parse().unwrap());
    headers.append("connection", "x-secret".parse().unwrap());
    headers.append("x-secret", "1".parse().unwrap());
    headers.append("transfer-encoding", "chunked".parse().unwrap());
    headers.append("content-length", "7".parse().unwrap());
    headers.append("expect", "100-continue".parse().unwrap());
    headers.append("host", "bots.example.com".parse().unwrap());
    let cleared = cleared(&headers, Some("a=1"));
    let body = cleared.notice().arrival().body().clone();
    let forward = forward(&bot.upstream);
    let place = forward.place_now().unwrap();
    let (_, result) = forward.send(cleared, (place, Over::Any), None, std::future::pending()).await;
    assert_eq!(result, Ok(200));
    let [raw] = bot.log.lock().unwrap().clone().try_into().unwrap();
    assert!(raw.ends_with(&body), "the body, byte for byte");
    let head = String::from_utf8(raw[..raw.len() - body.len()].to_vec()).unwrap();
    let start = "POST /events?own=1&a=1 HTTP/1.1\r\n";
    assert!(head.starts_with(start), "{head}");
    let names: Vec<_> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let values = |name: &str| -> Vec<&str> {
        let of = names.iter().filter(|(one, _)| *one == name);
        of.map(|(_, value)| *value).collect()
    };
    assert_eq!(values("x-many"), ["1", "2"]);
    assert_eq!(values("content-length"), [body.len().to_string()]);
    let Address::Tcp(uri) = &bot.upstream.address else {
        panic!("a port");
    };
    assert_eq!(values("host"), [uri.authority().unwrap().as_str()]);
    assert_eq!(values("x-forwarded-host"), ["bots.example.com"]);
    assert_eq!(values("x-spark-signature").len(), 1);
    for gone in ["x-secret", "transfer-encoding", "expect", "connection"] {
        assert!(values(gone).is_empty(), "{gone}: {head}");
    }
}

#[tokio::test]
async fn a_status_is_the_bots_business_unless_it_means_not_now() {
    for (status, kept) in [
        (200, true),
        (204, true),
        (302, true),
        (400, true),
        (404, true),
        (500, true),
        (429, false),
        (502, false),
        (503, false),
        (504, false),
    ] {
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nRetry-After: 7\r\nLocation: http://192.0.2.1/\r\n\r\n"
        );
        let answer =
            if status == 204 { answer.replace("Content-Length: 0\r\n", "") } else { answer };
        let bot = bot(&answer).await;
        let result = hand_over(&forward(&bot.upstream)).await;
        if kept {
            assert_eq!(result, Ok(status));
        } else {
            let outage = result.unwrap_err();
            assert_eq!(outage.kind, Kind::UpstreamStatus, "{status}");
            assert_eq!(outage.retry_after, Some(Duration::from_secs(7)));
        }
        assert_eq!(bot.log.lock().unwrap().len(), 1, "no redirect is followed");
    }
}

#[tokio::test]
async fn an_answer_that_goes_on_and_on_ends_its_connection_only() {
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(200_000));
    let bot = bot(&endless).await;
    let forward = forward(&bot.upstream);
    assert_eq!(hand_over(&forward).await, Ok(200));
    assert_eq!(hand_over(&forward).await, Ok(200));
    assert_eq!(*bot.connections.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_bot_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let gone = upstream(Address::Tcp(uri.parse().unwrap()));
    let outage = hand_over(&forward(&gone)).await.unwrap_err();
    assert_eq!(outage.kind, Kind::UpstreamUnreachable);
    assert!(outage.cause.contains("refused"), "{outage}");
    let nowhere =
        upstream(Address::Unix { socket: "/nowhere/bot.sock".into(), path: "/".parse().unwrap() });
    let outage = hand_over(&forward(&nowhere)).await.unwrap_err();
    assert_eq!(outage.kind, Kind::UpstreamUnreachable);
}

#[tokio::test]
async fn a_bot_that_hangs_up_may_have_the_event() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let tasks = Tasks::default();
    tasks.spawn("bot", async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _read = request_of(&mut stream).await;
            stream.set_zero_linger().unwrap(); // a reset
        }
    });
    let upstream = upstream(Address::Tcp(uri.parse().unwrap()));
    let outage = hand_over(&forward(&upstream)).await.unwrap_err();
    assert_eq!(outage.kind, Kind::UpstreamBroke);
}

async fn listening() -> (TcpListener, Upstream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    (listener, upstream(Address::Tcp(uri.parse().unwrap())))
}

/// Accepts and reads, and never answers.
async fn silent() -> (TcpListener, Upstream) {
    let (listener, mut upstream) = listening().await;
    upstream.timeout = Duration::from_secs(1);
    (listener, upstream)
}

#[tokio::test]
async fn a_bot_that_has_the_event_and_says_nothing_is_a_timeout() {
    let (_listener, upstream) = silent().await;
    let outage = hand_over(&forward(&upstream)).await.unwrap_err();
    assert_eq!(outage.kind, Kind::UpstreamTimeout);
}

#[tokio::test]
async fn an_event_that_never_left_is_not_a_timeout() {
    let (_listener, mut upstream) = silent().await;
    upstream.max_in_flight = 1;
    let forward = forward(&upstream);
    let _by_another = forward.calls.acquire().await.unwrap();
    let outage = hand_over(&forward).await.unwrap_err();
    assert_eq!(outage.kind, Kind::UpstreamUnreachable);
    assert_eq!(&*outage.cause, "all calls to the bot are taken by others");
}

#[tokio::test]
async fn calls_at_once_are_bounded_and_a_slow_one_keeps_none_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let mut upstream = upstream(Address::Tcp(uri.parse().unwrap()));
    upstream.max_in_flight = 2;
    let forward = forward(&upstream);
    let bot = async {
        let (mut slow, _) = listener.accept().await.unwrap();
        request_of(&mut slow).await.unwrap();
        let (mut quick, _) = listener.accept().await.unwrap();
        for _ in 0..10 {
            request_of(&mut quick).await.unwrap();
            quick.write_all(OK.as_bytes()).await.unwrap();
        }
        slow.write_all(OK.as_bytes()).await.unwrap();
        assert!(listener.accept_now().await.is_none(), "a third connection");
    };
    let slow = hand_over(&forward);
    let quick = async {
        for _ in 0..10 {
            assert_eq!(hand_over(&forward).await, Ok(200));
        }
    };
    let ((), slow, ()) = tokio::join!(bot, slow, quick);
    assert_eq!(slow, Ok(200));
}

trait AcceptNow {
    async fn accept_now(&self) -> Option<()>;
}

impl AcceptNow for TcpListener {
    async fn accept_now(&self) -> Option<()> {
        let now = tokio::time::timeout(Duration::ZERO, self.accept());
        now.await.ok().map(|accepted| drop(accepted.unwrap()))
    }
}

/// A listener that takes no more connections.
async fn full() -> (TcpListener, Vec<tokio::net::TcpStream>) {
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
async fn what_is_recalled_before_it_has_a_connection_is_not_sent() {
    let (listener, _taken) = full().await;
    let address = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let forward = forward(&upstream(Address::Tcp(address)));
    let (place, recalled) = (forward.place_now().unwrap(), Duration::from_millis(100));
    let recalled = tokio::time::sleep(recalled);
    let (_, result) =
        forward.send(cleared(&HeaderMap::new(), None), (place, Over::Any), None, recalled).await;
    let outage = result.unwrap_err();
    assert_eq!(outage.kind, Kind::UpstreamUnreachable);
    assert!(outage.cause.contains("another configuration"), "{outage}");
}
