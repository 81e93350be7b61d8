//! What a text means as an id: read at once where it is spelled as Webex spells nearly all, else at length.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use uuid::Uuid;

use super::id::{Kind, Local};

/// The longest spelling that is looked at; real ids have 79 to 120 characters.
pub(super) const LONGEST: usize = 256;

/// Base64 makes four characters of three bytes.
const LONGEST_DECODED: usize = 192;

/// `ciscospark://us/` in base64, but for the last two bits.
const NEARLY_US: &str = "Y2lzY29zcGFyazovL3VzL";

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// What a text means as an id of this type. Nearly every one is spelled as in [`Kind::US`], and what begins so of another
/// type is none of this one.
pub(super) fn meaning<K: Kind>(text: &str) -> Option<Local> {
    match text.strip_prefix(K::US.0) {
        _ if text.len() > LONGEST => None,
        Some(rest) => usual::<K>(rest).or_else(|| encoded::<K>(text)),
        None if is_us(text) => None,
        None => plain::<K>(text).or_else(|| encoded::<K>(text)),
    }
}

/// Whether it begins with `ciscospark://us/`: other clusters begin with `us` as well, such as `us-west-2_r`, and the sign
/// that has the last two bits of the `/` tells them apart.
fn is_us(text: &str) -> bool {
    let next = text.strip_prefix(NEARLY_US).and_then(|rest| rest.bytes().next());
    next.is_some_and(|sign| matches!(sign, b'w'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'-' | b'_'))
}

/// What follows [`Kind::US`] where it is nothing but a UUID. Read here and not by the library: every event has several.
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
    let (mut at, mut worth) = (0, 0);
    while at < signs.len() {
        digits[signs[at] as usize] = worth;
        (at, worth) = (at + 1, worth + 1);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::id::{Org, Person, Room, Webhook};
    use super::*;

    #[test]
    fn the_usual_beginning_of_each_type_is_what_base64_makes_of_it() {
        fn begins<K: Kind>() {
            let (encoded, rest) = K::US;
            let decoded = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
            assert_eq!(decoded + rest, format!("ciscospark://us/{}/", K::NAME));
            assert!(is_us(encoded) && encoded.len() % 4 == 0);
        }
        begins::<Room>();
        begins::<Person>();
        begins::<Org>();
        begins::<Webhook>();
    }

    #[test]
    fn an_id_of_any_cluster_is_read_whatever_its_name_begins_with() {
        let uuid = Uuid::from_u128(7);
        let begins = (0x20..0x7f_u8).map(char::from).filter(|sign| *sign != '/');
        let names = begins.map(|sign| format!("us{sign}"));
        let names = names
            .chain(["us-west-2_r", "us-", "u", "", "eu", "urn:TEAM:us-west-2_r"].map(String::from));
        for cluster in names {
            for engine in [&URL_SAFE, &STANDARD] {
                let text = engine.encode(format!("ciscospark://{cluster}/ROOM/{uuid}"));
                assert_eq!(meaning::<Room>(&text), Some(Local::Uuid(uuid)), "{cluster}");
                assert_eq!(meaning::<Person>(&text), None, "{cluster}");
            }
        }
    }

    #[test]
    fn letters_and_digits_are_worth_what_the_library_says_and_nothing_else_is_worth_anything() {
        let worth = digits();
        for sign in 0..=u8::MAX {
            let bytes = STANDARD.decode([b'A', b'A', b'A', sign]).ok();
            let bytes = bytes.filter(|_| sign.is_ascii_alphanumeric());
            let expected = bytes.map_or(u32::MAX, |bytes| bytes[2].into());
            assert_eq!(worth[usize::from(sign)], expected, "{}", sign.escape_ascii());
        }
    }

    #[test]
    fn signs_that_stand_for_nothing_make_nothing_of_four_however_many_they_are() {
        assert_eq!(three_of(*b"AAAA"), Some([0; 3]));
        for four in (1..16_u8).map(|bad| [0, 1, 2, 3].map(|at| b"A-"[usize::from(bad >> at & 1)])) {
            assert_eq!(three_of(four), None, "{four:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_at_once_is_what_is_read_at_length(
            uuid in any::<u128>(), at in 0_usize..88, sign in "[A-Za-z0-9+/_=-]", rest in "[A-Za-z0-9=]{0,3}",
        ) {
            fn agree<K: Kind>(uuid: u128, (at, sign): (usize, &str), rest: &str) {
                let uri = format!("ciscospark://us/{}/{}", K::NAME, Uuid::from_u128(uuid));
                let text = URL_SAFE.encode(uri).replace('=', "");
                let local = Some(Local::Uuid(Uuid::from_u128(uuid)));
                assert_eq!(meaning::<K>(&text), local);
                assert_eq!(text.strip_prefix(K::US.0).and_then(usual::<K>), local, "at once");
                let mut text = text + rest;
                text.replace_range(at.min(text.len() - 1)..(at + 1).min(text.len()), sign);
                assert_eq!(meaning::<K>(&text), encoded::<K>(&text), "{text}");
            }
            agree::<Room>(uuid, (at, &sign), &rest);
            agree::<Person>(uuid, (at, &sign), &rest);
            agree::<Org>(uuid, (at, &sign), &rest);
            agree::<Webhook>(uuid, (at, &sign), &rest);
        }
    }
}
