//! The request that the bot gets: the same bytes, our own headers, and nothing that pretends to be ours.

use std::fmt::{Display, Write as _};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use hmac::{Hmac, KeyInit, Mac};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};
use sha2::Sha256;
use uuid::Uuid;

use super::arrival::Arrival;
use super::event::Notice;
use super::policy::Cleared;
use super::secret::Secret;
use super::signature;
use super::trace::{self, Context};

/// Headers between two hops, not for the next one (RFC 9110, 7.6.1), and those that the client sets by itself.
/// Trailers and upgrades are never forwarded: a webhook has neither.
const HOP_BY_HOP: [&str; 12] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "content-length",
    "host",
];

/// Headers that say who was on the other end: ours to set, never the caller's.
const FORWARDING: [&str; 6] =
    ["forwarded", "x-original-url", "x-real-ip", "x-rewrite-url", trace::PARENT, trace::STATE];

/// And everything that begins so: bots behind `ProxyFix` and its like also believe `-Prefix`, `-Ssl` and others.
const FORWARDED: &str = "x-forwarded-";

/// As many headers of our own as there usually are, so that the map is made in one piece.
const OWN: usize = 16;

/// Enough for their values, usually.
const VALUES: usize = 256;

static VERDICT: HeaderName = HeaderName::from_static("botwarden-verdict");
static DECISION_ID: HeaderName = HeaderName::from_static("botwarden-decision-id");
static ROUTE: HeaderName = HeaderName::from_static("botwarden-route");
static BOT: HeaderName = HeaderName::from_static("botwarden-bot");
static ROOM_MEMBERS: HeaderName = HeaderName::from_static("botwarden-room-members");
static CHECKED_AT: HeaderName = HeaderName::from_static("botwarden-checked-at");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
static WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
static WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Where cleared events of a route go, and how.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The bot's URL; the query of the event is appended.
    pub uri: Uri,
    /// The bot's name, for `Botwarden-Bot`.
    pub bot: Box<str>,
    /// Whether the event's own `X-Spark-Signature` is passed on.
    pub pass_signature: bool,
    /// A key for Standard Webhooks headers, so that the bot can tell the gateway from a stranger.
    pub sign: Option<Secret>,
    /// Fixed extra headers.
    pub headers: HeaderMap,
}

