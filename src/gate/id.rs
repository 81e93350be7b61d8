//! Webex ids: many spellings, one meaning.
//!
//! A public id is base64 (URL-safe, unpadded) of `ciscospark://<cluster>/<TYPE>/<uuid>`. Observed in the wild, and all
//! accepted: padded, with the standard alphabet, base64 of the bare UUID, the raw UUID in any case, the decoded URI,
//! and `consumer`, the one organisation that all free accounts share. Two ids are equal when (type, uuid) are: the
//! cluster depends on who asks. The original spelling is kept, because only that is valid in a call to the API.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use uuid::Uuid;

/// The longest spelling that is looked at; real ids have 79 to 120 characters.
const LONGEST: usize = 256;

/// Base64 makes four characters of three bytes.
const LONGEST_DECODED: usize = 192;

/// `ciscospark://us/` in base64, as far as it is the same whatever follows.
const ANY_US: &str = "Y2lzY29zcGFyazovL3VzL";

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// What an id names; the TYPE segment of its decoded form.
pub trait Kind: Copy + Eq + fmt::Debug {
    /// The segment, such as `ROOM`.
    const NAME: &'static str;
    /// Whether the literal `consumer` may stand in place of a UUID.
    const CONSUMER: bool = false;
    /// `ciscospark://us/`, the type and a slash: as far as they fill whole groups of four signs in base64, and the rest as
    /// it is.
    const US: (&'static str, &'static str);
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $us:expr, consumer: $consumer:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind {}
        impl Kind for $kind {
            const NAME: &'static str = $name;
            const CONSUMER: bool = $consumer;
            const US: (&'static str, &'static str) = $us;
        }
    )*};
}
kinds! {
    /// A space.
    Room = "ROOM", ("Y2lzY29zcGFyazovL3VzL1JPT00v", ""), consumer: false;
    /// A person or a bot.
    Person = "PEOPLE", ("Y2lzY29zcGFyazovL3VzL1BFT1BM", "E/"), consumer: false;
    /// An organisation.
    Org = "ORGANIZATION", ("Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElP", "N/"), consumer: true;
    /// A webhook.
    Webhook = "WEBHOOK", ("Y2lzY29zcGFyazovL3VzL1dFQkhPT0sv", ""), consumer: false;
}

/// The id of a space.
pub type RoomId = Id<Room>;
/// The id of a person or bot.
pub type PersonId = Id<Person>;
/// The id of an organisation.
pub type OrgId = Id<Org>;

/// The meaning of an id without its spelling: what is compared, hashed and kept in rosters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key<K> {
    local: Local,
    kind: PhantomData<K>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Local {
    Consumer,
    Uuid(Uuid),
}

impl<K> Hash for Key<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.local.hash(state);
    }
}

impl<K: Kind> fmt::Display for Key<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local {
            Local::Consumer => f.write_str("consumer"),
            Local::Uuid(uuid) => uuid.fmt(f),
        }
    }
}

/// The short form: enough to compare two log lines, too little to call the API with.
impl<K: Kind> fmt::Debug for Key<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = self.to_string();
        write!(f, "{}:{}", K::NAME, full.get(..8).unwrap_or(&full))
    }
}

impl Key<Org> {
    /// Whether this is the organisation that every free account in the world belongs to.
    pub fn is_consumer(self) -> bool {
        self.local == Local::Consumer
    }
}

impl<K: Kind> Key<K> {
    /// What a text in any of the known spellings means.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let short = (text.len() <= LONGEST).then_some(text);
        let local = short.and_then(meaning::<K>).ok_or(BadId(K::NAME))?;
        Ok(Self { local, kind: PhantomData })
    }

    /// The UUID; `None` for the consumer organisation.
    pub fn uuid(self) -> Option<Uuid> {
        match self.local {
            Local::Uuid(uuid) => Some(uuid),
            Local::Consumer => None,
        }
    }
}

/// An id as it was spelled, and what it means.
#[derive(Clone)]
pub struct Id<K> {
    key: Key<K>,
    spelling: Box<str>,
}

