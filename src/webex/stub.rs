//! A Webex of a few lines, for misbehaving on the wire.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::config::{Proxy, Webex};
use crate::gate::event::tests::{BOT, ROOM, uuid};
use crate::gate::id::{PersonId, RoomId};
use crate::gate::policy::tests::{EXAMPLE, OTHER, org};
use crate::gate::policy::{AppUsers, Audience, Demands, Mode, Policy};
use crate::rt::Tasks;

/// What the stub does with a call.
pub(crate) enum Act {
    /// Writes these bytes and closes.
    Write(String),
    /// Says nothing.
    Hang,
    /// Closes.
    Drop,
}

/// What was called.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Stub {
    pub(crate) api: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Stub {
    /// Answers the n-th call (from 0) as `script` says.
    pub(crate) async fn start(
        script: impl Fn(usize, &Call) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}/v1", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (log, script, tasks) = (Arc::clone(&calls), Arc::new(script), Tasks::default());
        tasks.clone().spawn("stub", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, script) = (Arc::clone(&log), Arc::clone(&script));
                tasks.spawn("stub call", answer(stream, log, move |n, call| script(n, call)));
            }
        });
        Self { api, calls }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.target).collect()
    }
}

async fn answer(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Call>>>,
    script: impl Fn(usize, &Call) -> Act,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let mut body = vec![0; length(&head)];
    stream.read_exact(&mut body).await.unwrap();
    let call = Call { target, head, body: String::from_utf8(body).unwrap() };
    let n = {
        let mut log = log.lock().unwrap();
        log.push(call.clone());
        log.len() - 1
    };
    match script(n, &call) {
        Act::Write(text) => drop(stream.write_all(text.as_bytes()).await),
        Act::Hang => std::future::pending().await,
        Act::Drop => {}
    }
}

fn length(head: &str) -> usize {
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(0, |length| length.parse().unwrap())
}

/// A whole answer.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Act {
    let mut text = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    write!(text, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    Act::Write(text)
}

/// A page, and where it says the next one is.
pub(crate) fn page(items: &[Value], next: Option<&str>) -> Act {
    let body = json!({ "items": items }).to_string();
    match next {
        Some(next) => reply(200, &[("link", &format!("<{next}>; rel=\"next\""))], &body),
        None => reply(200, &[], &body),
    }
}

pub(crate) fn item(person: u128, org: u128) -> Value {
    json!({
        "id": "m", "roomId": room().as_str(), "personId": uuid(person), "personOrgId": uuid(org),
        "personEmail": "x@example.com", "personDisplayName": "X"
    })
}

/// The bot, and insiders up to `count` members in all.
pub(crate) fn staff(count: u128) -> Vec<Value> {
    let others = (0..count - 1).map(|n| item(1000 + n, EXAMPLE));
    std::iter::once(item(BOT, OTHER)).chain(others).collect()
}

pub(crate) fn room() -> RoomId {
    RoomId::parse(&uuid(ROOM)).unwrap()
}

/// Insiders are of EXAMPLE.
pub(crate) fn policy() -> Policy {
    Policy {
        mode: Mode::Enforce,
        allowed_orgs: [org(EXAMPLE)].into(),
        trusted_bots: HashSet::new(),
        app_users: AppUsers::Deny,
        max_members: 5000,
        max_event_age: Duration::from_mins(10),
        demands: Demands::default(),
    }
}

pub(crate) fn audience() -> Audience {
    policy().audience(PersonId::parse(&uuid(BOT)).unwrap().key())
}

/// Quick, so that tests are.
pub(crate) fn config(api: &str) -> Webex {
    Webex {
        api: api.parse().unwrap(),
        proxy: Proxy::Direct,
        ca_file: None,
        timeout: Duration::from_millis(300),
        max_in_flight: 8,
        requests_per_minute: 60_000,
        attempts: 3,
        give_up_after: Duration::from_secs(2),
    }
}
