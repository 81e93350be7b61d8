//! Over real sockets, with raw bytes. A stub stands behind the door.

mod answers;
mod calls;
mod crowd;
mod drain;
mod rest;
mod slow;
mod smuggling;
mod tls;
mod tls_callers;
mod tls_renewal;
mod watched;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{BindProblem, Certificates, Passed, bind};
use crate::config::{Answer, Server, Tls, Unverified};
use crate::flow::{Admission, Answered, Door, Doorway, Outcome};
use crate::gate::arrival::{Arrival, Origin};
use crate::gate::refusal::Refusal;
use crate::gate::signature::tests::{SECRET, oracle, ring};
use crate::gate::signature::{Authentic, verify};
use crate::report::HttpMethod;
use crate::report::outage::{Kind, Outage};
use crate::rt::Tasks;

/// Nothing here takes this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Long enough never to be reached in a test.
const LONG: Duration = Duration::from_mins(1);

/// What an admitted event was made of.
#[derive(Clone, Debug)]
struct Seen {
    route: Arc<str>,
    headers: HeaderMap,
    query: Option<String>,
    body: Bytes,
    origin: Origin,
}

/// A call to a route, and what is told of its end: method and status.
type Told = (Arc<str>, Option<(HttpMethod, Option<u16>)>);

/// The stub. Bodies say what becomes of them: `panic`, `full`, `slow` (until released), else kept.
#[derive(Debug)]
struct Stub {
    seen: Mutex<Vec<Seen>>,
    away: Mutex<Vec<Refusal>>,
    overloaded: Mutex<Vec<uuid::Uuid>>,
    /// Calls to a route as they come, and again as they end.
    calls: Mutex<Vec<Told>>,
    release: Semaphore,
}

impl Default for Stub {
    fn default() -> Self {
        Self {
            seen: Mutex::default(),
            calls: Mutex::default(),
            away: Mutex::default(),
            overloaded: Mutex::default(),
            release: Semaphore::new(0),
        }
    }
}

impl Stub {
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn refusals(&self) -> Vec<Refusal> {
        self.away.lock().unwrap().clone()
    }
}

impl Door for Stub {
    fn doorway(&self, path: &str) -> Option<Doorway> {
        let (answer, unverified) = match path {
            "/hooks/helpdesk" => (Answer::Accepted, Unverified::Forbidden),
            "/hooks/quiet" => (Answer::Accepted, Unverified::Ok),
            "/hooks/waiting" => (Answer::Delivered { within: LONG }, Unverified::Forbidden),
            _ => return None,
        };
        Some(Doorway { route: path.into(), answer, unverified })
    }

    fn verify(&self, arrival: Arrival) -> Result<Authentic, Refusal> {
        verify(arrival, &ring(&[SECRET]))
    }

    async fn admit(&self, authentic: Authentic) -> Admission {
        let arrival = authentic.arrival();
        self.seen.lock().unwrap().push(Seen {
            route: Arc::clone(arrival.route()),
            headers: arrival.headers().clone(),
            query: arrival.query().map(str::to_owned),
            body: arrival.body().clone(),
            origin: arrival.origin().clone(),
        });
        match arrival.body().as_ref() {
            b"panic" => panic!("a bug"),
            b"full" => Admission::Full,
            b"slow" => {
                self.release.acquire().await.unwrap().forget();
                Admission::Outcome(Outcome::Delivered(204))
            }
            _ => Admission::Kept,
        }
    }

    fn overloaded(&self, authentic: Authentic) -> Admission {
        self.overloaded.lock().unwrap().push(authentic.arrival().id());
        Admission::Full
    }

    fn turned_away(&self, route: Option<&Arc<str>>, refusal: Refusal, origin: &Origin) {
        assert_eq!(route.is_some(), refusal != Refusal::NoRoute);
        assert!(origin.peer.is_some());
        self.away.lock().unwrap().push(refusal);
    }

    fn called(&self, route: &Arc<str>) {
        self.calls.lock().unwrap().push((Arc::clone(route), None));
    }

    fn answered(&self, call: &Answered<'_>) {
        let Some(route) = call.route else { return };
        let ended = (Arc::clone(route), Some((call.method, call.status)));
        self.calls.lock().unwrap().push(ended);
    }
}

/// A listener with the stub behind it.
struct World {
    address: SocketAddr,
    certificates: Option<Certificates>,
    stub: Arc<Stub>,
    tasks: Tasks,
    ended: CancellationToken,
}

fn server() -> Server {
    Server {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
        tls: None,
        body_limit: 64 * 1024,
        header_timeout: LONG,
        body_timeout: LONG,
        max_connections: 1000,
        max_in_flight: 10,
        drain_grace: Duration::ZERO,
        drain_timeout: LONG,
        public_url: None,
    }
}

impl World {
    fn new(change: impl FnOnce(&mut Server)) -> Self {
        let mut server = server();
        change(&mut server);
        let bound = bind(&server, &mut Passed::default()).unwrap();
        let world = Self {
            address: bound.local_addr(),
            certificates: bound.certificates(),
            stub: Arc::default(),
            tasks: Tasks::default(),
            ended: CancellationToken::new(),
        };
        let (stub, tasks, ended) =
            (Arc::clone(&world.stub), world.tasks.clone(), world.ended.clone());
        world.tasks.spawn("ingress", async move {
            bound.serve(stub, &tasks).await;
            ended.cancel();
        });
        world
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// One call on a connection of its own: the answer's head and body.
    async fn call(&self, raw: impl AsRef<[u8]>) -> String {
        exchange(&mut self.connect().await, raw).await
    }
}

/// Polls until it holds.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(patience.await.is_ok(), "never came: {what}");
}

/// Sends, and reads one answer.
async fn exchange<S>(stream: &mut S, raw: impl AsRef<[u8]>) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(raw.as_ref()).await.unwrap();
    answer_of(stream).await
}

/// One answer: up to the empty line, then as many bytes as it says.
async fn answer_of(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
        let byte = byte.expect("an answer in time");
        head.push(byte.unwrap_or_else(|error| {
            panic!("{error} after {:?}", String::from_utf8_lossy(&head));
        }));
    }
    let mut text = String::from_utf8(head).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    text.push_str(std::str::from_utf8(&body).unwrap());
    text
}

/// Waits for the end of the connection; what came until then.
async fn end_of(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut rest = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest));
    // A reset is an end as well.
    let _ended = reading.await.expect("the connection ends in time");
    String::from_utf8(rest).unwrap()
}

/// The status of an answer.
fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).unwrap_or_default();
    word.parse().unwrap_or_else(|_| panic!("{answer:?}"))
}

/// A call to this path with these header lines.
fn post(path: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{lines}\r\n{body}")
}

fn signature(body: &str) -> String {
    let mac = oracle(SECRET.as_bytes(), body.as_bytes());
    format!("X-Spark-Signature: {mac}\r\n")
}

/// An authentic call to the first route.
fn event(body: &str) -> String {
    post("/hooks/helpdesk", &signature(body), body)
}

fn forgery(body: &str) -> String {
    let line = format!("X-Spark-Signature: {}\r\n", "0".repeat(40));
    post("/hooks/helpdesk", &line, body)
}
