//! How long a reader may take for an answer.
//!
//! What is not read yet is held in memory, and a connection that reads nothing would hold it for ever; one that reads a
//! byte now and then, nearly so. So the time is that of the whole answer. Streams go on as long as their readers want:
//! whoever answers with one sees to slow readers.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::SizeHint;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The longest page, metrics of a hundred routes, has some 10 MB; scrapers give up after ten seconds.
pub(crate) const READ_WITHIN: Duration = Duration::from_secs(10);

/// A stream that fails when an answer is not read in time.
#[derive(Debug)]
pub(crate) struct Timely<S> {
    stream: S,
    answer: Kind,
    late: Option<Pin<Box<Sleep>>>,
}

/// What is being written: said by whoever answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kind(Arc<AtomicBool>);

impl Kind {
    /// Only the length of a stream is not known beforehand.
    pub(crate) fn is(&self, answer: &SizeHint) {
        self.0.store(answer.exact().is_none(), Ordering::Relaxed);
    }

    fn lasts(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> Timely<S> {
    pub(crate) fn new(stream: S, answer: Kind) -> Self {
        Self { stream, answer, late: None }
    }

    pub(super) fn inner(&self) -> &S {
        &self.stream
    }

    /// The time begins when the reader is behind.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.answer.lasts() {
            self.late = None;
        } else if self.late.is_none() && written.is_pending() {
            self.late = Some(Box::pin(tokio::time::sleep(READ_WITHIN)));
        }
        if self.late.as_mut().is_some_and(|late| late.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timely<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// HTTP flushes when everything was written, so the answer is on its way.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.late = None;
        }
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timely<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}
