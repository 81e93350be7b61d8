//! Connections that are kept for the next event.

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Barrier, mpsc};

use super::*;

#[tokio::test]
async fn one_connection_serves_many_events() {
    let bot = bot(OK).await;
    let forward = forward(&bot.upstream);
    for _ in 0..20 {
        assert_eq!(hand_over(&forward).await, Ok(200));
    }
    assert_eq!(*bot.connections.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_bot_that_closes_after_each_answer_gets_every_event() {
    let bot = bot("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nok").await;
    let forward = forward(&bot.upstream);
    for _ in 0..20 {
        assert_eq!(hand_over(&forward).await, Ok(200));
    }
    assert_eq!(bot.log.lock().unwrap().len(), 20);
}

#[tokio::test]
async fn a_connection_that_the_bot_closed_meanwhile_costs_no_event() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let forward = forward(&upstream(Address::Tcp(uri.parse().unwrap())));
    for _ in 0..20 {
        let bot = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            request_of(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        };
        let ((), result) = tokio::join!(bot, hand_over(&forward));
        assert_eq!(result, Ok(200));
    }
}

#[tokio::test]
async fn there_are_as_many_connections_as_there_were_calls_at_once() {
    let (listener, upstream) = listening().await;
    let all = upstream.max_in_flight;
    let (tasks, together, connections) =
        (Tasks::default(), Arc::new(Barrier::new(all)), Arc::new(Mutex::new(0)));
    let (theirs, count) = (tasks.clone(), Arc::clone(&connections));
    tasks.spawn("bot", async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            *count.lock().unwrap() += 1;
            let together = Arc::clone(&together);
            theirs.spawn("bot connection", async move {
                while request_of(&mut stream).await.is_some() {
                    together.wait().await;
                    stream.write_all(OK.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let forward = Arc::new(forward(&upstream));
    for _ in 0..5 {
        let (tell, mut answers) = mpsc::channel(all);
        for _ in 0..all {
            let (forward, tell) = (Arc::clone(&forward), tell.clone());
            let event = async move { tell.send(hand_over(&forward).await).await.unwrap() };
            tasks.spawn("event", event);
        }
        drop(tell);
        while let Some(answer) = answers.recv().await {
            assert_eq!(answer, Ok(200));
        }
    }
    assert_eq!(*connections.lock().unwrap(), all);
}

#[tokio::test]
async fn a_second_answer_to_one_event_is_never_taken_for_the_answer_to_the_next() {
    let twice = format!("{OK}HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let bot = bot(&twice).await;
    let forward = forward(&bot.upstream);
    for _ in 0..20 {
        assert_eq!(hand_over(&forward).await, Ok(200));
    }
    assert_eq!(*bot.connections.lock().unwrap(), 20);
}

/// A bot on a unix socket, where what is written is there at once.
struct Near {
    _folder: tempfile::TempDir,
    listener: UnixListener,
    forward: Forward,
}

impl Near {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("bot.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let address = Address::Unix { socket, path: "/".parse().unwrap() };
        Self { _folder: folder, listener, forward: forward(&upstream(address)) }
    }

    /// An event over a new connection, which stays open.
    async fn first(&self) -> UnixStream {
        let bot = async {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            request_of(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
            stream
        };
        let (stream, result) = tokio::join!(bot, hand_over(&self.forward));
        assert_eq!(result, Ok(200));
        stream
    }
}

/// The runtime looks at its sockets when it has nothing else to do.
async fn sockets_looked_at() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test]
async fn what_the_bot_says_unasked_is_never_taken_for_the_answer_to_the_next_event() {
    let near = Near::new();
    for unasked in ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "\r\n", "x"] {
        let mut before = near.first().await;
        before.write_all(unasked.as_bytes()).await.unwrap();
        sockets_looked_at().await;
        drop(near.first().await);
        sockets_looked_at().await;
        let mut rest = Vec::new();
        let _reset_or_not = before.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "the next event came here: {unasked:?}");
    }
}

#[tokio::test]
async fn what_a_kept_connection_may_have_brought_to_the_bot_is_not_sent_on_another_one() {
    let near = Near::new();
    let mut kept = near.first().await;
    let bot = async {
        request_of(&mut kept).await.unwrap();
        drop(kept);
    };
    let ((), result) = tokio::join!(bot, hand_over(&near.forward));
    assert_eq!(result.unwrap_err().kind, Kind::UpstreamBroke);
    let more = tokio::time::timeout(Duration::ZERO, near.listener.accept()).await;
    assert!(more.is_err(), "a second connection");
}

#[tokio::test]
async fn what_nobody_uses_is_closed_though_no_other_event_comes() {
    let near = Near::new();
    for _ in 0..2 {
        let mut kept = near.first().await;
        let closed = tokio::time::timeout(PATIENCE, kept.read(&mut [0])).await;
        assert_eq!(closed.expect("closed in time").unwrap(), 0);
    }
}

#[tokio::test]
async fn no_connection_outlives_the_way_to_its_bot() {
    let near = Near::new();
    let mut kept = near.first().await;
    let Near { forward, .. } = near;
    drop(forward);
    tokio::time::pause(); // nothing is closed because time goes by
    let closed = tokio::time::timeout(Duration::from_millis(1), kept.read(&mut [0])).await;
    assert_eq!(closed.expect("closed at once").unwrap(), 0);
}

/// By itself, over a connection of this kind.
async fn exchange(forward: &Forward, body: Bytes, over: Over) -> Result<u16, Outage> {
    let request = Request::post("http://localhost/").body(body).unwrap();
    forward.exchange(forward.call(request), over, std::future::pending()).await
}

#[tokio::test]
async fn interim_answers_without_end_break_the_connection_and_not_the_gateway() {
    let near = Near::new();
    let bot = async {
        let (mut stream, _) = near.listener.accept().await.unwrap();
        request_of(&mut stream).await.unwrap();
        let interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
        while stream.write_all(interim.as_bytes()).await.is_ok() {}
    };
    let ((), result) = tokio::join!(bot, hand_over(&near.forward));
    assert_eq!(result.unwrap_err().kind, Kind::UpstreamBroke);
}

#[tokio::test]
async fn some_interim_answers_are_nothing_to_worry_about() {
    let many = "HTTP/1.1 102 Processing\r\n\r\n".repeat(100) + OK;
    let bot = bot(&many).await;
    let forward = forward(&bot.upstream);
    for _ in 0..20 {
        assert_eq!(hand_over(&forward).await, Ok(200));
    }
}

/// The socket of this machine holds less than this.
#[tokio::test]
async fn a_bot_that_answers_early_may_read_the_rest() {
    let (near, body) = (Near::new(), Bytes::from(vec![b'x'; 2 << 20]));
    let bot = async {
        let (mut stream, _) = near.listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(OK.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let handing_over = async {
        let result = exchange(&near.forward, body.clone(), Over::Any).await;
        near.forward.pool.take();
        result
    };
    let (read, result) = tokio::join!(bot, handing_over);
    assert_eq!(result, Ok(200));
    assert!(read.ends_with(&body), "{} bytes", read.len());
}

#[tokio::test]
async fn after_a_connection_broke_an_event_goes_over_a_new_one() {
    let bot = bot(OK).await;
    let forward = forward(&bot.upstream);
    for (over, connections) in [(Over::Any, 1), (Over::Any, 1), (Over::Fresh, 2), (Over::Fresh, 3)]
    {
        assert_eq!(exchange(&forward, Bytes::from_static(b"{}"), over).await, Ok(200));
        assert_eq!(*bot.connections.lock().unwrap(), connections, "{over:?}");
    }
}
