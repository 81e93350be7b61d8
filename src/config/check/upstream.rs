//! `upstream`: where the bot listens.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use http::Uri;
use http::uri::PathAndQuery;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw::Gateway;
use super::super::raw_routes::{Route, UpstreamMap};
use super::super::secrets;
use super::super::source::Source;
use super::super::words::Spelled;
use super::super::{Address, Upstream};
use super::headers;
use crate::gate::retry::Schedule;
use crate::gate::secret::Secret;

pub(super) fn check(
    all: &Gateway,
    route: &Route,
    base: &Path,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Option<Upstream> {
    let base = base.key("upstream");
    let Some(upstream) = &route.upstream else {
        findings.missing(&base);
        return None;
    };
    let at = if upstream.short { base.clone() } else { base.key("url") };
    let address = address(&upstream.map, &at, findings);
    if let Some(address) = &address {
        whereabouts(all, address, &at, findings);
    }
    let sign = sign(&upstream.map, &base, findings, source);
    let headers = headers::check(&upstream.map.headers, &base.key("headers"), findings);
    Some(Upstream {
        address: address?,
        connect_timeout: upstream.map.connect_timeout.0,
        timeout: upstream.map.timeout.0,
        max_in_flight: upstream.map.max_in_flight,
        retry: Schedule { from: upstream.map.retry.from.0, up_to: upstream.map.retry.up_to.0 },
        pass_signature: upstream.map.pass_signature,
        sign: sign.ok()?,
        headers,
    })
}

fn address(map: &UpstreamMap, at: &Path, findings: &mut Findings<'_>) -> Option<Address> {
    let Some(url) = &map.url else {
        findings.missing(at);
        return None;
    };
    let read = match url.strip_prefix("unix:") {
        Some(rest) => unix(rest),
        None => tcp(url),
    };
    let refuse = |(message, hint): (&str, &str)| {
        findings.add(at, Problem::new(Code::BadUrl, message).hint(hint));
    };
    read.map_err(refuse).ok()
}

type Refused = (&'static str, &'static str);

fn unix(rest: &str) -> Result<Address, Refused> {
    let (socket, path) = rest.split_once(':').unwrap_or((rest, "/"));
    let hint = "unix:/run/bot.sock, or unix:/run/bot.sock:/path";
    if !socket.starts_with('/') || socket.starts_with("//") || socket.ends_with('/') {
        return Err(("a socket is named by its whole path", hint));
    }
    let path = Some(path).filter(|path| path.starts_with('/') && !path.contains('#'));
    let path = path.and_then(|path| path.parse::<PathAndQuery>().ok());
    Ok(Address::Unix {
        socket: PathBuf::from(socket),
        path: path.ok_or(("what follows the socket is not a path", hint))?,
    })
}

fn tcp(url: &str) -> Result<Address, Refused> {
    let hint = "such as http://127.0.0.1:5000/ or unix:/run/bot.sock";
    let uri: Uri = url.parse().map_err(|_no_echo| ("this is not a URL", hint))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(("only http, https and unix are possible here", hint));
    }
    let authority = uri.authority().ok_or(("this is not a URL", hint))?;
    if authority.as_str().contains('@') {
        let hint = "upstream.headers can carry one in a header, if it must be";
        return Err(("a URL must not hold a user name or password", hint));
    }
    if url.contains('#') || authority.host().is_empty() {
        return Err(("this is not a URL that can be called", hint));
    }
    if authority.port().is_none() && authority.as_str() != authority.host() {
        return Err(("this is not a port", hint));
    }
    Ok(Address::Tcp(uri))
}

/// Warns of bots that others may reach, and refuses to call oneself.
fn whereabouts(all: &Gateway, address: &Address, at: &Path, findings: &mut Findings<'_>) {
    let Address::Tcp(uri) = address else { return };
    let listeners = [Some(&all.server.listen), all.ops.listen.as_ref()];
    let mut own = listeners.into_iter().flatten().filter_map(|Spelled(listen)| listen.address());
    if own.any(|listen| is_same(uri, listen)) {
        let message = "the gateway itself listens there";
        findings
            .add(at, Problem::new(Code::Loop, message).hint("the address of the bot belongs here"));
    } else if !is_loopback(uri) {
        let message = "the bot may be reachable around the gateway";
        let problem = Problem::new(Code::WayAround, message);
        findings.add(
            at,
            problem.hint("let it listen on 127.0.0.1 or a unix socket, or close its port"),
        );
    }
}

fn ip(uri: &Uri) -> Option<IpAddr> {
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    host.parse().ok()
}

fn is_loopback(uri: &Uri) -> bool {
    let named = uri.host().is_some_and(|host| host.eq_ignore_ascii_case("localhost"));
    named || ip(uri).is_some_and(|ip| ip.to_canonical().is_loopback())
}

fn is_same(uri: &Uri, listen: SocketAddr) -> bool {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let everywhere = listen.ip().is_unspecified() && is_loopback(uri);
    let unspecified = ip(uri).is_some_and(|ip| ip.is_unspecified());
    let same_host = ip(uri) == Some(listen.ip())
        || everywhere
        || (unspecified || ip(uri).is_none() && is_loopback(uri)) && listen.ip().is_loopback();
    same_host && uri.port_u16().unwrap_or(usual) == listen.port()
}

/// An error when there should be a key and there is none.
fn sign(
    map: &UpstreamMap,
    base: &Path,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Result<Option<Secret>, ()> {
    let Some(sign) = &map.sign else {
        return Ok(None);
    };
    let at = base.key("sign").key("secret");
    let Some(reference) = &sign.secret else {
        findings.missing(&at);
        return Err(());
    };
    let secret = secrets::read(findings, &at, reference, source).ok_or(())?;
    let key = secrets::webhook_key(secret).map_err(|problem| findings.add(&at, problem))?;
    secrets::check_variety(findings, &at, &key);
    Ok(Some(key))
}
