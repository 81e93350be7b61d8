//! Stock legacy bots behind the gateway: simulator and gateway in this process, the bot a Python process of its own.
//!
//! The bots know nothing of the gateway; all they are told is a URL for their webhooks and one for the Webex API.
//! `tests/legacy/setup.sh` makes the Python environment; without it, every test here says that it was skipped.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests may fail loudly, read the environment, and trust the size of answers from the same machine"
)]

mod bot;
mod headers;
mod python;
mod site;
mod stories;

use std::future::Future;
use std::time::Duration;

/// On a busy machine Python needs seconds to start.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Asks until there is an answer, and fails when there is none in time.
pub(crate) async fn patiently<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asking).await;
    answer.unwrap_or_else(|_elapsed| panic!("in vain: {what}"))
}
