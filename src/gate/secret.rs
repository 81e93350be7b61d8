//! Bytes that nobody may read.

use std::fmt;

use zeroize::Zeroizing;

/// A secret value: a token, a webhook secret. No `Display`, no `Serialize`, a `Debug` that shows nothing, and its
/// memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one call that needs them. Every use is worth a look in review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_as_long_as_it_looks() {
        let (none, some) = (Secret::new(Vec::new()), Secret::new(b"hunter2".to_vec()));
        assert_eq!((none.len(), none.is_empty()), (0, true));
        assert_eq!((some.len(), some.is_empty(), some.expose()), (7, false, &b"hunter2"[..]));
    }

    #[test]
    fn debug_shows_neither_value_nor_length() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret(hidden)");
    }
}