/// The text is not an id of the type that was asked for. It does not repeat the text: it may come from anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Webex id of type {0}")]
pub struct BadId(&'static str);

impl<K: Kind> Id<K> {
    /// Reads any of the known spellings.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        Ok(Self { key: Key::parse(text)?, spelling: text.into() })
    }

    /// What is compared.
    pub fn key(&self) -> Key<K> {
        self.key
    }

    /// The original spelling: what goes back to the API.
    pub fn as_str(&self) -> &str {
        &self.spelling
    }
}

/// Nearly every id is spelled as in [`Kind::US`], and what begins so of another type is none of this one.
fn meaning<K: Kind>(text: &str) -> Option<Local> {
    match text.strip_prefix(K::US.0) {
        Some(rest) => usual::<K>(rest).or_else(|| encoded::<K>(text)),
        None if text.starts_with(ANY_US) => None,
        None => plain::<K>(text).or_else(|| encoded::<K>(text)),
    }
}

/// What follows [`Kind::US`] where it is nothing but a UUID. Read here, and not by the library: each event has six of
/// them, which takes a third of the time so.
fn usual<K: Kind>(rest: &str) -> Option<Local> {
    let before = K::US.1.as_bytes();
    if rest.len() != ((before.len() + 36) * 4).div_ceil(3) {
        return None;
    }
    let mut signs = [b'A'; 52];
    signs.get_mut(..rest.len())?.copy_from_slice(rest.as_bytes());
    let mut bytes = [[0; 3]; 13];
    for (three, four) in bytes.iter_mut().zip(signs.as_chunks().0) {
        *three = three_of(*four)?;
    }
    let (uuid, none) = bytes.as_flattened().strip_prefix(before)?.split_at_checked(36)?;
    let bare = none.iter().all(|byte| *byte == 0);
    bare.then(|| Uuid::try_parse_ascii(uuid).ok().map(Local::Uuid))?
}

/// The three bytes that four letters or digits of base64 stand for.
#[expect(clippy::indexing_slicing, reason = "there is a place for every byte")]
fn three_of(four: [u8; 4]) -> Option<[u8; 3]> {
    let [a, b, c, d] = four.map(|sign| DIGITS[usize::from(sign)]);
    match (a << 18 | b << 12 | c << 6 | d).to_be_bytes() {
        [0, three @ ..] => Some(three),
        _ => None,
    }
}

/// What letters and digits are worth in base64, in both alphabets; of other signs, more than any sum of them has room
/// for. The base64 of a UUID has none of the signs in which the alphabets differ.
const DIGITS: [u32; 256] = digits();

#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "evaluated by the compiler")]
const fn digits() -> [u32; 256] {
    let signs = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut digits = [u32::MAX; 256];
    let mut at = 0;
    while at < signs.len() {
        digits[signs[at] as usize] = at as u32;
        at += 1;
    }
    digits
}

/// Text that is not base64: a raw UUID, the decoded URI, or `consumer`.
fn plain<K: Kind>(text: &str) -> Option<Local> {
    match text.strip_prefix("ciscospark://") {
        Some(rest) => {
            let mut parts = rest.split('/');
            let (_cluster, kind, local) = (parts.next()?, parts.next()?, parts.next()?);
            (kind == K::NAME && parts.next().is_none()).then(|| bare::<K>(local))?
        }
        None => bare::<K>(text),
    }
}

fn bare<K: Kind>(text: &str) -> Option<Local> {
    if K::CONSUMER && text.eq_ignore_ascii_case("consumer") {
        return Some(Local::Consumer);
    }
    // Only the hyphenated form: braces, `urn:uuid:` and 32 bare digits are never seen, and `simple` is also base64.
    (text.len() == 36).then(|| Uuid::try_parse(text).ok().map(Local::Uuid))?
}

