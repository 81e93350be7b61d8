//! Bytes at the door: within limits, on a known route, and nothing about them is believed.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::moment::Moment;

/// An event as it came in, before anything is proved.
///
/// ```compile_fail,E0451
/// // Only ingress and inbox make one.
/// let forged = botwarden::gate::arrival::Arrival { id: todo!(), route: todo!(), received: todo!(), origin: todo!(), headers: todo!(), query: None, body: todo!() };
/// ```
pub struct Arrival {
    id: Uuid,
    route: Arc<str>,
    received: Moment,
    origin: Origin,
    headers: HeaderMap,
    query: Option<Box<str>>,
    body: Bytes,
}

/// Who the connection came from, as far as the listener can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The peer's address; unknown for a unix socket.
    pub peer: Option<IpAddr>,
    /// Whether the listener itself spoke TLS.
    pub secure: bool,
}

/// Everything an [`Arrival`] is made of. Seen from outside for fuzzing only: an arrival proves nothing yet.
#[doc(hidden)]
#[derive(Debug)]
pub struct Parts {
    pub id: Uuid,
    pub route: Arc<str>,
    pub received: Moment,
    pub origin: Origin,
    pub headers: HeaderMap,
    pub query: Option<Box<str>>,
    pub body: Bytes,
}

impl Arrival {
    /// The one constructor, for ingress and inbox.
    #[doc(hidden)]
    pub fn new(parts: Parts) -> Self {
        let Parts { id, route, received, origin, headers, query, body } = parts;
        Self { id, route, received, origin, headers, query, body }
    }

    /// The same, in memory of its own. What comes from a listener holds on to read buffers that are many times larger
    /// than an event; an event that is kept must cost no more than it is counted for.
    #[must_use]
    pub fn compact(self) -> Self {
        let headers =
            self.headers.iter().map(|(name, value)| (own_name(name), own_value(value))).collect();
        Self { headers, body: Bytes::copy_from_slice(&self.body), ..self }
    }

    /// The id of this event in records, logs and `Botwarden-Decision-Id`; `UUIDv7`.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The name of the route it came in on.
    pub fn route(&self) -> &Arc<str> {
        &self.route
    }

    /// When it came in.
    pub fn received(&self) -> Moment {
        self.received
    }

    /// Who sent it, as far as the listener can tell.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its headers, unfiltered.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The query of its URL without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Its body, byte for byte.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

fn own_name(name: &HeaderName) -> HeaderName {
    HeaderName::from_bytes(name.as_str().as_bytes()).unwrap_or_else(|_it_is_one| name.clone())
}

fn own_value(value: &HeaderValue) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_it_is_one| value.clone())
}

/// No header and no body: they hold signatures and foreign text.
impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("id", &self.id)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// An arrival with these headers and this body, at 2027-01-15T08:00:00Z.
    pub(crate) fn arrival(headers: &[(&'static str, &str)], body: &[u8]) -> Arrival {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Arrival::new(Parts {
            id: Uuid::from_u128(7),
            route: "helpdesk".into(),
            received: noon(),
            origin: Origin { peer: Some([203, 0, 113, 9].into()), secure: true },
            headers: map,
            query: None,
            body: Bytes::copy_from_slice(body),
        })
    }

    /// A fixed moment.
    pub(crate) fn noon() -> Moment {
        Moment {
            wall: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
            tick: Duration::from_hours(1),
        }
    }

    #[test]
    fn a_compact_arrival_is_the_same_in_memory_of_its_own() {
        let buffer = Bytes::from(vec![b'x'; 8192]);
        let mut loose = arrival(&[("x-one", "1"), ("x-two", "2"), ("x-one", "3")], b"");
        loose.body = buffer.slice(100..200);
        let compact = loose.compact();
        assert_eq!(compact.body(), &buffer.slice(100..200));
        assert_eq!(compact.headers().get_all("x-one").iter().collect::<Vec<_>>(), ["1", "3"]);
        assert!(buffer.try_into_mut().is_ok(), "nothing holds on to the buffer");
    }

    #[test]
    fn debug_holds_no_header_and_no_body() {
        let text = format!("{:?}", arrival(&[("x-spark-signature", "abcdef")], b"hunter2"));
        assert!(!text.contains("abcdef") && !text.contains("hunter2"), "{text}");
    }
}
