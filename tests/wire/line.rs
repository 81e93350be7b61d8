//! A caller's connection, over which every byte is the test's own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::net::TcpSocket;

/// No answer and no end takes this long, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

trait Stream: Read + Write + Send {
    /// Asks for new keys, with TLS.
    fn rekey(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for TcpStream {}

impl Stream for StreamOwned<ClientConnection, TcpStream> {
    fn rekey(&mut self) -> io::Result<()> {
        self.conn.refresh_traffic_keys().map_err(io::Error::other)?;
        self.flush()
    }
}

pub(crate) struct Line {
    stream: Box<dyn Stream>,
    socket: TcpStream,
    heard: Vec<u8>,
    silent: bool,
}

/// What is left of a connection after its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The other side says no more.
    Closed,
    /// It goes on: a path that does not exist gets 404.
    Open,
    /// The next answer is another one.
    Says(u16),
}

impl Line {
    pub(crate) fn to(address: &str) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    fn over(socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream: Box::new(socket.try_clone().unwrap()),
            socket,
            heard: Vec::new(),
            silent: false,
        }
    }

    /// With a handshake, which is made as soon as something is said.
    pub(crate) fn secure(address: &str, client: &Arc<ClientConfig>) -> Self {
        let mut line = Self::to(address);
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::clone(client), name).unwrap();
        line.stream = Box::new(StreamOwned::new(client, line.socket.try_clone().unwrap()));
        line
    }

    /// An early answer may meet a caller who still speaks.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// So many times, with TLS.
    pub(crate) fn new_keys(&mut self, times: usize) -> io::Result<()> {
        self.stream.flush()?;
        (0..times).try_for_each(|_| self.stream.rekey())
    }

    /// The status of the next answer; none at the end.
    pub(crate) fn answer(&mut self) -> Option<u16> {
        let (status, rest) = loop {
            if let Some(whole) = answer(&self.heard) {
                break whole;
            }
            self.hear()?;
        };
        self.heard.drain(..rest);
        Some(status)
    }

    /// Reads a little; none at the end, and when nothing comes. A reset is an end.
    fn hear(&mut self) -> Option<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(count) if count > 0 => self.heard.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.silent = true;
                return None;
            }
            _ => return None,
        }
        Some(())
    }

    /// Every answer until the end, which must come.
    pub(crate) fn rest(&mut self) -> Vec<u16> {
        let answers = std::iter::from_fn(|| self.answer()).collect();
        assert!(!self.silent, "after {answers:?} the connection does not end");
        answers
    }

    /// Whether it is over, or says more first.
    pub(crate) fn ended(&mut self) -> Then {
        match self.answer() {
            Some(status) => Then::Says(status),
            None if self.silent => Then::Open,
            None => Then::Closed,
        }
    }

    /// What was heard and is no answer; to be looked at after the end.
    pub(crate) fn left(&self) -> &[u8] {
        &self.heard
    }

    /// Whether another call is answered over the same connection.
    pub(crate) fn then(&mut self) -> Then {
        let asked = self.say("GET /probe HTTP/1.1\r\nHost: h\r\n\r\n");
        match asked.ok().and_then(|()| self.answer()) {
            Some(404) => Then::Open,
            Some(other) => Then::Says(other),
            None => Then::Closed,
        }
    }

    /// The raw connection, to be written to beside whoever reads.
    pub(crate) fn writer(&self) -> TcpStream {
        self.socket.try_clone().unwrap()
    }

    /// Says that nothing more will be said.
    pub(crate) fn finish(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Breaks off, so that the other side's kernel is told (RST).
    pub(crate) fn reset(self) {
        let runtime = runtime();
        let _entered = runtime.enter();
        self.socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::TcpStream::from_std(self.socket.try_clone().unwrap()).unwrap();
        socket.set_zero_linger().unwrap();
    }

    /// How long a write may wait until the other side takes it.
    pub(crate) fn writes_within(&self, time: Duration) {
        self.socket.set_write_timeout(Some(time)).unwrap();
    }

    /// Waits for the end without reading an answer; how long it took.
    pub(crate) fn broken_off(&mut self) -> Duration {
        let began = Instant::now();
        while self
            .say("x")
            .map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |()| true)
        {
            assert!(began.elapsed() < PATIENCE, "it is never broken off");
        }
        began.elapsed()
    }
}

/// Status and length of a whole answer. One with 1xx, to HEAD or of no length has no body.
fn answer(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap().to_ascii_lowercase();
    let status = head.strip_prefix("http/1.")?.get(2..5)?.parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let whole = end + length.map_or(0, |length| length.parse().unwrap());
    (bytes.len() >= whole).then_some((status, whole))
}

/// Many connections that say nothing yet, from several addresses of this machine.
pub(crate) fn many(count: usize, address: &str) -> Vec<TcpStream> {
    let (runtime, to): (_, SocketAddr) = (runtime(), address.parse().unwrap());
    let connect = |n: usize| {
        let from = Ipv4Addr::new(127, 0, 0, u8::try_from(2 + n % 8).unwrap());
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((from, 0).into()).unwrap();
            tokio::time::timeout(PATIENCE, socket.connect(to)).await.unwrap().unwrap()
        });
        let stream = stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    };
    (0..count).map(connect).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
