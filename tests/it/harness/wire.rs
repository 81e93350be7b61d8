//! HTTP by hand: the client decides about every byte.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer takes this long unless something is broken.
const LONGEST: Duration = Duration::from_secs(25);

/// What came back; status 0 when the connection ended without an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Self::default();
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

pub(crate) fn header(head: &str, name: &str) -> Option<String> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    let mut found = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    Some(found.next()?.1.trim().to_owned())
}

/// A whole call, after which the connection may close.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head =
        format!("POST {path} HTTP/1.1\r\nhost: bots.example.com\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    [head.as_bytes(), body].concat()
}

/// Sends these bytes and reads until the other side closes.
pub(crate) async fn call(address: SocketAddr, bytes: &[u8]) -> Answer {
    try_call(address, bytes).await.unwrap()
}

/// The same, unless nobody listens.
pub(crate) async fn try_call(address: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    // An early answer may meet a sender who is still sending.
    let _early_answer = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _reset_after_the_answer = timeout(LONGEST, stream.read_to_end(&mut answer)).await;
    Some(Answer::read(&answer))
}
