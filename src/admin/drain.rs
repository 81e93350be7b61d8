//! `/drain`: the gateway is to be sent no more events. It goes on taking those that come.
//!
//! Whoever reaches this listener (it may be every address of a pod) must not be able to take the gateway out of service:
//!
//! 1. The caller is on this machine …
//! 2. … and no web page in a browser there: such a call says where it comes from, or names a host of the page's own.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, ORIGIN};
use http::{Method, Request, StatusCode};

use super::Control;

/// Browsers send it with every call to an address of this machine.
const FETCH_SITE: &str = "sec-fetch-site";

/// What the caller hears, after it was done or not.
pub(super) fn answer<B>(
    request: &Request<B>,
    peer: SocketAddr,
    control: &dyn Control,
) -> (StatusCode, &'static str) {
    if !peer.ip().to_canonical().is_loopback() {
        return (StatusCode::FORBIDDEN, "only from this machine, such as by: botwarden drain\n");
    }
    if of_a_page(request) {
        return (StatusCode::FORBIDDEN, "not for web pages\n");
    }
    if *request.method() != Method::HEAD {
        control.drain();
    }
    (StatusCode::OK, "not ready from now on; events that come are still taken\n")
}

fn of_a_page<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    headers.contains_key(ORIGIN)
        || headers.contains_key(FETCH_SITE)
        || !host.is_some_and(names_this_machine)
}

/// A name that only this machine has; every other one could be anybody's.
fn names_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let host = authority.host().trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_believed() {
        for good in ["localhost", "LOCALHOST:8082", "127.0.0.1:8082", "[::1]:8082", "127.9.9.9"] {
            assert!(names_this_machine(good), "{good}");
        }
        for bad in ["evil.example", "localhost.evil.example", "0.0.0.0:8082", "10.0.0.1", "", "a b"]
        {
            assert!(!names_this_machine(bad), "{bad}");
        }
    }
}
