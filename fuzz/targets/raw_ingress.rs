//! Any bytes on a connection, in any pieces. Behind the door stands a stub; time is paused, so that what waits costs
//! nothing and a deadline that is missed is seen at once.
//!
//! * Nothing panics, and the connection ends within its deadlines.
//! * The door is knocked at only with whole bodies, in order, that another reader of HTTP finds in the same bytes, and
//!   none is larger than the limit.
//! * What comes back is whole answers, one a call at most.
//!
//! Input: settings (one byte), the number of pieces (one byte), their lengths (one byte each), and the bytes.
#![no_main]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use botwarden::config::{Answer, Server, Unverified};
use botwarden::flow::{Admission, Answered, Door, Doorway, Outcome};
use botwarden::gate::arrival::{Arrival, Origin};
use botwarden::gate::refusal::Refusal;
use botwarden::gate::signature::{Authentic, verify};
use botwarden::ingress::converse;
use botwarden_fuzz::framing::{Call, calls};
use botwarden_fuzz::sample;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::time::Instant;

/// Above the bound between small bodies and large ones.
const BODY_LIMIT: usize = 20_000;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_TIMEOUT: Duration = Duration::from_secs(7);
/// Between two pieces, where there is one.
const PAUSE: Duration = Duration::from_secs(1);
/// For an answer that nobody reads.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// For the last answer to arrive.
const LINGER: Duration = Duration::from_secs(2);

