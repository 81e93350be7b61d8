//! `botwarden schema`

use clap::Args;

use super::common::print;
use super::exit::Exit;
use crate::config;

/// Print the JSON schema of gateway.yaml
#[derive(Debug, Args)]
#[command(before_help = "  botwarden schema\n  botwarden schema > gateway.schema.json")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Exit {
    print(&format!("{:#}\n", config::schema()))
}
