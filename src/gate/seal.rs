//! Seals under the decision log: Ed25519 (RFC 8032), so that whoever has the public key can tell the gateway's own
//! records from those that somebody else has put together.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use sha2::{Digest as _, Sha256};

use super::secret::Secret;

/// What stands before the 32 bytes of the key: `SubjectPublicKeyInfo` of RFC 8410, which has no options.
const PUBLIC: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Such as `9f86d081884c7d65`: the first 8 bytes of the SHA-256 of the public key.
pub type KeyId = Box<str>;

/// The private half. Its `Debug` shows nothing but its id.
#[derive(Clone)]
pub struct SealKey {
    pair: Arc<Ed25519KeyPair>,
    id: KeyId,
}

/// This is no Ed25519 key in PEM. It does not repeat what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key in PEM")]
pub struct BadKey;

/// The seal is not of this key, or not under these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit")]
pub struct Forged;

impl SealKey {
    /// From `-----BEGIN PRIVATE KEY-----`, as `openssl genpkey -algorithm ed25519` writes it.
    pub fn from_pem(pem: &Secret) -> Result<Self, BadKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose()).map_err(|_no_echo| BadKey)?;
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_no_echo| BadKey)?;
        let id = id(pair.public_key().as_ref());
        Ok(Self { pair: Arc::new(pair), id })
    }

    /// Which key it is.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The signature of these bytes, in base64.
    pub fn seal(&self, bytes: &[u8]) -> String {
        STANDARD.encode(Ed25519KeyPair::sign(&self.pair, bytes))
    }

    /// Whether these bytes were sealed with this key: there is one signature for each text.
    pub fn check(&self, bytes: &[u8], seal: &str) -> Result<(), Forged> {
        if self.seal(bytes) == seal { Ok(()) } else { Err(Forged) }
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The public half.
#[derive(Clone, Debug)]
pub struct PublicKey {
    key: Arc<ParsedPublicKey>,
    id: KeyId,
}

impl PublicKey {
    /// From `-----BEGIN PUBLIC KEY-----`, as `openssl pkey -pubout` writes it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadKey> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_no_echo| BadKey)?;
        let raw = der.as_ref().strip_prefix(PUBLIC).ok_or(BadKey)?;
        let key = ParsedPublicKey::new(&ED25519, raw).map_err(|_no_echo| BadKey)?;
        Ok(Self { key: Arc::new(key), id: id(raw) })
    }

    /// Which key it is.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether these bytes were sealed with the private half.
    pub fn check(&self, bytes: &[u8], seal: &str) -> Result<(), Forged> {
        let seal = STANDARD.decode(seal).map_err(|_no_echo| Forged)?;
        self.key.verify_sig(bytes, &seal).map_err(|_says_nothing| Forged)
    }
}

fn id(public: &[u8]) -> KeyId {
    let digest = Sha256::digest(public);
    let first: [u8; 8] = digest.first_chunk().copied().unwrap_or_default();
    base16ct::lower::encode_string(&first).into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Made with openssl 3.0: `genpkey -algorithm ed25519`, `pkey -pubout`.
    pub(crate) const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGx1gMe1qU2cVX5p5ZFtUmr3zXw8eA5AZBjNYJWKXGp+\n-----END PRIVATE KEY-----\n";
    pub(crate) const PUBLIC_HALF: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAyL9drrtEqJP3BuwN5fcap01dAeIj684v2S1riV1DZ04=\n-----END PUBLIC KEY-----\n";
    /// `pkeyutl -sign -rawin` of `a line` with that key, in base64.
    const SEAL: &str =
        "hSXWGlkLXlk5aNEXXt/M3t5M8/p0ispazykLlLrIq6AU7AQCxncx+XBZQp81399PaMwkjJTr1ILSs1ga37phAA==";

    pub(crate) fn key() -> SealKey {
        SealKey::from_pem(&Secret::new(PRIVATE.into())).unwrap()
    }

    #[test]
    fn openssl_and_the_gateway_agree_on_keys_and_seals() {
        let public = PublicKey::from_pem(PUBLIC_HALF.as_bytes()).unwrap();
        assert_eq!(key().seal(b"a line"), SEAL, "there is one signature for each text");
        assert_eq!(public.check(b"a line", SEAL), Ok(()));
        assert_eq!((key().id(), public.id()), ("0104f750cea81354", "0104f750cea81354"));
        for (text, seal) in
            [("a lime", SEAL), ("a line", "AAAA"), ("a line", "not base64"), ("a line", "")]
        {
            assert_eq!(public.check(text.as_bytes(), seal), Err(Forged), "{text} {seal}");
            assert_eq!(key().check(text.as_bytes(), seal), Err(Forged), "{text} {seal}");
        }
        assert_eq!(key().check(b"a line", SEAL), Ok(()));
    }

    #[test]
    fn what_is_no_ed25519_key_is_refused_and_never_shown() {
        for text in [
            "",
            "secret",
            PUBLIC_HALF,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            assert_eq!(SealKey::from_pem(&Secret::new(text.into())).unwrap_err(), BadKey, "{text}");
        }
        for text in ["", PRIVATE, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert_eq!(PublicKey::from_pem(text.as_bytes()).unwrap_err(), BadKey, "{text}");
        }
        assert_eq!(format!("{:?}", key()), r#"SealKey { id: "0104f750cea81354", .. }"#);
    }
}