fuzz_target!(|input: &[u8]| {
    let [settings, pieces, rest @ ..] = input else { return };
    let (lengths, bytes) = rest.split_at(usize::from(pieces % 32).min(rest.len()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(visit(Caller { settings: *settings, lengths, bytes }));
});

/// What a caller does.
struct Caller<'a> {
    settings: u8,
    lengths: &'a [u8],
    bytes: &'a [u8],
}

impl Caller<'_> {
    fn hangs_up(&self) -> bool {
        self.settings & 1 == 0
    }

    fn reads(&self) -> bool {
        self.settings & 8 == 0
    }

    fn pauses(&self) -> bool {
        self.settings & 2 != 0
    }

    /// What the kernel would hold.
    fn buffer(&self) -> usize {
        if self.settings & 4 == 0 { 64 * 1024 } else { 64 }
    }

    fn pieces(&self) -> Vec<&[u8]> {
        let (mut pieces, mut rest) = (Vec::new(), self.bytes);
        for length in self.lengths {
            let (piece, after) = rest.split_at((usize::from(*length) + 1).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        pieces
    }

    async fn send(&self, mut to: WriteHalf<DuplexStream>) -> WriteHalf<DuplexStream> {
        for piece in self.pieces() {
            // The other side may have hung up.
            if to.write_all(piece).await.is_err() {
                break;
            }
            if self.pauses() {
                tokio::time::sleep(PAUSE).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        if self.hangs_up() {
            let _gone = to.shutdown().await;
        }
        to
    }
}

async fn visit(caller: Caller<'_>) {
    let stub = Arc::new(Stub::default());
    let (ours, theirs) = tokio::io::duplex(caller.buffer());
    let (from, to) = tokio::io::split(ours);
    let began = Instant::now();
    let server = server();
    let serving = async {
        converse(theirs, &server, Arc::clone(&stub)).await;
        began.elapsed()
    };
    let limit = Duration::from_secs(3600);
    let all = async { tokio::join!(serving, answers(from, caller.reads()), caller.send(to)) };
    let (took, (answers, _unread), _open) =
        tokio::time::timeout(limit, all).await.expect("it never ends");
    let expected = calls(caller.bytes);
    stub.check(&expected);
    let count =
        if caller.reads() { check_answers(&answers, caller.buffer()) } else { expected.len() };
    let waits = u32::try_from(count + 1).unwrap();
    let pauses = PAUSE * u32::try_from(caller.lengths.len() + 1).unwrap();
    let most = (HEADER_TIMEOUT + BODY_TIMEOUT) * waits + pauses + READ_WITHIN + LINGER;
    assert!(took <= most, "{took:?} for {count} answers");
}

/// All that comes back; or nothing, and what holds it.
async fn answers(
    mut from: ReadHalf<DuplexStream>,
    reads: bool,
) -> (Vec<u8>, ReadHalf<DuplexStream>) {
    let mut answers = Vec::new();
    if reads {
        let _reset = from.read_to_end(&mut answers).await;
    }
    (answers, from)
}

fn server() -> Server {
    Server {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
        tls: None,
        body_limit: BODY_LIMIT,
        header_timeout: HEADER_TIMEOUT,
        body_timeout: BODY_TIMEOUT,
        max_connections: 10,
        max_in_flight: 10,
        drain_grace: Duration::ZERO,
        drain_timeout: HEADER_TIMEOUT,
        public_url: None,
    }
}

/// Whole answers, each with a length, and how many there are besides `100 Continue`. The last one may be cut off where it
/// did not fit in what a kernel would hold: what is not written when the rest of a call turns out to be no HTTP is let go.
fn check_answers(mut bytes: &[u8], buffer: usize) -> usize {
    let mut count = 0;
    while !bytes.is_empty() {
        let mut room = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Response::new(&mut room);
        let parsed = head.parse(bytes);
        let Ok(httparse::Status::Complete(length)) = parsed else {
            assert!(parsed.is_ok() && buffer < 200, "{parsed:?}: {}", bytes.escape_ascii());
            return count;
        };
        let code = head.code.unwrap();
        let known = [100, 200, 400, 403, 404, 405, 408, 413, 431, 502, 503].contains(&code);
        // 414: hyper's own answer to a target that is too long.
        assert!(known || code == 414, "status {code}");
        let mut lengths =
            head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-length"));
        let body = lengths
            .next()
            .map_or(0, |header| std::str::from_utf8(header.value).unwrap().parse().unwrap());
        assert!(lengths.next().is_none() && (code == 100 || body < 200), "{body}");
        bytes = match bytes[length..].get(body..) {
            Some(rest) => rest,
            None if buffer < 200 => return count,
            None => panic!("half an answer"),
        };
        count += usize::from(code != 100);
    }
    count
}

/// One call at the door.
#[derive(Debug)]
struct Knock {
    target: String,
    body: Vec<u8>,
}

/// What came to the door.
#[derive(Debug, Default)]
struct Stub {
    knocks: Mutex<Vec<Knock>>,
    /// Calls that came and have not ended.
    open: Mutex<i64>,
}

impl Stub {
    fn check(&self, expected: &[Call]) {
        assert_eq!(*self.open.lock().unwrap(), 0, "a call began and never ended");
        let mut expected: VecDeque<&Call> =
            expected.iter().filter(|call| call.method == "POST").collect();
        for knock in self.knocks.lock().unwrap().iter() {
            assert!(knock.body.len() <= BODY_LIMIT, "a body over the limit");
            let sent = |call: &Call| call.target.split('#').next().map(str::to_owned);
            let same = |call: &Call| {
                call.body == knock.body && sent(call).as_deref() == Some(&knock.target)
            };
            while expected.front().is_some_and(|call| !same(call)) {
                expected.pop_front();
            }
            assert!(expected.pop_front().is_some(), "nobody else sees this call: {knock:?}");
        }
    }
}

impl Door for Stub {
    fn doorway(&self, path: &str) -> Option<Doorway> {
        let answer = match path {
            "/a" | "/hook" => Answer::Accepted,
            "/w" => Answer::Delivered { within: Duration::from_secs(1) },
            _ => return None,
        };
        let unverified = if path == "/a" { Unverified::Ok } else { Unverified::Forbidden };
        Some(Doorway { route: path.into(), answer, unverified })
    }

    fn verify(&self, arrival: Arrival) -> Result<Authentic, Refusal> {
        let query = arrival.query().map_or_else(String::new, |query| format!("?{query}"));
        let target = format!("{}{query}", arrival.route());
        self.knocks.lock().unwrap().push(Knock { target, body: arrival.body().to_vec() });
        verify(arrival, &sample::ring([sample::SECRET]))
    }

    async fn admit(&self, authentic: Authentic) -> Admission {
        match authentic.arrival().query() {
            Some("full") => Admission::Full,
            Some("wait") => {
                tokio::time::sleep(PAUSE).await;
                Admission::Outcome(Outcome::Delivered(500))
            }
            _ => Admission::Kept,
        }
    }

    fn overloaded(&self, _: Authentic) -> Admission {
        Admission::Full
    }

    fn turned_away(&self, route: Option<&Arc<str>>, refusal: Refusal, _: &Origin) {
        assert_eq!(route.is_some(), refusal != Refusal::NoRoute);
    }

    fn called(&self, _: &Arc<str>) {
        *self.open.lock().unwrap() += 1;
    }

    fn answered(&self, call: &Answered<'_>) {
        *self.open.lock().unwrap() -= i64::from(call.route.is_some());
    }
}
