//! Bytes at the door: within limits, on a known route, and nothing about them is believed.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::moment::Moment;

/// An event as it came in, before anything is proved.
///
/// ```compile_fail,E0451
/// // Only ingress and inbox make one.
/// let forged = botwarden::gate::arrival::Arrival { parts: todo!() };
/// ```
pub struct Arrival {
    /// In one place from the door to the bot: it goes through many hands, and each would copy it.
    parts: Box<Parts>,
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
        Self { parts: Box::new(parts) }
    }

    /// The same, in memory of its own. What comes from a listener holds on to read buffers that are many times larger
    /// than an event; an event that is kept must cost no more than it is counted for.
    #[must_use]
    pub fn compact(mut self) -> Self {
        let parts = &mut *self.parts;
        let length: usize = parts.headers.values().map(HeaderValue::len).sum();
        let mut own = BytesMut::with_capacity(length + parts.body.len());
        parts.headers.values().for_each(|value| own.extend_from_slice(value.as_bytes()));
        own.extend_from_slice(&parts.body);
        let mut own = own.freeze();
        // Names are in memory of their own as they are.
        for value in parts.headers.values_mut() {
            *value = own_value(value, &mut own);
        }
        parts.body = own;
        self
    }

    /// The id of this event in records, logs and `Botwarden-Decision-Id`; `UUIDv7`.
    pub fn id(&self) -> Uuid {
        self.parts.id
    }

    /// The name of the route it came in on.
    pub fn route(&self) -> &Arc<str> {
        &self.parts.route
    }

    /// When it came in.
    pub fn received(&self) -> Moment {
        self.parts.received
    }

    /// Who sent it, as far as the listener can tell.
    pub fn origin(&self) -> &Origin {
        &self.parts.origin
    }

    /// Its headers, unfiltered.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The query of its URL without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.parts.query.as_deref()
    }

    /// Its body, byte for byte.
    pub fn body(&self) -> &Bytes {
        &self.parts.body
    }
}

/// The same value, which is what `own` begins with.
fn own_value(value: &HeaderValue, own: &mut Bytes) -> HeaderValue {
    let bytes = own.split_to(value.len().min(own.len()));
    let mut same = HeaderValue::from_maybe_shared(bytes).unwrap_or_else(|_it_is_one| value.clone());
    same.set_sensitive(value.is_sensitive());
    same
}

/// No header and no body: they hold signatures and foreign text.
impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("id", &self.parts.id)
            .field("route", &self.parts.route)
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
        loose.parts.body = buffer.slice(100..200);
        let value = HeaderValue::from_maybe_shared(buffer.slice(7..9)).unwrap();
        loose.parts.headers.insert("x-three", value);
        let compact = loose.compact();
        assert_eq!(compact.headers()["x-three"], "xx");
        assert_eq!(compact.body(), &buffer.slice(100..200));
        assert_eq!(compact.headers().get_all("x-one").iter().collect::<Vec<_>>(), ["1", "3"]);
        assert!(buffer.try_into_mut().is_ok(), "nothing holds on to the buffer");
    }

    #[test]
    fn debug_holds_no_header_and_no_body() {
        let text = format!("{:?}", arrival(&[("x-spark-signature", "abcdef")], b"hunter2"));
        assert!(!text.contains("abcdef") && !text.contains("hunter2"), "{text}");
        assert!(text.contains("0007") && text.contains("helpdesk"), "{text}");
    }
}
