//! `botwarden version`

use std::env::consts::{ARCH, OS};

use clap::Args;
use serde_json::json;

use super::common::print;
use super::exit::Exit;
use super::{Global, Output};

/// Print version, revision and target
#[derive(Debug, Args)]
#[command(before_help = "  botwarden version\n  botwarden version --json")]
pub(super) struct Arguments {}

/// Set by whoever builds a release: `BOTWARDEN_REVISION=$(git rev-parse HEAD) cargo build --release`.
const REVISION: Option<&str> = option_env!("BOTWARDEN_REVISION");

/// Version and revision.
pub(super) const BUILD: (&str, Option<&str>) = (env!("CARGO_PKG_VERSION"), REVISION);

pub(super) fn run(_: &Arguments, global: &Global) -> Exit {
    let version = env!("CARGO_PKG_VERSION");
    print(&match global.output() {
        Output::Text => {
            let revision = REVISION.unwrap_or("revision unknown");
            format!("botwarden {version} ({revision}, {ARCH}-{OS})\n")
        }
        Output::Json => {
            let document = json!({
                "schema": "botwarden/version/1",
                "version": version,
                "revision": REVISION,
                "target": {"arch": ARCH, "os": OS},
                "config_version": 1,
            });
            format!("{document:#}\n")
        }
    })
}
