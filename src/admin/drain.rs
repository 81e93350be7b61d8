//! `/drain`: the gateway is to be sent no more events. It goes on taking those that come.
//!
//! Whoever reaches this listener (it may be every address of a pod) must not be able to take the gateway out of service:
//!
//! 1. The caller is on this machine …
//! 2. … and calls it by a name that only this machine has, once, which a page whose name was made to lead here does not;
//! 3. … and says nothing that a browser or a proxy adds: what a proxy hands on comes from anywhere.
//!
//! That it is posted is asked before ([`super::page`]): a link or a picture of a web page is not.

use std::net::{IpAddr, SocketAddr};

use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, USER_AGENT,
};
use http::{Request, StatusCode};

use super::Control;

/// What `botwarden drain`, curl and wget say. Browsers add `Origin`, `Sec-Fetch-…`, `Referer` and more; proxies and
/// meshes `Forwarded`, `X-Forwarded-…`, `Via`, `X-Request-Id` and names of their own. Nobody knows all of those.
const PLAIN: [HeaderName; 7] =
    [ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT];

/// What the caller hears, after it was done or not.
pub(super) fn answer<B>(
    request: &Request<B>,
    peer: SocketAddr,
    control: &dyn Control,
) -> (StatusCode, &'static str) {
    match trusted(request, peer) {
        Ok(Direct) => {
            control.drain();
            (StatusCode::OK, "not ready from now on; events that come are still taken\n")
        }
        Err(why) => (StatusCode::FORBIDDEN, why),
    }
}

/// A program on this machine calls, and for nobody else, as far as can be seen.
struct Direct;

fn trusted<B>(request: &Request<B>, peer: SocketAddr) -> Result<Direct, &'static str> {
    if !peer.ip().to_canonical().is_loopback() {
        return Err("only from this machine, such as by: botwarden drain\n");
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, more) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next());
    if !host.is_some_and(names_this_machine)
        || more.is_some()
        || request.uri().authority().is_some()
    {
        return Err("only by one name of this machine, such as by: botwarden drain\n");
    }
    if request.headers().keys().any(|name| !PLAIN.contains(name)) {
        return Err("not for web pages, and not through a proxy; such as by: botwarden drain\n");
    }
    Ok(Direct)
}

/// A name that only this machine has, as programs spell it; every other one could be anybody's.
fn names_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let address = authority.host().trim_matches(['[', ']']);
    let loopback = address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    !host.contains('@') && (loopback || address.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_believed() {
        for good in ["localhost", "LOCALHOST:8082", "127.0.0.1:8082", "[::1]:8082", "127.9.9.9"] {
            assert!(names_this_machine(good), "{good}");
        }
        let names =
            ["evil.example", "localhost.evil.example", "evil@localhost", "@127.0.0.1", "", "a b"];
        let addresses =
            ["0.0.0.0:8082", "10.0.0.1", "[::ffff:127.0.0.1]:8082", "[::]", "2130706433"];
        for bad in names.into_iter().chain(addresses) {
            assert!(!names_this_machine(bad), "{bad}");
        }
    }
}
