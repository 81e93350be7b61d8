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
pub(super) const READ_WITHIN: Duration = Duration::from_secs(10);

/// A stream that fails when an answer is not read in time.
#[derive(Debug)]
pub(super) struct Timely<S> {
    stream: S,
    answer: Kind,
    late: Option<Pin<Box<Sleep>>>,
}

/// What is being written: said by whoever answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Kind(Arc<AtomicBool>);

impl Kind {
    /// Only the length of a stream is not known beforehand.
    pub(super) fn is(&self, answer: &SizeHint) {
        self.0.store(answer.exact().is_none(), Ordering::Relaxed);
    }

    fn lasts(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> Timely<S> {
    pub(super) fn new(stream: S, answer: Kind) -> Self {
        Self { stream, answer, late: None }
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;
    use http_body_util::{Full, StreamBody};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::{Instant, sleep, timeout};

    use super::super::calls;
    use super::*;

    const PAGE: usize = 1 << 20;

    /// How long the connection of this reader lasts; not more than this.
    async fn lasts(reading: impl Future<Output = ()>, gateway: DuplexStream) -> Option<Duration> {
        let began = Instant::now();
        let page = |_| async { Response::new(Full::new(Bytes::from(vec![b'x'; PAGE]))) };
        let serving = timeout(Duration::from_mins(10), calls::answer(gateway, page));
        tokio::select! {
            served = serving => served.ok().map(|()| began.elapsed()),
            () = reading => None,
        }
    }

    async fn asking() -> (DuplexStream, DuplexStream) {
        let (mut client, server) = duplex(4096);
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        (client, server)
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_cut_off_in_time() {
        let (_client, server) = asking().await;
        let lasted = lasts(std::future::pending(), server).await;
        assert!(lasted.is_some_and(|lasted| lasted <= READ_WITHIN + Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_a_little_now_and_then_is_cut_off_as_well() {
        let (mut client, server) = asking().await;
        let trickle = async {
            let mut piece = [0; 1024];
            while client.read(&mut piece).await.is_ok_and(|count| count > 0) {
                sleep(Duration::from_secs(1)).await;
            }
            std::future::pending::<()>().await;
        };
        let lasted = lasts(trickle, server).await;
        assert!(lasted.is_some_and(|lasted| lasted <= READ_WITHIN + Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_in_time_may_stay_and_ask_again() {
        let (mut client, server) = asking().await;
        let reading = async {
            for _ in 0..3 {
                let mut answer = vec![0; PAGE];
                client.read_exact(&mut answer).await.unwrap();
                sleep(READ_WITHIN * 2).await;
                assert_ne!(client.read(&mut [0; 4096]).await.unwrap(), 0, "the rest");
                client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
            }
        };
        assert_eq!(Box::pin(lasts(reading, server)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_not_cut_off_here() {
        let (_client, server) = asking().await;
        let endless = |_| async {
            let pieces = std::iter::repeat_with(|| {
                Ok(hyper::body::Frame::data(Bytes::from_static(&[b'x'; 4096])))
            });
            Response::new(StreamBody::new(futures_util::stream::iter(pieces)))
        };
        let serving = calls::answer(server, endless);
        assert!(timeout(READ_WITHIN * 10, serving).await.is_err(), "it still goes on");
    }
}
