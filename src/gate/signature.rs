//! Did the holder of the webhook secret send exactly these bytes?
//!
//! `X-Spark-Signature` is the HMAC-SHA1 of the raw body under the registration's secret, as 40 hex digits (Webex
//! webhooks guide). The key is chosen by the route, never by anything in the body.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha1::Sha1;
use subtle::{Choice, ConstantTimeEq};

use super::arrival::Arrival;
use super::refusal::Refusal;
use super::secret::Secret;

/// The header that carries the MAC.
pub static HEADER: HeaderName = HeaderName::from_static("x-spark-signature");

/// The length of a SHA-1 MAC in bytes.
const MAC_LEN: usize = 20;

/// The shortest secret that is taken, in bytes: 128 bits, below which an offline guess becomes thinkable.
pub const SHORTEST_SECRET: usize = 16;

/// One webhook secret, ready to verify with. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha1>);

/// The secret is too short to protect anything; with an empty one anybody can sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shorter than {SHORTEST_SECRET} bytes")]
pub struct WeakSecret;

impl SigningKey {
    /// A key from a secret's bytes as they are: Webex uses the text, also where it looks like hex.
    pub fn new(secret: &Secret) -> Result<Self, WeakSecret> {
        if secret.len() < SHORTEST_SECRET {
            return Err(WeakSecret);
        }
        Hmac::new_from_slice(secret.expose()).map(Self).map_err(|_any_length_is_a_key| WeakSecret)
    }

    fn matches(&self, body: &[u8], given: &[u8; MAC_LEN]) -> Choice {
        let mut mac = self.0.clone();
        mac.update(body);
        mac.finalize().into_bytes().as_slice().ct_eq(given)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(hidden)")
    }
}

/// The keys of one route: the current secret and, while rotating, earlier ones. An empty ring verifies nothing.
#[derive(Clone, Default)]
pub struct KeyRing {
    keys: Vec<SigningKey>,
    /// Clones of a ring are the same ring; one that is made anew is another, whatever its keys.
    mark: Arc<Mark>,
}

/// Which ring it is; it has a size, so that each has a place of its own.
#[derive(Debug, Default)]
struct Mark(#[expect(dead_code, reason = "only its place counts")] u8);

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.keys).finish()
    }
}

impl KeyRing {
    /// A ring of these keys.
    pub fn new(keys: Vec<SigningKey>) -> Self {
        Self { keys, mark: Arc::default() }
    }

    /// The header's value for a body under the first key. Only `botwarden send` and `botwarden explain` sign: what they
    /// make is theirs to try the gateway with, and goes no further than this machine.
    pub(crate) fn sign(&self, body: &[u8]) -> Option<String> {
        let mut mac = self.keys.first()?.0.clone();
        mac.update(body);
        Some(base16ct::lower::encode_string(&mac.finalize().into_bytes()))
    }

    /// Every key is tried, so that the time taken does not say which one matched.
    fn matches(&self, body: &[u8], given: &[u8; MAC_LEN]) -> bool {
        let hit = self.keys.iter().fold(Choice::from(0), |hit, key| hit | key.matches(body, given));
        hit.into()
    }
}

/// Exactly these bytes carry a MAC under one of the route's keys.
///
/// ```compile_fail,E0451
/// // Only `verify` makes one.
/// let arrival: botwarden::gate::arrival::Arrival = todo!();
/// let forged = botwarden::gate::signature::Authentic { arrival, ring: todo!() };
/// ```
#[derive(Debug)]
pub struct Authentic {
    arrival: Arrival,
    ring: Arc<Mark>,
}

impl Authentic {
    /// The bytes that were proved.
    pub fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    /// Lets go of the proof: what is kept for later is an arrival again.
    pub fn into_arrival(self) -> Arrival {
        self.arrival
    }

    /// Whether these are the keys that it was proved with, and not others that came in their place.
    pub(super) fn was_proved_with(&self, keys: &KeyRing) -> bool {
        Arc::ptr_eq(&self.ring, &keys.mark)
    }

    /// The same bytes in memory of their own ([`Arrival::compact`]).
    #[must_use]
    pub fn compact(self) -> Self {
        Self { arrival: self.arrival.compact(), ..self }
    }
}

/// Rules 6 to 8: exactly one signature header, 40 hex digits in either case, a MAC of the raw body.
pub fn verify(arrival: Arrival, keys: &KeyRing) -> Result<Authentic, Refusal> {
    let given = given(&arrival)?;
    if keys.matches(arrival.body(), &given) {
        Ok(Authentic { arrival, ring: Arc::clone(&keys.mark) })
    } else {
        Err(Refusal::SignatureMismatch)
    }
}

