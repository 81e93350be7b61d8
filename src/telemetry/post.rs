//! One batch, sent to the collector once.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode};
use tokio::time::timeout;
use url::Url;

use super::wire::Answer;

/// For one batch, with the answer: the default of the OTLP specification.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A collector answers `{}`, or how much it did not take and why. What is longer is not read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why a batch was not taken. Nothing in it is the collector's text, or its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untaken {
    /// There is no connection, or it broke.
    #[error("it cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("it does not answer in time")]
    Late,
    /// It says no.
    #[error("it answers {0}")]
    Refused(StatusCode),
}

/// How many items of a batch the collector did not take, or why it took none.
pub(super) type Sent = Result<u64, Untaken>;

/// Sends it.
pub(super) async fn send(client: &Client, to: &Url, batch: Vec<u8>, within: Duration) -> Sent {
    let request = client.post(to.clone()).header(CONTENT_TYPE, "application/json").body(batch);
    let exchange = async {
        let response = request.send().await.map_err(|_no_address_in_logs| Untaken::Unreachable)?;
        match response.status() {
            status if status.is_success() => Ok(rejected(response).await),
            status => Err(Untaken::Refused(status)),
        }
    };
    timeout(within, exchange).await.unwrap_or(Err(Untaken::Late))
}

/// What was answered with success was taken, unless the answer says otherwise in the way of the specification.
async fn rejected(mut response: Response) -> u64 {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return 0;
        }
        body.extend_from_slice(&chunk);
    }
    let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
    answer.partial_success.rejected()
}
