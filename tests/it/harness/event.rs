//! Secrets, and proofs that are made without the product's code.

use base64::Engine as _;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

pub(crate) const SECRET: &str = "the-webhook-secret-of-helpdesk";
pub(crate) const OLD_SECRET: &str = "the-secret-before-it-was-rotated";
pub(crate) const SIGNING: &str = "the-key-that-the-bot-checks-us-by";

fn pad(key: &[u8], with: u8) -> Vec<u8> {
    (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect()
}

/// HMAC-SHA1 as RFC 2104 writes it, from the hash alone.
pub(crate) fn mac(key: &[u8], body: &[u8]) -> String {
    assert!(key.len() <= 64, "longer keys are hashed first");
    let inner = Sha1::digest([&pad(key, 0x36), body].concat());
    hex(&Sha1::digest([&pad(key, 0x5c)[..], &inner].concat()))
}

/// The signature of Standard Webhooks, from the hash alone.
pub(crate) fn standard_webhook(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let inner = Sha256::digest([&pad(key, 0x36)[..], &signed].concat());
    let outer = Sha256::digest([&pad(key, 0x5c)[..], &inner].concat());
    format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(outer))
}

pub(crate) fn sha256(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

#[test]
fn the_oracle_agrees_with_the_published_vectors() {
    let key = b"gateway-test-secret";
    assert_eq!(mac(key, b"{}"), "fc2f1c9ba757a899c05bebbba86e6dc33ed20e7a");
    assert_eq!(mac(key, b"{\"a\":1}\n"), "1b3774c66a59d2694b325b7dce4eab48bf7314a7");
}
