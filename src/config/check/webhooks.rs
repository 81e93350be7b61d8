//! `bots.*.webhooks`: whether and how webhooks are looked after.

use url::Url;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw::Gateway;
use super::super::raw_upkeep as raw;
use super::super::words::Spelled;
use super::super::{Manage, Webhooks};
use super::events;

pub(super) fn check(
    all: &Gateway,
    raw: &raw::Webhooks,
    base: &Path,
    findings: &mut Findings<'_>,
) -> Webhooks {
    let manage = manage(all, raw);
    nowhere(all, manage, base, findings);
    let at = base.key("events");
    events::repeated(&raw.events, &at, findings);
    if raw.events.is_empty() && manage != Manage::None && !findings.is_unfit(&at) {
        let problem = Problem::new(Code::MissingKey, "there are no events: this list is empty");
        findings.add(&at, problem.hint("such as [messages.created], or `manage: none`"));
    }
    for (number, target) in raw.foreign.iter().enumerate() {
        if let Err(problem) = foreign(all, target) {
            findings.add(&base.key("foreign").item(number), problem);
        }
    }
    Webhooks {
        manage,
        every: raw.every.0,
        foreign: raw.foreign.iter().map(|target| target.as_str().into()).collect(),
    }
}

/// As typed; or else webhooks are looked at as soon as it is known where they should lead.
pub(super) fn manage(all: &Gateway, raw: &raw::Webhooks) -> Manage {
    match (raw.manage, &all.server.public_url) {
        (Some(raw::Manage::Ensure), _) => Manage::Ensure,
        (Some(raw::Manage::Check), _) | (None, Some(_)) => Manage::Check,
        (Some(raw::Manage::None), _) | (None, None) => Manage::None,
    }
}

fn nowhere(all: &Gateway, manage: Manage, base: &Path, findings: &mut Findings<'_>) {
    let is_known = all.server.public_url.is_some();
    if manage == Manage::None || is_known || findings.is_lost(&Path::of(["server", "public_url"])) {
        return;
    }
    let message = "nobody knows where webhooks should lead";
    let hint = "server.public_url, or BOTWARDEN_PUBLIC_URL: what Webex reaches the gateway by";
    findings.add(&base.key("manage"), Problem::new(Code::NoPublicUrl, message).hint(hint));
}

/// A target is not repeated: in the URLs of others may be their secrets. On the host of the gateway others may have
/// their place too, but not where a route is.
fn foreign(all: &Gateway, target: &str) -> Result<(), Problem> {
    let wrong = |message: &str| Problem::new(Code::BadUrl, message);
    let hint = "a target as `botwarden webhooks list` shows it";
    let url = Url::parse(target).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| wrong("this is not a URL that Webex could call").hint(hint))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a URL must not hold a user name or password").hint(hint));
    }
    let is_route = all.routes.values().any(|route| route.path.as_deref() == Some(url.path()));
    let taken = "what a route takes is not foreign";
    match &all.server.public_url {
        Some(Spelled(public)) if is_route && public.0.origin() == url.origin() => {
            Err(wrong("this leads to a route of the gateway itself").hint(taken))
        }
        Some(Spelled(public)) if is_route && server(&public.0) == server(&url) => {
            let message = "this leads to a route of the gateway, by another spelling of its host";
            Err(Problem::new(Code::OtherSpelling, message).hint(taken))
        }
        Some(_) | None => Ok(()),
    }
}

/// A dot behind the name of a host changes nothing.
fn server(url: &Url) -> (&str, Option<&str>, Option<u16>) {
    let host = url.host_str().map(|host| host.trim_end_matches('.'));
    (url.scheme(), host, url.port_or_known_default())
}
