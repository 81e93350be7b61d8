//! Proofs, made from the bare hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// Both are accepted throughout; which one stands first changes.
pub(crate) const SECRETS: [&str; 2] =
    ["the-first-secret-of-the-webhooks", "the-other-secret-of-the-webhooks"];

/// Whether Webex, or somebody with a secret, signed this: HMAC-SHA1 as RFC 2104 writes it.
pub(crate) fn is_authentic(body: &[u8], signature: Option<&str>) -> bool {
    SECRETS.iter().any(|secret| signature == Some(mac(secret.as_bytes(), body).as_str()))
}

fn mac(key: &[u8], body: &[u8]) -> String {
    let pad = |with: u8| -> Vec<u8> {
        (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect()
    };
    let inner = Sha1::digest([&pad(0x36), body].concat());
    base16ct::lower::encode_string(&Sha1::digest([&pad(0x5c)[..], &inner].concat()))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// The local part of a public id of Webex.
pub(crate) fn local(id: &str) -> String {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(id).unwrap()).unwrap();
    plain.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn the_oracle_agrees_with_the_published_vectors() {
    assert_eq!(mac(b"gateway-test-secret", b"{}"), "fc2f1c9ba757a899c05bebbba86e6dc33ed20e7a");
    let id = "Y2lzY29zcGFyazovL3VzL1JPT00vOTQ2ZTRmNDAtZDAwMi0xMWU5LTljY2ItYTdlNWJkZWJhZmIz";
    assert_eq!(local(id), "946e4f40-d002-11e9-9ccb-a7e5bdebafb3");
}
