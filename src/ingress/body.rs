//! Reading a body within its limits.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::error::Elapsed;

use super::lot::{Lot, Place};
use crate::gate::refusal::Refusal;
use crate::rt::{ReadError, read_capped};

/// Up to here a body is small, and needs no place when it is there at once. Webex events have one to three KB; those
/// with a card's whole input stay below this as well.
pub(super) const SMALL: usize = 16 * 1024;

/// Small bodies at once that are still on their way: 2 MiB at most. One that comes in two pieces a millisecond apart is
/// cut off only by more than a hundred newcomers in that millisecond.
pub(super) const SLOW_AT_ONCE: usize = 128;

/// Large bodies at once, of calls that are not verified yet: with a limit of 1 MiB they take 64 MiB at most.
pub(super) const LARGE_AT_ONCE: usize = 64;

/// The limits of one body.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) bytes: usize,
    pub(super) time: Duration,
    /// The lot of large bodies.
    pub(super) large: Arc<Lot>,
    /// The lot of small bodies that are not there at once.
    pub(super) slow: Arc<Lot>,
}

/// A whole body, and its place if it needed one: to be given back once the call is verified or turned away.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    pub(super) place: Option<Place>,
}

/// Why there is no whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The caller went away, or what it sends is not HTTP.
    Broken,
    /// By one of rules 3 to 5.
    Refused(Refusal),
}

/// Rules 3 to 5: within the limit, in time, and only while its place is not needed for a newer one.
pub(super) async fn read(body: Incoming, limits: &Limits) -> Result<Whole, Unread> {
    let mut weighed = Weighed::new(body, limits);
    match in_time(read_capped(&mut weighed, limits.bytes), limits.time).await {
        Ok(Ok(bytes)) => Ok(Whole { bytes, place: weighed.place.into() }),
        Ok(Err(ReadError::TooLarge(_))) => Err(Unread::Refused(Refusal::BodyTooLarge)),
        Ok(Err(ReadError::Broken)) if weighed.starved => Err(Unread::Refused(Refusal::Overloaded)),
        Ok(Err(ReadError::Broken)) => Err(Unread::Broken),
        Err(_elapsed) => Err(Unread::Refused(Refusal::BodyTimeout)),
    }
}

/// What is there at once needs no timer.
async fn in_time<F: Future>(reading: F, limit: Duration) -> Result<F::Output, Elapsed> {
    let mut reading = pin!(reading);
    match poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
        Poll::Ready(read) => Ok(read),
        Poll::Pending => tokio::time::timeout(limit, reading).await,
    }
}

/// A body that takes a place:
///
/// 1. among the large ones, as soon as it is, or says that it will be, large …
/// 2. … else among the slow ones, when it has to be waited for.
struct Weighed<'a, B> {
    body: B,
    seen: u64,
    limits: &'a Limits,
    place: Held,
    starved: bool,
}

/// Where a body has its place.
#[derive(Debug)]
enum Held {
    Nowhere,
    Slow(Place),
    Large(Place),
}

impl Held {
    fn place(&mut self) -> Option<&mut Place> {
        match self {
            Self::Nowhere => None,
            Self::Slow(place) | Self::Large(place) => Some(place),
        }
    }
}

impl From<Held> for Option<Place> {
    fn from(held: Held) -> Self {
        match held {
            Held::Nowhere => None,
            Held::Slow(place) | Held::Large(place) => Some(place),
        }
    }
}

/// It goes no further: the caller broke off, or the place went to somebody else.
#[derive(Debug)]
struct Stopped;

impl<'a, B: Body<Data = Bytes> + Unpin> Weighed<'a, B> {
    fn new(body: B, limits: &'a Limits) -> Self {
        Self { body, seen: 0, limits, place: Held::Nowhere, starved: false }
    }

    /// Rule 1: `more` bytes are seen, or still announced.
    fn weigh(&mut self, more: u64) {
        let small = u64::try_from(SMALL).unwrap_or(u64::MAX);
        if !matches!(self.place, Held::Large(_)) && self.seen.saturating_add(more) > small {
            let place = self.limits.large.enter();
            self.take(place.map(Held::Large));
        }
    }

    /// Rule 2.
    fn wait(&mut self) {
        if matches!(self.place, Held::Nowhere) {
            let place = self.limits.slow.enter();
            self.take(place.map(Held::Slow));
        }
    }

    fn take(&mut self, place: Option<Held>) {
        self.starved = place.is_none();
        self.place = place.unwrap_or(Held::Nowhere);
    }

    /// Ready when the body may go on.
    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        if let Some(place) = self.place.place() {
            self.starved = ready!(place.poll_hold(cx)).is_err();
        }
        Poll::Ready(if self.starved { Err(Stopped) } else { Ok(()) })
    }

    /// What comes next, and a place to wait for it.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        if next.is_pending() {
            self.wait();
            let held = ready!(self.poll_place(cx));
            return held.map_or_else(|stopped| Poll::Ready(Some(Err(stopped))), |()| Poll::Pending);
        }
        next.map(|next| next.map(|frame| frame.map_err(|_broken| Stopped)))
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Weighed<'_, B> {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        let announced = self.body.size_hint().lower();
        self.weigh(announced);
        if let Err(stopped) = ready!(self.poll_place(cx)) {
            return Poll::Ready(Some(Err(stopped)));
        }
        let next = ready!(self.poll_next(cx));
        let Some(Ok(frame)) = next else { return Poll::Ready(next) };
        let length = frame.data_ref().map_or(0, Bytes::len);
        self.seen = self.seen.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        self.weigh(0);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
