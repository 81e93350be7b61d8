//! `upstream.headers`: fixed extra headers. Their values may be secrets, so no message repeats one.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use crate::gate::handoff;

/// Headers of the message itself, beside those that the hand-over keeps for the gateway.
const OF_THE_MESSAGE: [&str; 3] = ["content-encoding", "content-type", "x-spark-signature"];

/// Servers take some hundred in all.
const MOST: usize = 64;

pub(super) fn check(
    raw: &BTreeMap<String, String>,
    base: &Path,
    findings: &mut Findings<'_>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if raw.len() > MOST {
        let message = format!("more than {MOST} headers for each event");
        findings.add(base, Problem::new(Code::BadHeader, message));
    }
    for (name, value) in raw.iter().take(MOST) {
        match read(name, value, &headers) {
            Ok((name, value)) => {
                headers.insert(name, value);
            }
            Err(problem) => findings.add(&base.key(name), problem),
        }
    }
    headers
}

fn read(
    name: &str,
    value: &str,
    headers: &HeaderMap,
) -> Result<(HeaderName, HeaderValue), Problem> {
    let bad = |message| Problem::new(Code::BadHeader, message);
    let key: HeaderName =
        name.parse().map_err(|_no_echo| bad("this is not the name of a header".to_owned()))?;
    if is_not_free(key.as_str()) {
        let message = format!("the header `{key}` is not free: the gateway sets or drops it");
        return Err(bad(message));
    }
    if headers.contains_key(&key) {
        return Err(bad(format!("the header `{key}` stands here twice")));
    }
    let value = HeaderValue::from_str(value);
    let mut value =
        value.map_err(|_no_echo| bad(format!("this cannot be the value of `{key}`")))?;
    value.set_sensitive(true);
    Ok((key, value))
}

/// Old servers take `_` for `-`, so both spellings are looked at.
fn is_not_free(name: &str) -> bool {
    let name = name.replace('_', "-");
    OF_THE_MESSAGE.contains(&&*name) || !handoff::passes(&name)
}
