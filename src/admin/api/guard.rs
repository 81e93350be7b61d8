//! Who is listened to. The rules are numbered in [`super`]; these are 1, 2, 5 and 6.

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;

use super::wrong::Wrong;
use crate::gate::pass::{Caller, Operator, Passes};

/// Rule 1: a page whose name was made to lead here (DNS rebinding) calls by that name. A port is not compared: behind
/// `kubectl port-forward` it is another one.
pub(super) fn addressed(head: &Parts, hosts: &[Box<str>]) -> Result<(), Wrong> {
    let mut named = head.headers.get_all(HOST).iter();
    let host = named.next().and_then(|host| host.to_str().ok());
    let only = named.next().is_none() && head.uri.authority().is_none();
    match host {
        Some(host) if only && is_among(host, hosts) => Ok(()),
        Some(_) | None => Err(Wrong::Host),
    }
}

/// Rule 2.
pub(super) fn known(head: &Parts, passes: &Passes) -> Result<Caller, Wrong> {
    let mut shown = head.headers.get_all(AUTHORIZATION).iter();
    let only = shown.next().filter(|_| shown.next().is_none());
    let token = only.and_then(|value| bearer(value.as_bytes())).ok_or(Wrong::Token)?;
    passes.admit(token).map_err(|_unknown| Wrong::Token)
}

/// The scheme is not case-sensitive (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: usize = "Bearer ".len();
    let (scheme, token) = value.split_at_checked(SCHEME)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// Rules 5 and 6.
pub(super) fn may_change(
    head: &Parts,
    caller: Caller,
    hosts: &[Box<str>],
    passes: &Passes,
) -> Result<Operator, Wrong> {
    let operator = caller.operator().map_err(|_viewer| {
        if passes.has_operator() { Wrong::ViewerToken } else { Wrong::NoOperator }
    })?;
    for origin in head.headers.get_all(ORIGIN) {
        let host = origin.to_str().ok().and_then(|text| text.split_once("://"));
        let ours = host.is_some_and(|(scheme, host)| {
            ["http", "https"].contains(&scheme) && is_among(host, hosts)
        });
        if !ours {
            return Err(Wrong::Origin);
        }
    }
    Ok(operator)
}

/// A host and perhaps a port, nothing else.
fn is_among(host: &str, hosts: &[Box<str>]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let plain = !authority.as_str().contains('@');
    plain && hosts.iter().any(|allowed| authority.host().eq_ignore_ascii_case(allowed))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::gate::secret::Secret;

    fn hosts() -> Vec<Box<str>> {
        ["localhost", "127.0.0.1", "[::1]"].map(Into::into).to_vec()
    }

    fn head(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn rule_1_only_by_its_own_names() {
        for host in ["localhost", "LocalHost:8083", "127.0.0.1:1", "[::1]", "[::1]:8083"] {
            assert_eq!(addressed(&head("/", &[("host", host)]), &hosts()), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "localhost@evil", "me@localhost", ""]
        {
            let refused = addressed(&head("/", &[("host", host)]), &hosts());
            assert_eq!(refused, Err(Wrong::Host), "{host}");
        }
        let both = head("http://evil.example/", &[("host", "localhost")]);
        assert_eq!(addressed(&both, &hosts()), Err(Wrong::Host));
        let twice = head("/", &[("host", "localhost"), ("host", "localhost")]);
        assert_eq!(addressed(&twice, &hosts()), Err(Wrong::Host));
        assert_eq!(addressed(&head("/", &[]), &hosts()), Err(Wrong::Host));
    }

    #[test]
    fn rule_2_one_token_of_ours() {
        let passes = Passes::new(&Secret::new(b"viewer-viewer".to_vec()), None);
        let shown = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
            known(&head("/", &headers), &passes).is_ok()
        };
        assert!(shown(&["Bearer viewer-viewer"]) && shown(&["bearer  viewer-viewer "]));
        assert!(!shown(&[]) && !shown(&["Basic viewer-viewer"]) && !shown(&["viewer-viewer"]));
        assert!(!shown(&["Bearer "]) && !shown(&["Bearer"]) && !shown(&["Bearer viewer"]));
        assert!(!shown(&["Bearer viewer-viewer", "Bearer viewer-viewer"]));
    }

    #[test]
    fn rules_5_and_6_operators_and_no_foreign_page() {
        let (viewer, operator) =
            (Secret::new(b"viewer".to_vec()), Secret::new(b"operator".to_vec()));
        let passes = Passes::new(&viewer, Some(&operator));
        let asked = |token: &[u8], origin: &[(&str, &str)]| {
            let caller = passes.admit(token).unwrap();
            may_change(&head("/", origin), caller, &hosts(), &passes).map(drop)
        };
        assert_eq!(asked(b"operator", &[]), Ok(()));
        assert_eq!(asked(b"viewer", &[]), Err(Wrong::ViewerToken));
        assert_eq!(asked(b"operator", &[("origin", "http://localhost:8083")]), Ok(()));
        for origin in ["null", "https://evil.example", "file://localhost", "localhost", ""] {
            let refused = asked(b"operator", &[("origin", origin)]);
            assert_eq!(refused, Err(Wrong::Origin), "{origin}");
        }
        let nobody = Passes::new(&viewer, None);
        let caller = nobody.admit(b"viewer").unwrap();
        let refused = may_change(&head("/", &[]), caller, &hosts(), &nobody);
        assert_eq!(refused.map(drop), Err(Wrong::NoOperator));
    }
}
