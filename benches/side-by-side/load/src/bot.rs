//! A bot that answers every event at once, and tells on GET how many came.

use std::io;
use std::net::SocketAddr;

use mio::event::Event;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

use super::Failure;
use super::line::{Frame, Line, Look};

const LISTENER: Token = Token(usize::MAX);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

struct Bot {
    poll: Poll,
    listener: TcpListener,
    lines: Vec<Option<Line>>,
    free: Vec<usize>,
    count: u64,
    buffer: Vec<u8>,
}

pub(crate) fn run(address: SocketAddr) -> Result<(), Failure> {
    let poll = Poll::new()?;
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("{{\"listen\":\"{}\"}}", listener.local_addr()?);
    let (lines, free, buffer) = (Vec::new(), Vec::new(), vec![0; 64 * 1024]);
    let mut bot = Bot { poll, listener, lines, free, count: 0, buffer };
    let mut events = Events::with_capacity(1024);
    loop {
        match bot.poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            done => done?,
        }
        for event in &events {
            bot.turn(event)?;
        }
    }
}

impl Bot {
    fn turn(&mut self, event: &Event) -> io::Result<()> {
        if event.token() == LISTENER {
            return self.accept();
        }
        let Token(at) = event.token();
        if let Some(Some(line)) = self.lines.get_mut(at)
            && answer(line, &mut self.buffer, &mut self.count) == Look::Closed
        {
            self.lines.get_mut(at).map(Option::take);
            self.free.push(at);
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let mut line = Line::new(stream)?;
            let at = self.free.pop().unwrap_or_else(|| {
                self.lines.push(None);
                self.lines.len() - 1
            });
            let both = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(line.stream(), Token(at), both)?;
            self.lines.get_mut(at).map(|place| place.replace(line));
        }
    }
}

/// Answers all that is there.
fn answer(line: &mut Line, buffer: &mut [u8], count: &mut u64) -> Look {
    let look = line.fill(buffer);
    while !line.skipping() && !line.input().is_empty() {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        let head = match request.parse(line.input()) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) if !line.is_overlong() => break,
            _ => return Look::Closed,
        };
        let Some(body) = Frame::of(request.headers).length else { return Look::Closed };
        let asks = request.method == Some("GET");
        line.take(head, body);
        if asks {
            tell(line.out(), *count);
        } else {
            *count += 1;
            line.out().extend_from_slice(OK);
        }
    }
    if line.flush() == Look::Closed { Look::Closed } else { look }
}

fn tell(out: &mut Vec<u8>, count: u64) {
    let text = count.to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
    out.extend_from_slice((head + &text).as_bytes());
}
