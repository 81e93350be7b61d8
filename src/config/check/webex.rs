//! `webex`: how the gateway asks.

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw;
use super::super::words::{Way, is_loopback};
use super::super::{Proxy, Webex};
use super::{Around, files};

pub(super) fn check(raw: &raw::Webex, findings: &mut Findings<'_>, around: Around<'_>) -> Webex {
    let api = raw.api.0.0.clone();
    if api.scheme() == "http" && !is_loopback(&api) {
        let message = "the token would go over the net in clear";
        let problem = Problem::new(Code::BadUrl, message);
        findings.add(
            &Path::of(["webex", "api"]),
            problem.hint("https; http is for simulators on loopback"),
        );
    }
    let at = Path::of(["webex", "ca_file"]);
    let ca_file = raw.ca_file.as_ref();
    let ca_file = ca_file.map(|file| files::authorities(file, &at, findings, around));
    Webex {
        api,
        proxy: match &raw.proxy.0 {
            Way::Direct => Proxy::Direct,
            Way::Env => Proxy::Env,
            Way::Url(url) => Proxy::Url(url.clone()),
        },
        ca_file,
        timeout: raw.timeout.0,
        max_in_flight: raw.max_in_flight,
        requests_per_minute: raw.requests_per_minute,
        attempts: raw.retry.attempts,
        give_up_after: raw.retry.give_up_after.0,
    }
}
