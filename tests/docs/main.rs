//! Documents that are made from the code, and must not be older than it. `BLESS=1 cargo test --test docs` renews them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may stop"
)]

mod configuration;
mod environment;
mod reasons;
mod security;
mod words;

use std::path::Path;

/// A document that is not as it should be fails the test, or is renewed.
fn current(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(there == expected, "docs/{name} is stale: BLESS=1 cargo test --test docs");
}
