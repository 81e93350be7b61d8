//! `botwarden version`

use std::env::consts::{ARCH, OS};

use clap::Args;
use serde_json::json;

use super::common::print;
use super::exit::Exit;
use super::{Global, Output};
use crate::report::build::{REVISION, VERSION};

/// Print version, revision and target
#[derive(Debug, Args)]
#[command(before_help = "  botwarden version\n  botwarden version --json")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, global: &Global) -> Exit {
    print(&match global.output() {
        Output::Text => {
            let revision = REVISION.unwrap_or("revision unknown");
            format!("botwarden {VERSION} ({revision}, {ARCH}-{OS})\n")
        }
        Output::Json => {
            let document = json!({
                "schema": "botwarden/version/1",
                "version": VERSION,
                "revision": REVISION,
                "target": {"arch": ARCH, "os": OS},
                "config_version": 1,
            });
            format!("{document:#}\n")
        }
    })
}
