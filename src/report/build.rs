//! Which botwarden this is.

use std::env::consts::{ARCH, OS};

/// The version, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Set by whoever builds a release: `BOTWARDEN_REVISION=$(git rev-parse HEAD) cargo build --release`.
pub const REVISION: Option<&str> = option_env!("BOTWARDEN_REVISION");

/// What it was built for, such as `x86_64-linux`.
pub fn target() -> String {
    format!("{ARCH}-{OS}")
}
