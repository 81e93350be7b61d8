//! The runtime: the only reader of the clock, tasks whose panics are seen, reads that are capped.

mod ration;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::{Builder, Uuid};

use crate::gate::moment::Moment;
pub use ration::{Ration, Rationed};

/// An hour before the first look at the clock: moments a little earlier than that have a tick too.
static START: LazyLock<Instant> = LazyLock::new(|| {
    let now = Instant::now();
    now.checked_sub(Duration::from_hours(1)).unwrap_or(now)
});

/// Both clocks, now. The wall clock is looked at anew after [`SAME_WALL`]; in between it goes on with the other one.
pub fn now() -> Moment {
    let tick = START.elapsed();
    Moment { wall: walls(tick), tick }
}

/// For how long the two clocks are taken to go alike. An event looks at them twenty times; a record says milliseconds, and
/// a clock that somebody sets may be told this much later.
const SAME_WALL: Duration = Duration::from_millis(5);

/// The wall clock at this tick.
fn walls(tick: Duration) -> SystemTime {
    thread_local! {
        /// When it was looked at, and what it said.
        static LOOKED: Cell<Option<(Duration, SystemTime)>> = const { Cell::new(None) };
    }
    let goes_on = |(then, wall): (Duration, SystemTime)| {
        let since = tick.checked_sub(then).filter(|since| *since < SAME_WALL)?;
        wall.checked_add(since)
    };
    LOOKED.get().and_then(goes_on).unwrap_or_else(|| {
        let wall = wall();
        LOOKED.set(Some((tick, wall)));
        wall
    })
}

/// How long ago a moment was at least ([`Moment::surely_since`]): for figures, which need one clock only.
pub fn surely_since(earlier: Moment) -> Duration {
    START.elapsed().saturating_sub(earlier.tick)
}

/// Something whose length is measured, by one clock.
#[derive(Clone, Copy, Debug)]
pub struct Began(Instant);

/// It begins now.
pub fn begin() -> Began {
    Began(Instant::now())
}

impl Began {
    /// How long ago that was.
    pub fn took(self) -> Duration {
        self.0.elapsed()
    }
}

/// The wall clock, now.
pub fn wall_now() -> SystemTime {
    wall()
}

/// The clock that supervisors compare with (`CLOCK_MONOTONIC`), since some moment before the start.
pub fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
fn wall() -> SystemTime {
    SystemTime::now()
}

/// Random bits for jitter and ids; not for secrets. The system is asked for a key once, and a hash of a counter under it
/// follows: to ask the system again for each event costs as much as to verify one.
pub fn entropy() -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    KEY.hash_one(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A fresh id, whose order is that of time (`UUIDv7`).
pub fn new_id(now: Moment) -> Uuid {
    let since = now.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 10];
    let bytes = entropy().to_be_bytes().into_iter().chain(entropy().to_be_bytes());
    random.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Tasks that are waited for at the end, and told to end.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs it beside everything else. A panic in it is logged and ends nothing but itself.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Nothing of a task that panicked is looked at afterwards: what it shares is whole after each step.
        // In a box: the runtime moves what it is given six times, and the way of an event is 9 KB.
        let caught = AssertUnwindSafe(Box::pin(task)).catch_unwind();
        spawned(self.tracker.track_future(async move {
            if caught.await.is_err() {
                tracing::error!(task = name, "a task panicked; this is a bug, please report it");
            }
        }));
    }

    /// Cancelled when everything should end.
    pub fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Tells every task to end, and waits for them at most this long. Whether all have ended.
    pub async fn stop(&self, within: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(within, self.tracker.wait()).await.is_ok()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
fn spawned(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Runs what may block, such as reading a file from a volume that hangs, where it holds up nobody. None if it panicked.
pub async fn blocking<T, F>(work: F) -> Option<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.ok()
}

/// Whether more work may be sent here: a check by name for everything that must be in order.
#[derive(Clone, Debug)]
pub struct Readiness {
    checks: Arc<Mutex<Checks>>,
    stop: CancellationToken,
    draining: CancellationToken,
}

/// Whether this was the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// It was drained before.
    Before,
    /// It is from now on.
    Now,
}

