//! When a connection is at rest: its last answer is on its way, and nothing came since.
//!
//! HTTP holds two buffers of 8 KiB and room for a call as long as it lasts. A caller who only keeps a connection open
//! for its next call needs none of that: it is taken down at rest, and set up again by the next byte.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::muffle::{Muffle, Wakes};

/// Who calls again within this time finds everything in place: to set it up anew is a tenth of a call. It is short, so
/// that of many who call once only the last few hold buffers.
const MOMENT: Duration = Duration::from_millis(50);

// The phases, in the order in which a call goes through them.
/// Something was read, or a call is under way.
const BUSY: u8 = 0;
/// An answer is to be written.
const ANSWERED: u8 = 1;
/// It is on its way.
const FLUSHED: u8 = 2;
/// And there is nothing to read.
const QUIET: u8 = 3;
/// That was so when the moment began.
const RESTING: u8 = 4;

/// How far a connection is from rest: known to its stream, to its calls and to who serves it, which are one task.
#[derive(Debug)]
pub(super) struct Lull {
    phase: AtomicU8,
    muffle: Muffle,
}

impl Lull {
    pub(super) fn new() -> Self {
        Self { phase: AtomicU8::new(BUSY), muffle: Muffle::new() }
    }

    /// A call begins.
    pub(super) fn begins(&self) {
        self.is(BUSY);
    }

    /// It has its answer, of which nothing is written yet.
    pub(super) fn ends(&self) {
        self.is(ANSWERED);
    }

    fn phase(&self) -> u8 {
        self.phase.load(Ordering::Relaxed)
    }

    fn is(&self, phase: u8) {
        self.phase.store(phase, Ordering::Relaxed);
    }

    fn moves(&self, from: u8, to: u8) {
        if self.phase() == from {
            self.is(to);
        }
    }

    /// Serves until it is over, or (`None`) until it was at rest for a moment.
    pub(super) async fn between<T>(
        &self,
        mut serve: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        let (mut moment, mut runs) = (pin!(sleep(MOMENT)), false);
        std::future::poll_fn(|cx| match self.muffle.step(cx, &mut serve, || self.wakes()) {
            Poll::Ready(over) => Poll::Ready(Some(over)),
            Poll::Pending => self.poll_rest(cx, moment.as_mut(), &mut runs).map(|()| None),
        })
        .await
    }

    /// At rest, only the stream and this moment are waited for, and the time that HTTP gives the next call, which is
    /// longer than the moment.
    fn wakes(&self) -> Wakes {
        if self.phase() >= QUIET { Wakes::AreOld } else { Wakes::Count }
    }

    /// One look at the clock for a moment, not for each call of a busy connection.
    fn poll_rest(
        &self,
        cx: &mut Context<'_>,
        mut moment: Pin<&mut Sleep>,
        runs: &mut bool,
    ) -> Poll<()> {
        while self.phase() >= QUIET {
            if *runs {
                ready!(moment.as_mut().poll(cx));
                *runs = false;
                if self.phase() == RESTING {
                    return Poll::Ready(());
                }
            }
            moment.as_mut().reset(Instant::now() + MOMENT);
            self.is(RESTING);
            *runs = true;
        }
        Poll::Pending
    }
}

/// A stream that knows how far it is from rest.
#[derive(Debug)]
pub(super) struct Observed<'a, S> {
    stream: S,
    /// Read before, and to be read again.
    early: Bytes,
    lull: &'a Lull,
}

impl<'a, S> Observed<'a, S> {
    pub(super) fn new(stream: S, early: Bytes, lull: &'a Lull) -> Self {
        Self { stream, early, lull }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// What was read already comes first.
    fn again(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early.split_to(length));
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _muffled: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.has_remaining() {
            self.again(buffer);
            return Poll::Ready(Ok(()));
        }
        let lull = self.lull;
        let stream = Pin::new(&mut self.stream);
        let read = lull.muffle.past(|cx| stream.poll_read(cx, buffer));
        if read.is_pending() {
            lull.moves(FLUSHED, QUIET);
        } else {
            lull.is(BUSY);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Observed<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    /// HTTP flushes when it has written everything, so the answer is on its way.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.lull.moves(ANSWERED, FLUSHED);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lull.is(BUSY);
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
