//! A bot that keeps every byte it gets, and answers as the test likes.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

/// What the bot does, one after the other, with a request that it has read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Writes this.
    Say(&'static str),
    /// Writes this until nobody reads it any more.
    Repeat(&'static str),
    /// Waits for the end of the connection.
    Hang,
    /// Ends the connection.
    Close,
}

pub(crate) const OK: Step = Step::Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

/// The body of a request, as it was on the wire, and when its last byte came.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) body: Vec<u8>,
    pub(crate) came: Instant,
}

#[derive(Default)]
struct Book {
    requests: Vec<Request>,
    /// Bytes that are no request, or come before the answer to one.
    strays: Vec<Vec<u8>>,
    /// For the next event with this in its body.
    scripts: VecDeque<(String, Vec<Step>)>,
    /// Connections that are over.
    ended: usize,
}

/// Serves until the test process ends.
#[derive(Clone)]
pub(crate) struct Bot {
    book: Arc<Mutex<Book>>,
    port: u16,
}

impl Bot {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let bot = Self { book: Arc::default(), port: listener.local_addr().unwrap().port() };
        let serving = bot.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let bot = serving.clone();
                std::thread::spawn(move || {
                    bot.serve(stream);
                    bot.book.lock().unwrap().ended += 1;
                });
            }
        });
        bot
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// What it does with the next event in whose body this stands, at one call after the other.
    pub(crate) fn next(&self, mark: &str, steps: &[Step]) {
        self.book.lock().unwrap().scripts.push_back((mark.to_owned(), steps.to_vec()));
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.book.lock().unwrap().requests.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.book.lock().unwrap().requests.len()
    }

    pub(crate) fn ended(&self) -> usize {
        self.book.lock().unwrap().ended
    }

    pub(crate) fn strays(&self) -> Vec<Vec<u8>> {
        self.book.lock().unwrap().strays.clone()
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut unread = Vec::new();
        while let Some(request) = self.request(&mut stream, &mut unread) {
            for step in self.kept(request, &unread) {
                if play(&mut stream, step).is_none() {
                    return;
                }
            }
        }
    }

    /// The next whole request; what came behind it stays in `unread`.
    fn request(&self, stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Request> {
        loop {
            if let Some((request, length)) = whole(unread) {
                unread.drain(..length);
                return Some(request);
            }
            let mut piece = [0; 4096];
            match stream.read(&mut piece) {
                Ok(count) if count > 0 => unread.extend_from_slice(&piece[..count]),
                _ => break,
            }
        }
        if !unread.is_empty() {
            self.book.lock().unwrap().strays.push(unread.clone());
        }
        None
    }

    fn kept(&self, request: Request, unread: &[u8]) -> Vec<Step> {
        let mut book = self.book.lock().unwrap();
        if !unread.is_empty() {
            book.strays.push(unread.to_vec());
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        book.requests.push(request);
        let script = book.scripts.iter().position(|(mark, _)| body.contains(mark.as_str()));
        let script = script.and_then(|at| book.scripts.remove(at));
        script.map_or_else(|| vec![OK], |(_, steps)| steps)
    }
}

/// None when the connection is over.
fn play(stream: &mut TcpStream, step: Step) -> Option<()> {
    match step {
        Step::Say(words) => stream.write_all(words.as_bytes()).ok(),
        Step::Repeat(words) => {
            let many = words.repeat(1 + 4096 / words.len());
            while stream.write_all(many.as_bytes()).is_ok() {}
            None
        }
        Step::Hang => {
            while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
            None
        }
        Step::Close => None,
    }
}

/// What only one hop may say, and what would say how long the body is in another way.
const NEVER: [&str; 7] =
    ["connection", "expect", "te", "trailer", "transfer-encoding", "upgrade", "keep-alive"];

/// Strictly: one host, one length, nothing of another hop. Whatever else comes is never whole, and ends among the strays.
fn whole(bytes: &[u8]) -> Option<(Request, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head: String = bytes[..end].iter().map(|byte| char::from(*byte)).collect();
    let low = head.to_ascii_lowercase();
    let fields: Vec<_> = low.lines().filter_map(|line| line.split_once(": ")).collect();
    let values = |name| fields.iter().filter(move |field| field.0 == name).map(|field| field.1);
    let ([length], [_host]) = (
        &values("content-length").collect::<Vec<_>>()[..],
        &values("host").collect::<Vec<_>>()[..],
    ) else {
        return None;
    };
    if NEVER.iter().any(|name| values(name).next().is_some()) {
        return None;
    }
    let length: usize = length.parse().ok()?;
    if !head.starts_with("POST / HTTP/1.1\r\n") && !head.starts_with("POST /?") {
        return None;
    }
    let body = bytes.get(end..end + length)?.to_vec();
    Some((Request { body, came: Instant::now() }, end + length))
}
