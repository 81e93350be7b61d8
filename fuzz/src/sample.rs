//! Events, keys and moments, the same in every run.

use std::time::{Duration, SystemTime};

use botwarden::gate::arrival::{Arrival, Origin, Parts};
use botwarden::gate::moment::Moment;
use botwarden::gate::secret::Secret;
use botwarden::gate::signature::{KeyRing, SigningKey};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::mac::{hex, hmac};

/// The secret of every route here.
pub const SECRET: &[u8] = b"fuzzing-webhook-secret";
/// The bot.
pub const BOT: &str = "abcd0000-0000-4000-8000-000000000001";
/// A room that it is in.
pub const ROOM: &str = "abcd0000-0000-4000-8000-000000000032";
/// An organisation that is allowed.
pub const ORG: &str = "abcd0000-0000-4000-8000-000000000064";

/// The keys of a route.
pub fn ring<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> KeyRing {
    let keys = secrets.into_iter().filter_map(|secret| key(secret));
    KeyRing::new(keys.collect())
}

/// A key, unless the secret is too short.
pub fn key(secret: &[u8]) -> Option<SigningKey> {
    SigningKey::new(&Secret::new(secret.to_vec())).ok()
}

/// The header's value, made by hand.
pub fn signature(body: &[u8]) -> HeaderValue {
    hex(hmac(SECRET, body)).try_into().unwrap()
}

/// 15 January 2027, 08:00 UTC.
pub fn noon() -> Moment {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(500_000 * 3600);
    Moment { wall, tick: Duration::from_secs(3600) }
}

/// An arrival as ingress would make it.
pub fn arrival(headers: HeaderMap, query: Option<&str>, body: &[u8]) -> Arrival {
    Arrival::new(Parts {
        id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0007),
        route: "helpdesk".into(),
        received: noon(),
        origin: Origin { peer: Some([203, 0, 113, 9].into()), secure: true },
        headers,
        query: query.map(Box::from),
        body: Bytes::copy_from_slice(body),
    })
}

/// The same, signed.
pub fn signed(body: &[u8]) -> Arrival {
    let headers = HeaderMap::from_iter([("x-spark-signature".parse().unwrap(), signature(body))]);
    arrival(headers, None, body)
}
