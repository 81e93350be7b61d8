//! Does the gateway that runs accept the new secret? It is asked with two calls that cannot become events.

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use url::Url;

use super::fresh::random;
use crate::cli::wire::Wire;
use crate::gate::secret::Secret;
use crate::gate::signature::{HEADER, KeyRing, SigningKey};

/// Authentic and malformed: it is answered 200, recorded, and goes no further.
const BODY: &[u8] = b"{}";

/// Why the webhooks are left as they are.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unproved {
    #[error(
        "the gateway at {url} does not accept the new secret (it answered {status})\n  reload every gateway with both secrets in `webhook_secret`, and run this again"
    )]
    Refused { url: Url, status: u16 },
    #[error(
        "the gateway at {url} cannot be asked: {why}\n  start it, or say where it is with --gateway, or go on without asking with --no-canary"
    )]
    Unreachable { url: Url, why: String },
    #[error(
        "whoever listens at {url} answers {status} to a forged call too, so that its answer proves nothing\n  go on without asking with --no-canary, once you know that every gateway accepts both"
    )]
    Meaningless { url: Url, status: u16 },
}

/// A secret that nobody can know must be refused, and the new one accepted.
pub(super) async fn sing(url: &Url, new: &Secret) -> Result<(), Unproved> {
    let unreachable = |why: String| Unproved::Unreachable { url: url.clone(), why };
    let nobodys = random().map_err(|problem| unreachable(problem.to_string()))?;
    let (wire, url) = (Wire::new(), url.clone());
    let forged = call(&wire, &url, &nobodys).await.map_err(unreachable)?;
    if is_taken(forged) {
        return Err(Unproved::Meaningless { url, status: forged });
    }
    match call(&wire, &url, new).await.map_err(unreachable)? {
        status if is_taken(status) => Ok(()),
        status => Err(Unproved::Refused { url, status }),
    }
}

fn is_taken(status: u16) -> bool {
    (200..300).contains(&status)
}

async fn call(wire: &Wire, url: &Url, secret: &Secret) -> Result<u16, String> {
    let key = SigningKey::new(secret).map_err(|weak| weak.to_string())?;
    let signature = KeyRing::new(vec![key]).sign(BODY).unwrap_or_default();
    let request = Request::post(url.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(HEADER.clone(), signature)
        .body(Full::new(Bytes::from_static(BODY)));
    let request = request.map_err(|bad| bad.to_string())?;
    wire.send(request).await.map(|answer| answer.status).map_err(|problem| problem.to_string())
}
