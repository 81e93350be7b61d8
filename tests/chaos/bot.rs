//! A bot that may be slow, rude or away, and writes down what it got.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::clock::{At, now};
use crate::dice::Dice;
use crate::mac::sha256;

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manner {
    Answers(u16),
    /// Without an answer.
    Closes,
    /// Longer than the gateway waits.
    Hangs,
    /// Breaks the connection off.
    Resets,
    /// Answers 200 after so many milliseconds, in time.
    Takes(u64),
}

/// What the gateway has promised to do after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The bot has it.
    Nothing,
    /// Come again.
    Again,
    /// Come again once.
    Once,
}

impl Manner {
    pub(crate) fn next(self) -> Next {
        match self {
            Self::Answers(429 | 502 | 503 | 504) => Next::Again,
            Self::Answers(_) | Self::Hangs | Self::Takes(_) => Next::Nothing,
            Self::Closes | Self::Resets => Next::Once,
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Answers(status) => format!("bot answers {status}"),
            Self::Closes => "bot hangs up".to_owned(),
            Self::Hangs => "bot hangs".to_owned(),
            Self::Resets => "bot resets".to_owned(),
            Self::Takes(_) => "bot is slow".to_owned(),
        }
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) at: At,
    pub(crate) decision: String,
    pub(crate) route: String,
    pub(crate) body: String,
    /// When the list was read, as the gateway says.
    pub(crate) checked: Option<At>,
    pub(crate) manner: Manner,
}

#[derive(Debug)]
struct Desk {
    hits: Vec<Hit>,
    /// Usually well-behaved, otherwise one of these.
    moods: Vec<Manner>,
    dice: Dice,
}

#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    listening: Option<JoinHandle<()>>,
}

impl Bot {
    pub(crate) fn start(address: SocketAddr, dice: Dice) -> Self {
        let desk = Arc::new(Mutex::new(Desk { hits: Vec::new(), moods: Vec::new(), dice }));
        let mut bot = Self { address, desk, listening: None };
        bot.returns();
        bot
    }

    /// Nobody listens any more; conversations that go on go on.
    pub(crate) async fn leaves(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            let _aborted = listening.await;
        }
    }

    pub(crate) fn returns(&mut self) {
        if self.listening.is_none() {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(self.address).unwrap();
            let listener = socket.listen(256).unwrap();
            self.listening = Some(tokio::spawn(listen(listener, Arc::clone(&self.desk))));
        }
    }

    /// From now on, every third request is met in one of these manners.
    pub(crate) fn moods(&self, moods: Vec<Manner>) {
        self.desk.lock().unwrap().moods = moods;
    }

    /// What came since the last time.
    pub(crate) fn take(&self) -> Vec<Hit> {
        std::mem::take(&mut self.desk.lock().unwrap().hits)
    }
}

async fn listen(listener: TcpListener, desk: Arc<Mutex<Desk>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&desk)));
    }
}

async fn converse(mut stream: TcpStream, desk: Arc<Mutex<Desk>>) {
    while let Some((head, body)) = request(&mut stream).await {
        let status = match note(&desk, &head, &body) {
            Manner::Answers(status) => status,
            Manner::Closes => return,
            Manner::Hangs => return tokio::time::sleep(Duration::from_secs(8)).await,
            Manner::Resets => return stream.set_zero_linger().unwrap(),
            Manner::Takes(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                200
            }
        };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nno");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn note(desk: &Mutex<Desk>, head: &str, body: &[u8]) -> Manner {
    let (at, mut desk) = (now(), desk.lock().unwrap());
    let changes = !desk.moods.is_empty() && desk.dice.percent(33);
    let moods = desk.moods.clone();
    let manner = if changes { *desk.dice.pick(&moods) } else { Manner::Answers(200) };
    desk.hits.push(Hit {
        at,
        decision: header(head, "botwarden-decision-id").unwrap(),
        route: header(head, "botwarden-route").unwrap(),
        body: sha256(body),
        checked: header(head, "botwarden-checked-at").map(|text| crate::clock::read(&text)),
        manner,
    });
    manner
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().to_owned())
}

async fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length: usize = header(&head, "content-length").unwrap().parse().unwrap();
            if bytes.len() >= end + 4 + length {
                return Some((head, bytes[end + 4..].to_vec()));
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(length) if length > 0 => bytes.extend_from_slice(&more[..length]),
            _ => return None,
        }
    }
}
