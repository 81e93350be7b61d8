//! What others may ask of the running gateway.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot};

use crate::admin::{Control, NotReloaded, Reloaded};
use crate::report::{Happening, Lifecycle, Reporter, Turn};
use crate::rt::{self, Drained, Readiness};

/// What became of a reload.
pub(super) type Outcome = Result<Reloaded, NotReloaded>;

/// Where somebody waits for it.
pub(super) type Reply = oneshot::Sender<Outcome>;

/// Reloads that somebody waits for. More wait for their place first.
const WAITING: usize = 16;

/// Drains and reloads. A cheap clone of a handle is as good as the handle.
#[derive(Clone, Debug)]
pub struct Handle {
    readiness: Readiness,
    reporter: Arc<Reporter>,
    requests: mpsc::Sender<Reply>,
    nudge: Arc<Notify>,
}

/// What the task that reloads listens to.
pub(in crate::cli) type Requests = (mpsc::Receiver<Reply>, Arc<Notify>);

impl Handle {
    pub(in crate::cli) fn new(readiness: Readiness, reporter: Arc<Reporter>) -> (Self, Requests) {
        let (requests, receiver) = mpsc::channel(WAITING);
        let nudge = Arc::new(Notify::new());
        let handle = Self { readiness, reporter, requests, nudge: Arc::clone(&nudge) };
        (handle, (receiver, nudge))
    }

    /// Reads the configuration again soon; nobody waits for it.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }
}

impl Control for Handle {
    fn drain(&self) {
        if self.readiness.drain() == Drained::Now {
            tracing::info!("draining: not ready from now on; events are still taken");
            let turn = Turn { at: rt::now().wall, what: Lifecycle::Draining };
            self.reporter.emit(&Happening::Lifecycle(&turn));
        }
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async move {
            let (reply, outcome) = oneshot::channel();
            // What cannot be sent comes back, and must not be kept: it would be waited for.
            drop(self.requests.send(reply).await);
            outcome.await.unwrap_or_else(|_at_its_end| {
                Err(NotReloaded { file: Box::default(), problems: Vec::new() })
            })
        })
    }
}
