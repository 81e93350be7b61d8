//! The runtime: the only reader of the clock, tasks whose panics are seen, reads that are capped.

use std::future::Future;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gate::moment::Moment;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Both clocks, now. Under a paused tokio clock (tests) both move with it.
pub fn now() -> Moment {
    Moment { wall: wall(), tick: START.elapsed() }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
fn wall() -> SystemTime {
    SystemTime::now()
}

/// Random bits for jitter; not for secrets.
pub fn entropy() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1
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
