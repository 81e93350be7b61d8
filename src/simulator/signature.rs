//! How Webex signs a delivery. Written on its own, away from the product's verifier, because it is the other side of it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// Lower-case hex of HMAC-SHA1 over the exact bytes of the body; the secret is text, never decoded.
pub(crate) fn of(secret: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body);
    let mut hex = [0; 40];
    base16ct::lower::encode_str(&mac.finalize().into_bytes(), &mut hex).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn matches_known_values() {
        let secret = "gatekeeper-test-secret";
        let cases = [
            (
                r#"{"resource":"messages","event":"created"}"#,
                "233f25a9ab216ddb377b29c2dc35d90bd70305b8",
            ),
            (r#"{"name":"Grüße ☃"}"#, "2dded8ea35dc643da7559a6de96d875696f77eca"),
        ];
        for (body, expected) in cases {
            assert_eq!(of(secret, body.as_bytes()).as_deref(), Some(expected), "{body}");
        }
    }
}