/// What each check says: in order, or why not.
pub type Checks = BTreeMap<Box<str>, Result<(), Box<str>>>;

impl Readiness {
    /// Ready as long as every check is in order and these tasks are not told to end.
    pub fn new(tasks: &Tasks) -> Self {
        let (stop, draining) = (tasks.stop_token().clone(), CancellationToken::new());
        Self { checks: Arc::default(), stop, draining }
    }

    /// This is in order.
    pub fn ok(&self, check: &str) {
        self.locked().insert(check.into(), Ok(()));
    }

    /// This is not in order, for a reason that holds no secret.
    pub fn not_ok(&self, check: &str, reason: impl Into<Box<str>>) {
        self.locked().insert(check.into(), Err(reason.into()));
    }

    /// Nobody looks at this any more.
    pub fn forget(&self, check: &str) {
        self.locked().remove(check);
    }

    /// Not ready from now on, until the end. It ends nothing.
    pub fn drain(&self) -> Drained {
        let _one_at_a_time = self.locked();
        if self.draining.is_cancelled() {
            return Drained::Before;
        }
        self.draining.cancel();
        Drained::Now
    }

    /// Whether everything is in order.
    pub fn ready(&self) -> bool {
        !self.ends() && self.locked().values().all(Result::is_ok)
    }

    fn ends(&self) -> bool {
        self.stop.is_cancelled() || self.draining.is_cancelled()
    }

    /// Every check, with whether the process is about to end among them.
    pub fn checks(&self) -> Checks {
        let mut checks = self.locked().clone();
        let shutdown = if self.ends() { Err("draining".into()) } else { Ok(()) };
        checks.insert("shutdown".into(), shutdown);
        checks
    }

    /// A panic elsewhere leaves the map whole: each change is one insertion or removal.
    fn locked(&self) -> MutexGuard<'_, Checks> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More than this many bytes.
    #[error("more than {0} bytes")]
    TooLarge(usize),
    /// The other side went away, or broke the protocol.
    #[error("the other side stopped sending")]
    Broken,
}

/// Reads a body to its end, but never more than `limit` bytes of it.
pub async fn read_capped<B>(mut body: B, limit: usize) -> Result<Bytes, ReadError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(ReadError::TooLarge(limit));
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(ReadError::Broken);
        };
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        if whole.len() + chunk.len() > limit {
            return Err(ReadError::TooLarge(limit));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(chunk);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_order_of_time() {
        let early = now();
        let late = early.plus(Duration::from_millis(2));
        assert!(new_id(early) < new_id(late));
        assert_ne!(new_id(early), new_id(early));
        assert_eq!(new_id(early).get_version_num(), 7);
    }

    #[tokio::test]
    async fn draining_makes_it_unready_and_ends_nothing() {
        let tasks = Tasks::default();
        let readiness = Readiness::new(&tasks);
        assert_eq!((readiness.drain(), readiness.drain()), (Drained::Now, Drained::Before));
        assert!(!readiness.ready() && !tasks.stop_token().is_cancelled());
        assert_eq!(readiness.checks()["shutdown"], Err("draining".into()));
    }

    #[test]
    fn a_check_of_something_that_is_gone_says_nothing() {
        let readiness = Readiness::new(&Tasks::default());
        readiness.not_ok("token gone", "refused by Webex");
        readiness.forget("token gone");
        assert!(readiness.ready() && !readiness.checks().contains_key("token gone"));
    }

    #[tokio::test]
    async fn one_check_or_the_end_makes_it_unready() {
        let tasks = Tasks::default();
        let readiness = Readiness::new(&tasks);
        assert!(readiness.ready(), "nothing speaks against it");
        readiness.ok("configuration");
        readiness.not_ok("token helpdesk", "refused by Webex");
        assert!(!readiness.ready());
        readiness.ok("token helpdesk");
        assert!(readiness.ready());
        tasks.stop_token().cancel();
        assert!(!readiness.ready());
        assert_eq!(readiness.checks()["shutdown"], Err("draining".into()));
    }
}
