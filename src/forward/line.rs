//! One connection to a bot. Whoever has a request on it drives it, in his own task: no task of its own, nothing to wake
//! up twice for. What nobody uses is not driven; what came meanwhile is read before the next request is written.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::task::coop::unconstrained;

use super::reply;
use crate::rt::{Ration, Rationed};

pub(super) type Call = Request<Full<Bytes>>;

/// What a connection goes over: a port, TLS, a unix socket. Behind a pointer, so that the rest is the same for all.
pub(super) type Wire = Box<dyn Duplex>;

pub(super) trait Duplex: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Duplex for T {}

/// The longest head of an answer, in bytes: more than frameworks write. It is also what is looked through at once of
/// interim answers without end, while other events wait for this thread.
const HEAD: usize = 16 * 1024;

/// What may come before the head of an answer: many interim answers (RFC 9110, section 15.2), but not without end. All
/// of them are read in the time of events for other bots.
const BEFORE_THE_ANSWER: usize = 64 * 1024;

/// How long a bot that has answered early may go on reading what it was sent.
const FLUSHING: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection was over, or something unasked had come, before the first byte of the request was written.
    Unsent(Box<Call>, Box<str>),
    /// The bot may have the request.
    Broke(Box<str>),
}

/// A connection to a bot.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// None when it is over.
    connection: Option<Driven>,
    ration: Ration,
}

type Driven = Connection<TokioIo<Rationed<TokioIo<Wire>>>, Full<Bytes>>;

impl Line {
    pub(super) async fn over(wire: Wire) -> hyper::Result<Box<Self>> {
        let (rationed, ration) = Rationed::new(TokioIo::new(wire));
        let wire = TokioIo::new(rationed);
        let (sender, connection) = Builder::new().max_buf_size(HEAD).handshake(wire).await?;
        Ok(Box::new(Self { sender, connection: Some(connection), ration }))
    }

    /// The head of the answer. Nothing is written before what had come is read: an answer that nobody asked for is never
    /// taken for the answer to this.
    pub(super) fn answer(
        &mut self,
        call: Box<Call>,
    ) -> impl Future<Output = Result<Response<Incoming>, Failure>> + Send + '_ {
        // Only `step` brings an answer, and it is looked for after each: nobody has to be woken for it, nor may the
        // runtime's budget put the look off, since then nobody would be.
        self.ration.is(BEFORE_THE_ANSWER);
        let mut answer = Box::pin(unconstrained(self.sender.try_send_request(*call)));
        let (connection, ration) = (&mut self.connection, &self.ration);
        poll_fn(move |cx| {
            step(connection, cx);
            let answer = answer.as_mut().poll(&mut unwoken());
            if answer.is_ready() {
                ration.is(usize::MAX);
            }
            answer.map_err(failure)
        })
    }

    /// Goes on while somebody reads what comes over it, and nothing else.
    pub(super) async fn alongside<F: Future>(&mut self, reading: F) -> F::Output {
        let mut reading = pin!(unconstrained(reading));
        let reading = poll_fn(|cx| match reading.as_mut().poll(&mut unwoken()) {
            Poll::Ready(read) => Poll::Ready(read),
            Poll::Pending => {
                step(&mut self.connection, cx);
                reading.as_mut().poll(&mut unwoken())
            }
        });
        reading.await
    }

    /// Whether it can take another request.
    pub(super) fn is_spare(&self) -> bool {
        self.sender.is_ready()
    }

    /// The bot has answered; what it has not read of the request by now, it may still read.
    pub(super) async fn flushed(&mut self) {
        let (connection, sender) = (&mut self.connection, &self.sender);
        let flushed = poll_fn(|cx| {
            step(connection, cx);
            if connection.is_none() || sender.is_ready() { Poll::Ready(()) } else { Poll::Pending }
        });
        if tokio::time::timeout(FLUSHING, flushed).await.is_err() {
            tracing::debug!("a bot did not read the rest of what it has answered");
        }
    }

    /// Itself, if it can take another request: the last answer is over, and nothing more has come. From here on it wakes
    /// nobody.
    pub(super) fn spare(mut self: Box<Self>) -> Option<Box<Self>> {
        step(&mut self.connection, &mut unwoken());
        self.sender.is_ready().then_some(self)
    }

    /// Says goodbye, which TLS asks for, but waits for nothing.
    pub(super) fn close(self) {
        let Self { sender, connection, ration: _ } = self;
        drop(sender);
        if let Some(mut connection) = connection {
            let _closed_either_way = Pin::new(&mut connection).poll(&mut unwoken());
        }
    }
}

/// Writes and reads what can be. A connection that is over is dropped: what it had not begun to send comes back.
fn step(connection: &mut Option<Driven>, cx: &mut Context<'_>) {
    let over = |driven: &mut Connection<_, _>| driven.poll_without_shutdown(cx).is_ready();
    if connection.as_mut().is_some_and(over) {
        *connection = None;
    }
}

fn unwoken() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn failure(mut error: TrySendError<Call>) -> Failure {
    let call = error.take_message();
    let cause = reply::cause(&error.into_error());
    match call {
        Some(call) => Failure::Unsent(Box::new(call), cause),
        None => Failure::Broke(cause),
    }
}
