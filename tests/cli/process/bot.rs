//! A bot that keeps what it gets, and can be held.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct Book {
    subjects: Mutex<Vec<String>>,
    held: Mutex<bool>,
    released: Condvar,
}

/// Serves until the test process ends.
#[derive(Clone)]
pub(crate) struct Bot {
    book: Arc<Book>,
    port: u16,
}

impl Bot {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let bot = Self { book: Arc::default(), port: listener.local_addr().unwrap().port() };
        let book = Arc::clone(&bot.book);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&book);
                std::thread::spawn(move || serve(&stream, &book));
            }
        });
        bot
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Takes what comes, and answers nobody.
    pub(crate) fn hold(&self) {
        *self.book.held.lock().unwrap() = true;
    }

    pub(crate) fn release(&self) {
        *self.book.held.lock().unwrap() = false;
        self.book.released.notify_all();
    }

    /// `data.id` of everything it got, in order.
    pub(crate) fn subjects(&self) -> Vec<String> {
        self.book.subjects.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, book: &Book) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(body) = request(&mut reader) {
        let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
        book.subjects
            .lock()
            .unwrap()
            .push(event.pointer("/data/id").unwrap().as_str().unwrap().to_owned());
        let held = book.held.lock().unwrap();
        drop(book.released.wait_while(held, |held| *held).unwrap());
        if writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// The body of the next request on a connection, or of the next answer.
pub(crate) fn request(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(said) = line.strip_prefix("content-length:") {
            length = said.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
