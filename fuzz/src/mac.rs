//! HMAC by RFC 2104 on bare SHA-1, and hex by hand.

use sha1::{Digest as _, Sha1};

/// The bytes that SHA-1 takes at once.
const BLOCK: usize = 64;

/// The MAC of a text.
pub fn hmac(key: &[u8], text: &[u8]) -> [u8; 20] {
    let short = if key.len() > BLOCK { Sha1::digest(key).to_vec() } else { key.to_vec() };
    let pad = |with: u8| -> Vec<u8> {
        (0..BLOCK).map(|at| short.get(at).copied().unwrap_or(0) ^ with).collect()
    };
    let inner = Sha1::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha1::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// 40 digits.
pub fn hex(mac: [u8; 20]) -> String {
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}
