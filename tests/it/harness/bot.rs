//! A bot that writes down what it gets, to the byte, and answers as the test likes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener};
use tokio::task::{JoinHandle, JoinSet};

use super::eventually;
use super::wire::header;

/// What the bot does with a request that it has read.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    Answers(u16),
    /// Without an answer.
    Closes,
    /// Answers 200, and does not stop.
    Floods,
    /// Until the test ends.
    Hangs,
    /// Answers 200 when the test says so.
    Waits,
    /// Breaks the connection off.
    Resets,
    /// Answers 200, with these words.
    Says(&'static str),
}

/// A request, as it was on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        let names = self.head.lines().filter_map(|line| line.split_once(':'));
        names.filter(|(key, _)| key.eq_ignore_ascii_case(name)).count()
    }

    /// The id of the message or membership that it tells of.
    pub(crate) fn subject(&self) -> String {
        let envelope: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        envelope["data"]["id"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Book {
    requests: Vec<Request>,
    connections: usize,
    once: VecDeque<Manner>,
    usual: Option<Manner>,
    busy: usize,
    busiest: usize,
}

#[derive(Clone, Default)]
struct Desk {
    book: Arc<Mutex<Book>>,
    release: Arc<tokio::sync::Notify>,
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    fn take(&self, request: Request) -> Manner {
        let mut book = self.book();
        book.requests.push(request);
        book.busy += 1;
        book.busiest = book.busiest.max(book.busy);
        let manner = book.once.pop_front().or_else(|| book.usual.clone());
        manner.unwrap_or(Manner::Answers(200))
    }

    fn done(&self) {
        self.book().busy -= 1;
    }
}

pub(crate) struct Bot {
    pub(crate) url: String,
    desk: Desk,
    serving: JoinHandle<()>,
}

impl Bot {
    pub(crate) async fn start() -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// On a port that somebody had before.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        Self::serve(socket.listen(64).unwrap())
    }

    fn serve(listener: TcpListener) -> Self {
        let (url, desk) =
            (format!("http://{}/bot", listener.local_addr().unwrap()), Desk::default());
        let taking = take_tcp(listener, desk.clone());
        Self { url, desk, serving: tokio::spawn(taking) }
    }

    pub(crate) fn on_unix_socket(path: &Path) -> Self {
        let (listener, desk) = (UnixListener::bind(path).unwrap(), Desk::default());
        let taking = take_unix(listener, desk.clone());
        let url = format!("unix:{}:/bot", path.display());
        Self { url, desk, serving: tokio::spawn(taking) }
    }

    /// Ends; its port is free afterwards.
    pub(crate) async fn stop(&mut self) -> SocketAddr {
        self.serving.abort();
        let _aborted = (&mut self.serving).await;
        let authority = self.url.trim_start_matches("http://").trim_end_matches("/bot");
        authority.parse().unwrap()
    }

    pub(crate) fn usually(&self, manner: Manner) {
        self.desk.book().usual = Some(manner);
    }

    /// The next requests are answered so.
    pub(crate) fn next(&self, manners: impl IntoIterator<Item = Manner>) {
        self.desk.book().once.extend(manners);
    }

    /// Lets everybody go on who waits.
    pub(crate) fn release(&self) {
        self.desk.release.notify_waiters();
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.desk.book().requests.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.desk.book().requests.len()
    }

    /// Connections that it was called over, in all.
    pub(crate) fn connections(&self) -> usize {
        self.desk.book().connections
    }

    /// Most requests at one time.
    pub(crate) fn busiest(&self) -> usize {
        self.desk.book().busiest
    }

    /// Waits for that many requests; more are a mistake.
    pub(crate) async fn got(&self, count: usize) -> Vec<Request> {
        eventually!(self.count() >= count);
        assert_eq!(self.count(), count, "more than expected");
        self.requests()
    }
}

async fn take_tcp(listener: TcpListener, desk: Desk) {
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        conversations.spawn(tcp(stream, desk.clone()));
    }
}

async fn tcp(mut stream: TcpStream, desk: Desk) {
    desk.book().connections += 1;
    if converse(&mut stream, &desk).await {
        stream.set_zero_linger().unwrap();
    }
}

async fn take_unix(listener: UnixListener, desk: Desk) {
    let mut conversations = JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let desk = desk.clone();
        conversations.spawn(async move { converse(&mut stream, &desk).await });
    }
}

/// One connection, request by request. Whether it is to be reset.
async fn converse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), desk: &Desk) -> bool {
    while let Some(request) = read(stream).await {
        let (manner, mut words) = (desk.take(request), "no");
        let status = match manner {
            Manner::Answers(status) => status,
            Manner::Closes => return false,
            Manner::Floods => return flood(stream).await,
            Manner::Hangs => std::future::pending().await,
            Manner::Waits => {
                desk.release.notified().await;
                200
            }
            Manner::Resets => return true,
            Manner::Says(said) => {
                words = said;
                200
            }
        };
        desk.done();
        let length = words.len();
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{words}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return false;
        }
    }
    false
}

/// Until the other side has enough of it.
async fn flood(stream: &mut (impl AsyncWrite + Unpin)) -> bool {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n";
    let mut going = stream.write_all(head).await.is_ok();
    while going {
        going = stream.write_all(&[b' '; 8192]).await.is_ok();
    }
    false
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = whole(&bytes) {
            return Some(request);
        }
        let mut more = [0; 4096];
        let length = tokio::time::timeout(Duration::from_mins(1), stream.read(&mut more)).await;
        match length {
            Ok(Ok(length)) if length > 0 => bytes.extend_from_slice(&more[..length]),
            _ => return None,
        }
    }
}

fn whole(bytes: &[u8]) -> Option<Request> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length: usize = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
    let body = bytes[end + 4..].to_vec();
    (body.len() >= length).then_some(Request { head, body })
}
