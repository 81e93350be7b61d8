use super::*;
use crate::config::Admin;

/// Somebody who looks on.
struct Reader {
    stream: TcpStream,
    seen: String,
}

impl Reader {
    /// With a small buffer, so that being slow shows soon. The head of the answer is read.
    async fn open(world: &World, query: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(world.address).await.unwrap();
        let raw = format!("GET /api/v1/stream{query} HTTP/1.1\r\n{}\r\n", bearer(VIEWER));
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut reader = Self { stream, seen: String::new() };
        reader.until("\r\n\r\n").await;
        reader
    }

    /// Reads on until this has come.
    async fn until(&mut self, text: &str) {
        let reading = async {
            let mut piece = vec![0; 16 * 1024];
            while !self.seen.contains(text) {
                let count = self.stream.read(&mut piece).await.unwrap();
                assert_ne!(count, 0, "no `{text}` in {}", self.seen);
                self.seen += &String::from_utf8_lossy(&piece[..count]);
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap();
    }
}

const DENIED: Verdict = Verdict::Refused(Refusal::OutsideOrg);
const ALLOWED: Verdict = Verdict::Allow { would_refuse: None };

#[tokio::test]
async fn records_come_as_they_are_made_and_as_they_were_asked_for() {
    let world = world().await;
    let mut all = Reader::open(&world, "").await;
    let mut some = Reader::open(&world, "?route=b&verdict=deny,reject").await;
    assert!(all.seen.starts_with("HTTP/1.1 200 ") && all.seen.contains("text/event-stream"));
    world.decide(DENIED, "a");
    world.decide(ALLOWED, "b");
    world.decide(DENIED, "b");
    all.until("\"route\":\"b\",\"bot\":\"helpdesk\",\"verdict\":\"deny\"").await;
    assert_eq!(all.seen.matches("event: record\ndata: {").count(), 3, "{}", all.seen);
    some.until("\"verdict\":\"deny\"").await;
    assert_eq!(some.seen.matches("event: record\ndata: {").count(), 1, "{}", some.seen);
    let answer = world.ask("GET", "/api/v1/stream?route=a&limit=1", &bearer(VIEWER)).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_ninth_is_turned_away_until_one_has_gone() {
    let world = world().await;
    let mut readers = Vec::new();
    for _ in 0..stream::STREAMS {
        readers.push(Reader::open(&world, "").await);
        assert!(readers.last().unwrap().seen.starts_with("HTTP/1.1 200 "));
    }
    let (status, problem) = world.document("GET", "/api/v1/stream", OPERATOR).await;
    assert_eq!((status, &problem["type"]), (503, &"urn:botwarden:problem:streams".into()));
    drop(readers.pop());
    let again = async {
        while !Reader::open(&world, "").await.seen.starts_with("HTTP/1.1 200 ") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_slows_nobody_and_learns_what_it_missed() {
    let world = world().await;
    let (mut slow, mut quick) =
        (Reader::open(&world, "").await, Reader::open(&world, "?verdict=allow").await);
    // More than all buffers between the two hold: some 10 MB.
    let mut decided = 0;
    let began = tokio::time::Instant::now();
    while decided < 40_000 {
        world.decide(DENIED, "a");
        decided += 1;
        if decided % 200 == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert!(began.elapsed() < Duration::from_secs(20), "nobody waits for a reader");
    slow.until("event: lagged\ndata: {\"missed\":").await;
    world.decide(ALLOWED, "last");
    quick.until("\"route\":\"last\"").await;
    slow.until("\"route\":\"last\"").await;
}

#[tokio::test]
async fn strangers_cannot_take_the_place_of_who_looks_on() {
    let world = world().await;
    let mut reader = Reader::open(&world, "").await;
    let mut silent = Vec::new();
    for _ in 0..crate::admin::calls::CONNECTIONS * 2 {
        silent.push(TcpStream::connect(world.address).await.unwrap());
    }
    let (status, _) = world.document("GET", "/api/v1/status", VIEWER).await;
    assert_eq!(status, 200, "and they keep nobody out");
    world.decide(DENIED, "a");
    reader.until("\"verdict\":\"deny\"").await;
}

#[tokio::test]
async fn streams_end_with_the_gateway() {
    let world = world().await;
    let mut reader = Reader::open(&world, "").await;
    assert!(world.tasks.stop(Duration::from_secs(10)).await, "nobody is waited for");
    let mut rest = Vec::new();
    // A connection that is cut off, or ended.
    let _how = reader.stream.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn who_looks_on_by_a_token_that_was_replaced_sees_nothing_more() {
    let world = world().await;
    let mut reader = Reader::open(&world, "").await;
    let mut admin = Admin {
        listen: None,
        allowed_hosts: vec!["localhost".into()],
        viewer_token: None,
        operator_token: Some(Secret::new(OPERATOR.into())),
    };
    world.access.renew(&admin);
    world.decide(DENIED, "a");
    reader.until("\"verdict\":\"deny\"").await;
    admin.viewer_token = Some(Secret::new(b"another-viewer-another".to_vec()));
    world.access.renew(&admin);
    world.decide(ALLOWED, "a");
    reader.until("\r\n0\r\n\r\n").await;
    assert!(!reader.seen.contains("\"verdict\":\"allow\""), "{}", reader.seen);
    let refused = world.ask("GET", "/api/v1/stream", &bearer(VIEWER)).await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
}
