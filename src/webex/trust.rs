//! What the certificates of others are checked with.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, Error};
use rustls_platform_verifier::Verifier;

/// The one that somebody uses. Reading some 150 roots takes milliseconds and 300 KB, and each bot and each upstream
/// would do it again; when nobody uses them any more, the next one reads them again.
static IN_USE: Mutex<Weak<Verifier>> = Mutex::new(Weak::new());

/// TLS with the roots of this system, without ALPN. Fails where the system has no root at all.
pub fn system_trust() -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(&provider)?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // nothing is: it is the verifier that the library itself would make
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn verifier(provider: &Arc<CryptoProvider>) -> Result<Arc<Verifier>, Error> {
    // A panic elsewhere leaves it whole: a change is one assignment.
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = in_use.upgrade() {
        return Ok(known);
    }
    let read = Arc::new(Verifier::new(Arc::clone(provider))?);
    *in_use = Arc::downgrade(&read);
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_are_read_once_for_all_who_use_them() {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let first = verifier(&provider).unwrap();
        let second = system_trust().unwrap();
        assert!(Arc::ptr_eq(&first, &verifier(&provider).unwrap()));
        assert!(Arc::strong_count(&first) >= 2, "{second:?} holds it");
    }
}
