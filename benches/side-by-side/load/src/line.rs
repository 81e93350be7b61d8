//! One connection: what is still to be written, and what was read of it so far.

use std::io::{self, Read as _, Write as _};

use mio::net::TcpStream;

/// Longer heads belong to nobody here.
const MAX_HEAD: usize = 64 * 1024;

pub(crate) struct Line {
    stream: TcpStream,
    out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    /// What is still to come of a body that nobody reads.
    skip: usize,
}

/// What a look at the socket found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// All is read for now.
    Open,
    /// The other side has closed, or the connection broke.
    Closed,
}

impl Line {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, out: Vec::new(), written: 0, input: Vec::new(), skip: 0 })
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Where the next message is put.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Writes as much as goes.
    pub(crate) fn flush(&mut self) -> Look {
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return Look::Closed,
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if waits(&error) => return Look::Open,
                Err(_) => return Look::Closed,
            }
        }
        self.out.clear();
        self.written = 0;
        Look::Open
    }

    /// Reads what there is. A read that does not fill the buffer was the last one; a missed one is told again.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Look {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Look::Closed,
                Ok(n) => {
                    self.keep(buffer.get(..n).unwrap_or_default());
                    if n < buffer.len() {
                        return Look::Open;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if waits(&error) => return Look::Open,
                Err(_) => return Look::Closed,
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.input.extend_from_slice(bytes.get(skipped..).unwrap_or_default());
    }

    /// What is read and not yet taken.
    pub(crate) fn input(&self) -> &[u8] {
        &self.input
    }

    /// Takes a head, and lets go of the body behind it as it comes.
    pub(crate) fn take(&mut self, head: usize, body: usize) {
        let there = (head + body).min(self.input.len());
        self.skip = head + body - there;
        self.input.drain(..there);
    }

    /// Whether a body is still coming.
    pub(crate) fn skipping(&self) -> bool {
        self.skip > 0
    }

    pub(crate) fn is_overlong(&self) -> bool {
        self.input.len() > MAX_HEAD
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

/// The length that headers tell, and whether the connection is kept.
pub(crate) struct Frame {
    pub(crate) length: Option<usize>,
    pub(crate) closes: bool,
}

impl Frame {
    pub(crate) fn of(headers: &[httparse::Header<'_>]) -> Self {
        let named = |name: &str| {
            let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            header.and_then(|header| std::str::from_utf8(header.value).ok()).map(str::trim)
        };
        Self {
            length: match named("transfer-encoding") {
                Some(_) => None,
                None => named("content-length").map_or(Some(0), |text| text.parse().ok()),
            },
            closes: named("connection").is_some_and(|text| text.eq_ignore_ascii_case("close")),
        }
    }
}