fn given(arrival: &Arrival) -> Result<[u8; MAC_LEN], Refusal> {
    let mut values = arrival.headers().get_all(&HEADER).iter();
    let value = values.next().ok_or(Refusal::SignatureMissing)?;
    if values.next().is_some() {
        return Err(Refusal::SignatureRepeated);
    }
    let mut mac = [0; MAC_LEN];
    match base16ct::mixed::decode(value.as_bytes().trim_ascii(), &mut mac) {
        Ok(decoded) if decoded.len() == MAC_LEN => Ok(mac),
        Ok(_) | Err(_) => Err(Refusal::SignatureMismatch),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::super::arrival::tests::arrival;
    use super::*;

    pub(crate) const SECRET: &str = "gateway-test-secret";

    pub(crate) fn ring(secrets: &[&str]) -> KeyRing {
        KeyRing::new(
            secrets
                .iter()
                .map(|text| SigningKey::new(&Secret::new(text.as_bytes().to_vec())).unwrap())
                .collect(),
        )
    }

    /// HMAC by RFC 2104 on bare SHA-1: the oracle shares no line with the code under test.
    pub(crate) fn oracle(secret: &[u8], body: &[u8]) -> String {
        use sha1::Digest;
        assert!(secret.len() <= 64, "longer keys are hashed first");
        let pad = |with: u8| -> Vec<u8> {
            (0..64).map(|i| secret.get(i).copied().unwrap_or(0) ^ with).collect()
        };
        let inner = Sha1::new().chain_update(pad(0x36)).chain_update(body).finalize();
        let outer = Sha1::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
        hex(&outer)
    }

    fn hex(bytes: &[u8]) -> String {
        base16ct::lower::encode_string(bytes)
    }

    fn verdict(headers: &[(&'static str, &str)], body: &[u8]) -> Result<(), Refusal> {
        verify(arrival(headers, body), &ring(&[SECRET])).map(drop)
    }

    #[test]
    fn published_vectors_verify() {
        let vectors: [(&str, &[u8], &str); 8] = [
            (
                SECRET,
                br#"{"id":"abc","data":{"roomId":"R1"}}"#,
                "0176f950d180d551ae4dc69409619d10c779a36a",
            ),
            (SECRET, b"", "9b86546e23a6b1827dcd219ab3efc1f7b846b6c5"),
            (SECRET, b"{}", "fc2f1c9ba757a899c05bebbba86e6dc33ed20e7a"),
            (SECRET, r#"{"t":"héllo 😀"}"#.as_bytes(), "18ee621415a66150537d3e0762dc3a54334bb8c3"),
            (SECRET, b"{\"a\":1}\n", "1b3774c66a59d2694b325b7dce4eab48bf7314a7"),
            (SECRET, br#"{ "a" : 1 }"#, "a9dad61c0cfed3af212a8453fcf66ab8f772183a"),
            (
                "gatekeeper-test-secret",
                br#"{"resource":"messages","event":"created"}"#,
                "233f25a9ab216ddb377b29c2dc35d90bd70305b8",
            ),
            (
                "gatekeeper-test-secret",
                "{\"name\":\"Grüße ☃\"}".as_bytes(),
                "2dded8ea35dc643da7559a6de96d875696f77eca",
            ),
        ];
        for (secret, body, mac) in vectors {
            assert_eq!(oracle(secret.as_bytes(), body), mac);
            for spelling in [mac.to_owned(), mac.to_uppercase(), format!(" {mac} ")] {
                let arrival = arrival(&[("x-spark-signature", &spelling)], body);
                assert!(verify(arrival, &ring(&[secret])).is_ok(), "{spelling}");
            }
        }
    }

    #[test]
    fn rule_6_a_missing_signature_is_never_skipped() {
        assert_eq!(verdict(&[], b"{}"), Err(Refusal::SignatureMissing));
    }

    #[test]
    fn rule_7_a_repeated_header_is_refused_even_when_both_are_right() {
        let mac = oracle(SECRET.as_bytes(), b"{}");
        let twice = [("x-spark-signature", mac.as_str()), ("x-spark-signature", mac.as_str())];
        assert_eq!(verdict(&twice, b"{}"), Err(Refusal::SignatureRepeated));
    }

    #[test]
    fn rule_8_anything_but_forty_matching_hex_digits_is_a_mismatch() {
        let mac = oracle(SECRET.as_bytes(), b"{}");
        let long = format!("{mac}00");
        let prefixed = format!("sha1={mac}");
        let list = format!("{mac},{mac}");
        for text in [
            "",
            "0",
            mac.strip_prefix('f').unwrap(),
            &long,
            &prefixed,
            &list,
            "zz2f1c9ba757a899c05bebbba86e6dc33ed20e7a",
        ] {
            assert_eq!(
                verdict(&[("x-spark-signature", text)], b"{}"),
                Err(Refusal::SignatureMismatch),
                "{text}"
            );
        }
    }

    /// One MAC in 256 ends in a zero, which is also what is there when nothing was read.
    #[test]
    fn a_mac_that_ends_in_zeros_is_not_matched_by_a_shorter_one() {
        let (body, mac) = (0..10_000_u32)
            .map(|n| n.to_string())
            .map(|body| (body.clone(), oracle(SECRET.as_bytes(), body.as_bytes())))
            .find(|(_, mac)| mac.ends_with("00"))
            .unwrap();
        let signed = |mac: &str| verdict(&[("x-spark-signature", mac)], body.as_bytes());
        assert_eq!(signed(&mac), Ok(()));
        assert_eq!(signed(mac.strip_suffix("00").unwrap()), Err(Refusal::SignatureMismatch));
    }

    #[test]
    fn trap_hmac_over_reserialised_json_the_raw_bytes_count() {
        let mac = oracle(SECRET.as_bytes(), br#"{"a":1}"#);
        assert_eq!(
            verdict(&[("x-spark-signature", &mac)], br#"{ "a" : 1 }"#),
            Err(Refusal::SignatureMismatch)
        );
    }

    #[test]
    fn gw_a3_any_key_of_the_ring_verifies_and_an_empty_ring_never_does() {
        let mac = oracle(SECRET.as_bytes(), b"{}");
        let headers = [("x-spark-signature", mac.as_str())];
        assert!(
            verify(arrival(&headers, b"{}"), &ring(&["another-secret-of-ours", SECRET])).is_ok()
        );
        assert!(
            verify(arrival(&headers, b"{}"), &ring(&[SECRET, "another-secret-of-ours"])).is_ok()
        );
        assert!(
            verify(arrival(&headers, b"{}"), &ring(&[SECRET, SECRET])).is_ok(),
            "rotated to itself"
        );
        assert!(verify(arrival(&headers, b"{}"), &ring(&["another-secret-of-ours"])).is_err());
        assert!(verify(arrival(&headers, b"{}"), &KeyRing::default()).is_err());
    }

    #[test]
    fn what_is_signed_here_is_signed_with_the_first_key() {
        let ring = ring(&[SECRET, "another-secret-of-ours"]);
        assert_eq!(ring.sign(b"{}"), Some(oracle(SECRET.as_bytes(), b"{}")));
        assert_eq!(KeyRing::default().sign(b"{}"), None);
        assert!(format!("{ring:?}").contains("SigningKey(hidden)"));
    }

    #[test]
    fn what_is_kept_for_later_is_the_arrival_that_came() {
        let mac = oracle(SECRET.as_bytes(), b"{}");
        let came = arrival(&[("x-spark-signature", &mac)], b"{}");
        let kept = verify(came, &ring(&[SECRET])).unwrap().into_arrival();
        assert_eq!((&kept.body()[..], kept.headers().len()), (&b"{}"[..], 1));
    }

    #[test]
    fn gw_a2_an_empty_or_short_secret_is_no_key() {
        for text in ["", "x", "fifteen bytes.."] {
            assert!(SigningKey::new(&Secret::new(text.as_bytes().to_vec())).is_err(), "{text}");
        }
        assert!(SigningKey::new(&Secret::new(b"sixteen bytes...".to_vec())).is_ok());
    }

    proptest! {
        #[test]
        fn one_flipped_bit_in_body_or_mac_is_refused(body in proptest::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), bit in 0..8_u8, in_mac in any::<bool>()) {
            let mac = oracle(SECRET.as_bytes(), &body);
            let mut raw = [0_u8; MAC_LEN];
            base16ct::mixed::decode(mac.as_bytes(), &mut raw).unwrap();
            let mut body = body;
            if in_mac { raw[at.index(MAC_LEN)] ^= 1 << bit } else { let i = at.index(body.len()); body[i] ^= 1 << bit }
            let mac = hex(&raw);
            prop_assert_eq!(verdict(&[("x-spark-signature", &mac)], &body), Err(Refusal::SignatureMismatch));
        }
    }

    #[test]
    fn a_proof_counts_for_the_keys_that_made_it_and_for_no_others_in_their_place() {
        let (keys, body) = (ring(&[SECRET]), b"{}");
        let mac = oracle(SECRET.as_bytes(), body);
        let proved = verify(arrival(&[("x-spark-signature", &mac)], body), &keys).unwrap();
        let same = keys.clone();
        assert!(proved.was_proved_with(&keys) && proved.was_proved_with(&same));
        assert!(!proved.was_proved_with(&ring(&[SECRET])) && !proved.was_proved_with(&ring(&[])));
        assert!(proved.compact().was_proved_with(&keys));
    }
}
