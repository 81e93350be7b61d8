//! The runtime: the only reader of the clock, tasks whose panics are seen, reads that are capped.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::{NoContext, Timestamp, Uuid};

use crate::gate::moment::Moment;

/// An hour before the first look at the clock: moments a little earlier than that have a tick too.
static START: LazyLock<Instant> = LazyLock::new(|| {
    let now = Instant::now();
    now.checked_sub(Duration::from_hours(1)).unwrap_or(now)
});

/// Both clocks, now. Under a paused tokio clock (tests) both move with it.
pub fn now() -> Moment {
    Moment { wall: wall(), tick: START.elapsed() }
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

/// Random bits for jitter; not for secrets.
pub fn entropy() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

/// A fresh id, whose order is that of time (`UUIDv7`).
pub fn new_id(now: Moment) -> Uuid {
    let since = now.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos()))
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
        let inner = watched(self.tracker.track_future(task));
        self.tracker.spawn(async move {
            if let Err(error) = inner.await
                && error.is_panic()
            {
                tracing::error!(task = name, "a task panicked; this is a bug, please report it");
            }
        });
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
fn watched<F>(task: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task)
}

/// Whether more work may be sent here: a check by name for everything that must be in order.
#[derive(Clone, Debug)]
pub struct Readiness {
    checks: Arc<Mutex<Checks>>,
    stop: CancellationToken,
}

/// What each check says: in order, or why not.
pub type Checks = BTreeMap<Box<str>, Result<(), Box<str>>>;

impl Readiness {
    /// Ready as long as every check is in order and these tasks are not told to end.
    pub fn new(tasks: &Tasks) -> Self {
        Self { checks: Arc::default(), stop: tasks.stop_token().clone() }
    }

    /// This is in order.
    pub fn ok(&self, check: &str) {
        self.locked().insert(check.into(), Ok(()));
    }

    /// This is not in order, for a reason that holds no secret.
    pub fn not_ok(&self, check: &str, reason: impl Into<Box<str>>) {
        self.locked().insert(check.into(), Err(reason.into()));
    }

    /// Whether everything is in order.
    pub fn ready(&self) -> bool {
        !self.stop.is_cancelled() && self.locked().values().all(Result::is_ok)
    }

    /// Every check, with whether the process is about to end among them.
    pub fn checks(&self) -> Checks {
        let mut checks = self.locked().clone();
        let stopping = self.stop.is_cancelled();
        let shutdown = if stopping { Err("draining".into()) } else { Ok(()) };
        checks.insert("shutdown".into(), shutdown);
        checks
    }

    /// A panic elsewhere leaves the map whole: each change is one insertion.
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