fn encoded<K: Kind>(text: &str) -> Option<Local> {
    let mut bytes = [0; LONGEST_DECODED];
    let decoded = URL_SAFE.decode_slice(text, &mut bytes);
    let length = decoded.or_else(|_| STANDARD.decode_slice(text, &mut bytes)).ok()?;
    plain::<K>(std::str::from_utf8(bytes.get(..length)?).ok()?)
}

impl<K> PartialEq for Id<K>
where
    Key<K>: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<K> Eq for Id<K> where Key<K>: Eq {}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";

    fn org(text: &str) -> Result<OrgId, BadId> {
        OrgId::parse(text)
    }

    #[test]
    fn gw_a7_four_spellings_of_one_organisation_compare_equal() {
        let uri = format!("ciscospark://us/ORGANIZATION/{UUID}");
        let spellings = [
            UUID.to_owned(),
            UUID.to_uppercase(),
            URL_SAFE.encode(&uri),
            STANDARD.encode(&uri),
            URL_SAFE.encode(UUID),
            STANDARD.encode(UUID),
            uri,
        ];
        let first = org(UUID).unwrap();
        for text in &spellings {
            let id = org(text).unwrap_or_else(|_| panic!("{text}"));
            assert_eq!(id, first, "{text}");
            assert_eq!(id.as_str(), text, "the original string goes back to the API");
        }
        assert_ne!(org(&UUID.replace('9', "8")).unwrap(), first);
    }

    #[test]
    fn the_usual_beginning_of_each_type_is_what_base64_makes_of_it() {
        fn begins<K: Kind>() {
            let (encoded, rest) = K::US;
            let decoded = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
            assert_eq!(decoded + rest, format!("ciscospark://us/{}/", K::NAME));
            assert!(encoded.starts_with(ANY_US) && encoded.len() % 4 == 0);
        }
        (begins::<Room>(), begins::<Person>(), begins::<Org>(), begins::<Webhook>());
    }

    #[test]
    fn what_only_begins_as_usual_is_looked_at_like_any_other() {
        let uri = format!("ciscospark://us/ORGANIZATION/{UUID}");
        let padded = URL_SAFE.encode(&uri);
        let (upper, open) = (uri.replace(UUID, &UUID.to_uppercase()), padded.trim_end_matches('='));
        for text in [&*padded, open, &URL_SAFE.encode(upper)] {
            assert_eq!(org(text), org(UUID), "{text}");
        }
        let longer = [format!("{uri}0"), format!("{uri}/"), uri.replace("us/", "us/x/")];
        let others = [uri.replace("ORG", "0RG"), uri.replace('9', "g"), uri.replace('9', "ö")];
        let texts = longer.iter().chain(&others).map(|text| URL_SAFE.encode(text));
        for text in texts.chain([format!("{open}=="), format!("{open}!")]) {
            assert!(org(&text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_at_once_is_what_is_read_at_length(
            uuid in any::<u128>(), at in 0_usize..88, sign in "[A-Za-z0-9+/_=-]", rest in "[A-Za-z0-9=]{0,3}",
        ) {
            fn agree<K: Kind>(uuid: u128, (at, sign): (usize, &str), rest: &str) {
                let uri = format!("ciscospark://us/{}/{}", K::NAME, Uuid::from_u128(uuid));
                let usual = URL_SAFE.encode(uri).replace('=', "");
                assert_eq!(meaning::<K>(&usual), Some(Local::Uuid(Uuid::from_u128(uuid))));
                let mut text = usual + rest;
                text.replace_range(at.min(text.len() - 1)..(at + 1).min(text.len()), sign);
                assert_eq!(meaning::<K>(&text), encoded::<K>(&text), "{text}");
            }
            agree::<Room>(uuid, (at, &sign), &rest);
            agree::<Person>(uuid, (at, &sign), &rest);
            agree::<Org>(uuid, (at, &sign), &rest);
            agree::<Webhook>(uuid, (at, &sign), &rest);
        }
    }

    #[test]
    fn published_vectors_of_two_clusters_are_one_key() {
        let uri = |cluster: &str| {
            URL_SAFE.encode(format!("ciscospark://{cluster}/ROOM/{UUID}")).replace('=', "")
        };
        let us = RoomId::parse(&uri("us")).unwrap();
        let west = RoomId::parse(&uri("urn:TEAM:us-west-2_r")).unwrap();
        assert_eq!(us, west);
        assert_ne!(us.as_str(), west.as_str());
        // seed vectors are MESSAGE ids: a type that is not asked for is refused, not taken for a room
        let message =
            "Y2lzY29zcGFyazovL3VzL01FU1NBR0UvOTQ2ZTRmNDAtZDAwMi0xMWU5LTljY2ItYTdlNWJkZWJhZmIz";
        assert!(RoomId::parse(message).is_err());
    }

    #[test]
    fn gw_a6_the_consumer_organisation_is_recognised_in_every_spelling() {
        let uri = "ciscospark://us/ORGANIZATION/consumer";
        let spellings =
            ["consumer", "Consumer", uri, "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi9jb25zdW1lcg"];
        for text in spellings
            .map(str::to_owned)
            .into_iter()
            .chain([URL_SAFE.encode(uri), STANDARD.encode("consumer")])
        {
            assert!(org(&text).unwrap().key().is_consumer(), "{text}");
        }
        assert!(!org(UUID).unwrap().key().is_consumer());
        assert!(RoomId::parse("consumer").is_err());
        assert!(PersonId::parse("consumer").is_err());
    }

    #[test]
    fn gw_a7_a_room_never_equals_an_organisation_and_rubbish_is_refused() {
        let room = URL_SAFE.encode(format!("ciscospark://us/ROOM/{UUID}"));
        assert!(org(&room).is_err());
        let long = "a".repeat(LONGEST + 1);
        for text in [
            "",
            " ",
            "=",
            "946e4f40d00211e99ccba7e5bdebafb3",
            "ciscospark://us/ORGANIZATION",
            &long,
            "../..",
            "ö",
        ] {
            assert!(org(text).is_err(), "{text}");
        }
        let twice = format!("ciscospark://us/ORGANIZATION/{UUID}/x");
        assert!(org(&twice).is_err());
    }

    #[test]
    fn a_spelling_may_be_long_but_not_without_end() {
        let spelled = |length: usize| {
            let rest = format!("/ORGANIZATION/{UUID}");
            let cluster = "x".repeat(length - rest.len() - "ciscospark://".len());
            format!("ciscospark://{cluster}{rest}")
        };
        assert_eq!(org(&spelled(LONGEST)), org(UUID));
        for length in [LONGEST + 1, 2 * LONGEST] {
            assert!(org(&spelled(length)).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_equal_hashes_alike_and_what_is_not_apart() {
        let spelled = format!("ciscospark://us/ORGANIZATION/{UUID}");
        let hash = |id: &OrgId| {
            let mut hashers = [(); 2].map(|()| std::hash::DefaultHasher::new());
            id.hash(&mut hashers[0]);
            id.key().hash(&mut hashers[1]);
            hashers.map(|hasher| hasher.finish())
        };
        let [one, same, other] = [UUID, &spelled, "consumer"].map(|text| org(text).unwrap());
        assert_eq!(hash(&one), hash(&same));
        let apart = hash(&one).iter().zip(hash(&other)).all(|(one, other)| *one != other);
        assert!(apart, "one place for all would make every look-up a search");
    }

    #[test]
    fn a_key_shows_what_is_compared() {
        let (uuid, consumer) = (org(UUID).unwrap().key(), org("consumer").unwrap().key());
        assert_eq!((uuid.to_string(), uuid.uuid()), (UUID.to_owned(), UUID.parse().ok()));
        assert_eq!((consumer.to_string(), consumer.uuid()), ("consumer".to_owned(), None));
    }

    #[test]
    fn debug_is_short_and_an_error_does_not_repeat_its_input() {
        assert_eq!(format!("{:?}", org(UUID).unwrap()), "ORGANIZATION:946e4f40");
        assert_eq!(org("hunter2").unwrap_err().to_string(), "not a Webex id of type ORGANIZATION");
    }
}