/// Consumes the clearance; the notice comes back so that a failed hand-over can be tried (and judged) again.
pub fn request(
    cleared: Cleared,
    to: &Destination,
    context: Option<&Context>,
    now: SystemTime,
) -> (Request<Bytes>, Notice) {
    let mut request = Request::new(cleared.notice().arrival().body().clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = with_query(&to.uri, cleared.notice().arrival().query());
    let mut headers = received(cleared.notice().arrival().headers(), to);
    let mut values = Values(BytesMut::with_capacity(VALUES));
    told(&mut headers, &cleared, to, &mut values);
    if let Some(context) = context {
        context.tell(&mut headers);
    }
    forwarded(&mut headers, cleared.notice().arrival(), &mut values);
    if let Some(key) = &to.sign {
        signed(&mut headers, cleared.notice().arrival(), (key, now), &mut values);
    }
    if !to.headers.is_empty() {
        headers.extend(to.headers.clone());
    }
    *request.headers_mut() = headers;
    (request, cleared.into_notice())
}

fn with_query(uri: &Uri, query: Option<&str>) -> Uri {
    let Some(query) = query else {
        return uri.clone();
    };
    let path = uri.path();
    let joined = match uri.query() {
        Some(own) => format!("{path}?{own}&{query}"),
        None => format!("{path}?{query}"),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = joined.parse().ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_unchanged_scheme_and_authority| uri.clone())
}

/// What is left of the caller's headers.
fn received(headers: &HeaderMap, to: &Destination) -> HeaderMap {
    // By bytes: one odd byte in the list must not save the names around it.
    let listed = headers
        .get_all(http::header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let named: Vec<&[u8]> = listed.map(<[u8]>::trim_ascii).collect();
    let passing = headers.iter().filter(|(name, _)| {
        let name = name.as_str();
        let signature = name == signature::HEADER.as_str();
        passes(name)
            && (to.pass_signature || !signature)
            && (signature
                || !named.iter().any(|listed| listed.eq_ignore_ascii_case(name.as_bytes())))
    });
    let mut kept = HeaderMap::with_capacity(headers.len() + OWN);
    for (name, value) in passing {
        kept.append(name.clone(), value.clone());
    }
    kept
}

/// Whether a caller's header may reach the bot at all. Names have letters, digits and hyphens: WSGI and CGI servers turn
/// other signs into the same `_`, so that `Botwarden_Verdict` or `Botwarden.Verdict` would join our own value.
pub(crate) fn passes(name: &str) -> bool {
    let standard_webhooks = name.starts_with("webhook-") || name.starts_with("svix-");
    let forwarding = name.starts_with(FORWARDED) || FORWARDING.contains(&name);
    let ours = name.starts_with("botwarden-") || forwarding || standard_webhooks;
    name.bytes().all(plain) && !ours && !HOP_BY_HOP.contains(&name)
}

fn plain(byte: u8) -> bool {
    matches!(byte, b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// What values are written into: one piece of memory for all of a request.
struct Values(BytesMut);

impl Values {
    fn text(&mut self, text: &str) -> Option<HeaderValue> {
        self.0.extend_from_slice(text.as_bytes());
        HeaderValue::from_maybe_shared(self.0.split().freeze()).ok()
    }

    fn id(&mut self, id: Uuid) -> Option<HeaderValue> {
        self.text(id.hyphenated().encode_lower(&mut [0; 36]))
    }

    fn of(&mut self, value: impl Display) -> Option<HeaderValue> {
        // Memory does not fail.
        let _infallible = write!(self.0, "{value}");
        self.text("")
    }
}

fn told(headers: &mut HeaderMap, cleared: &Cleared, to: &Destination, values: &mut Values) {
    let (arrival, basis) = (cleared.notice().arrival(), cleared.basis());
    let verdict = if basis.would_refuse.is_some() { "observe-deny" } else { "allow" };
    let checked = basis.checked.and_then(|moment| jiff::Timestamp::try_from(moment.wall).ok());
    headers.insert(&VERDICT, HeaderValue::from_static(verdict));
    set(headers, &DECISION_ID, values.id(arrival.id()));
    set(headers, &ROUTE, values.text(arrival.route()));
    set(headers, &BOT, values.text(&to.bot));
    set(headers, &ROOM_MEMBERS, basis.members.and_then(|members| values.of(members)));
    set(headers, &CHECKED_AT, checked.and_then(|time| values.of(time)));
}

fn set(headers: &mut HeaderMap, name: &'static HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

/// Set anew: what a caller says about hops before us is not believed.
fn forwarded(headers: &mut HeaderMap, arrival: &Arrival, values: &mut Values) {
    let origin = arrival.origin();
    set(headers, &FORWARDED_FOR, origin.peer.and_then(|peer| values.of(peer)));
    let scheme = HeaderValue::from_static(if origin.secure { "https" } else { "http" });
    headers.insert(&FORWARDED_PROTO, scheme);
    set(headers, &FORWARDED_HOST, arrival.headers().get(HOST).cloned());
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    set(headers, &CONTENT_LENGTH, values.of(arrival.body().len()));
}

/// Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, `v1,` in front.
fn signed(
    headers: &mut HeaderMap,
    arrival: &Arrival,
    (key, now): (&Secret, SystemTime),
    values: &mut Values,
) {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let head = format!("{}.{seconds}.", arrival.id());
    // Any length is a key.
    let mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok();
    let mac = mac.map(|mac| mac.chain_update(head).chain_update(arrival.body()).finalize());
    let tag = mac.map(|mac| STANDARD.encode(mac.into_bytes()));
    set(headers, &WEBHOOK_ID, values.id(arrival.id()));
    set(headers, &WEBHOOK_TIMESTAMP, values.of(seconds));
    set(headers, &WEBHOOK_SIGNATURE, tag.and_then(|tag| values.of(format_args!("v1,{tag}"))));
}

#[cfg(test)]
#[path = "handoff_tests.rs"]
pub(crate) mod tests;
