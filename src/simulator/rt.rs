//! Clock and tasks of the simulator, in one place.

use jiff::Timestamp;
use tokio::task::JoinHandle;

/// Now, for the dates in answers and logs.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Runs a task until it ends or is aborted.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator stands alone and aborts its own two tasks"
)]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}
