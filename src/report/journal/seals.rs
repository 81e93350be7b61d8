//! What stands under a seal, and whether the run before ended in one.

use serde::{Deserialize, Serialize};

use super::chain::Link;
use crate::gate::seal::{Forged, SealKey};

/// How the run before ended, as the next start finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SealedBefore {
    /// In a last seal of the key that is in use now.
    Yes,
    /// In something else: it was killed, it had another key, or somebody has changed the log since.
    No,
    /// There was none, as far as is known; on stdout, nothing is.
    None,
}

#[derive(Deserialize)]
struct Under {
    count: u64,
    head: Box<str>,
}

/// The seal is under everything that stands before it in its line, and that names the line before.
pub(super) fn genuine(
    link: &Link,
    bytes: &[u8],
    check: impl FnOnce(&[u8], &str) -> Result<(), Forged>,
) -> Result<(), Forged> {
    let under: Under = serde_json::from_slice(bytes).map_err(|_no_echo| Forged)?;
    let signature = format!(",\"signature\":\"{}\",\"seq\":{}", link.said.signature, link.head.seq);
    let at = bytes.windows(signature.len()).position(|part| part == signature.as_bytes());
    let body = at.and_then(|at| bytes.get(..at)).ok_or(Forged)?;
    let fits =
        (under.count.saturating_add(1), &*under.head) == (link.head.seq, &*link.prev.to_string());
    if fits { check(body, &link.said.signature) } else { Err(Forged) }
}

/// Whether these bytes, the last line of a run, are a last seal of this key.
pub(super) fn ends(bytes: &[u8], key: &SealKey) -> SealedBefore {
    let Ok(link) = Link::read(bytes) else { return SealedBefore::No };
    let last = &*link.said.kind == "checkpoint" && link.said.last;
    match genuine(&link, bytes, |body, seal| key.check(body, seal)) {
        Ok(()) if last => SealedBefore::Yes,
        Ok(()) | Err(Forged) => SealedBefore::No,
    }
}
