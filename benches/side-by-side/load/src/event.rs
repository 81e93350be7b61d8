//! Events as Webex sends them, each with a message of its own and a signature over its own bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::{Digest as _, Sha1};

use super::Failure;
use super::arguments::{Order, Signing};

/// A length that every message id has: what tells one from the next is its last 16 characters.
const NUMBER: usize = 16;

/// All that may be sent, ready but for the message's number and the signature.
pub(crate) struct Magazine {
    heads: Vec<String>,
    rooms: Vec<Template>,
    honest: Hmac<Sha1>,
    forger: Hmac<Sha1>,
    signing: Signing,
    forged_share: f64,
    forged_due: f64,
    number: u64,
    fired: usize,
}

/// The body of an event about one room.
struct Template {
    body: Vec<u8>,
    number_at: usize,
}

/// Who signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hand {
    Honest,
    Forger,
}

impl Magazine {
    pub(crate) fn new(order: &Order) -> Result<Self, Failure> {
        let now = SystemTime::now();
        let key = |secret: &str| Hmac::new_from_slice(secret.as_bytes());
        let room = |n: usize| Template::new(order, n, now);
        Ok(Self {
            heads: heads(order),
            rooms: (0..order.rooms.max(1)).map(room).collect(),
            honest: key(&order.secret)?,
            forger: key("somebody else's secret")?,
            signing: order.signing,
            forged_share: order.forged_share,
            forged_due: 0.0,
            // Never again in a later run: nothing sends a million events a second.
            number: u64::try_from(now.duration_since(UNIX_EPOCH)?.as_micros())?,
            fired: 0,
        })
    }

    /// Writes the next call behind what is in the buffer.
    pub(crate) fn load(&mut self, into: &mut Vec<u8>) -> Hand {
        let hand = self.hand();
        self.number += 1;
        self.fired += 1;
        let (room, head) = (self.fired % self.rooms.len(), self.fired % self.heads.len());
        let Some(room) = self.rooms.get_mut(room) else { return hand };
        room.stamp(self.number);
        let key = if hand == Hand::Honest { &self.honest } else { &self.forger };
        into.extend_from_slice(self.heads.get(head).map_or(b"", |head| head.as_bytes()));
        if self.signing == Signing::Signed {
            sign(key, &room.body, into);
        }
        into.extend_from_slice(format!("Content-Length: {}\r\n\r\n", room.body.len()).as_bytes());
        into.extend_from_slice(&room.body);
        hand
    }

    /// Spreads the forged ones evenly.
    fn hand(&mut self) -> Hand {
        self.forged_due += self.forged_share;
        if self.forged_due < 1.0 {
            return Hand::Honest;
        }
        self.forged_due -= 1.0;
        Hand::Forger
    }
}

impl Template {
    fn new(order: &Order, room: usize, now: SystemTime) -> Self {
        let created = humantime::format_rfc3339_millis(now).to_string();
        let text = envelope(order, room, &created);
        let padded = pad(&text, order.body_bytes);
        let mark = URL_SAFE_NO_PAD.encode([b'#'; NUMBER / 4 * 3]);
        let number_at = padded.find(&mark).unwrap_or_default();
        Self { body: padded.into_bytes(), number_at }
    }

    /// Twelve hexadecimal digits of the message's uuid are sixteen characters of its id.
    fn stamp(&mut self, number: u64) {
        let digits = format!("{:012x}", number & 0xffff_ffff_ffff);
        let place = self.body.get_mut(self.number_at..self.number_at + NUMBER);
        // The place has the length of what is written: both are made from the same constant.
        let _written = place.map(|place| URL_SAFE_NO_PAD.encode_slice(digits, place));
    }
}

fn sign(key: &Hmac<Sha1>, body: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut mac = key.clone();
    mac.update(body);
    into.extend_from_slice(b"X-Spark-Signature: ");
    for byte in mac.finalize().into_bytes() {
        into.extend(DIGITS.get(usize::from(byte >> 4)));
        into.extend(DIGITS.get(usize::from(byte & 15)));
    }
    into.extend_from_slice(b"\r\n");
}

/// What stands before the signature: the headers that Webex sends.
fn heads(order: &Order) -> Vec<String> {
    let many = order.routes > 1;
    let path = |n: usize| if many { format!("{}/{n}", order.path) } else { order.path.clone() };
    let head = |n: usize| {
        format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json; charset=utf-8\r\n\
             User-Agent: Webex Teams Webhook\r\nAccept: application/json\r\n",
            path(n),
            order.host
        )
    };
    (0..order.routes.max(1)).map(head).collect()
}

/// Every route has a bot of its own.
fn creator(order: &Order, room: usize) -> String {
    let many = order.routes > 1;
    if many { format!("{}-{}", order.creator, room % order.routes) } else { order.creator.clone() }
}

/// The number of the message is still `#`.
fn envelope(order: &Order, room: usize, created: &str) -> String {
    let creator = creator(order, room);
    let room = id("ROOM", &derived("room", &format!("room-{room}")));
    let (bot, actor) = (derived("person", &creator), derived("person", &order.actor));
    let webhook = id("WEBHOOK", &derived("webhook", &creator));
    let message = id("MESSAGE", "0b7c5c1e-6a55-4a53-9d0c-############");
    let organisation = id("ORGANIZATION", "0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11");
    let (bot, person) = (id("PEOPLE", &bot), id("PEOPLE", &actor));
    format!(
        "{{\"id\":\"{webhook}\",\"name\":\"botwarden\",\"resource\":\"messages\",\"event\":\"created\",\
         \"orgId\":\"{organisation}\",\"createdBy\":\"{bot}\",\"actorId\":\"{person}\",\"status\":\"active\",\
         \"data\":{{\"id\":\"{message}\",\"roomId\":\"{room}\",\"roomType\":\"group\",\
         \"personId\":\"{person}\",\"personEmail\":\"ann@example.com\",\"created\":\"{created}\"}}}}"
    )
}

/// Makes it as long as asked for, by a text in `data`.
fn pad(event: &str, length: usize) -> String {
    const FRAME: usize = ",\"text\":\"\"".len();
    let missing = length.saturating_sub(event.len());
    match event.strip_suffix("}}") {
        Some(open) if missing > FRAME => {
            format!("{open},\"text\":\"{}\"}}}}", "x".repeat(missing - FRAME))
        }
        _ => event.to_owned(),
    }
}

/// The id that the simulated Webex gives to something: a uuid of version 5 from its kind and handle.
fn derived(kind: &str, handle: &str) -> String {
    let digest: [u8; 20] = Sha1::digest(format!("{kind}:{handle}")).into();
    let mut hex: Vec<char> = digest.iter().take(16).flat_map(|b| nibbles(*b)).collect();
    let variant = hex.get(16).and_then(|digit| digit.to_digit(16)).unwrap_or_default();
    let fixed = [(12, '5'), (16, char::from_digit(variant & 3 | 8, 16).unwrap_or('8'))];
    for (at, digit) in fixed {
        hex.splice(at..=at, [digit]);
    }
    for at in [20, 16, 12, 8] {
        hex.insert(at, '-');
    }
    hex.into_iter().collect()
}

fn nibbles(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|n| char::from_digit(u32::from(n), 16).unwrap_or('0'))
}

fn id(kind: &str, local: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("ciscospark://us/{kind}/{local}"))
}
