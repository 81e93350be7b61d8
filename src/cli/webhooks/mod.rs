//! `botwarden webhooks`, and `botwarden sync`.

mod delete;
mod document;
mod list;
mod page;
mod reach;
mod rotate;
pub(super) mod sync;
mod verdict;

use clap::{Args, Subcommand};

use super::Global;
use super::common::block_on;
use super::exit::Exit;

/// Look after the webhooks that Webex calls
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden webhooks list\n  botwarden webhooks sync --dry-run",
    arg_required_else_help = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Show what is registered, what is missing, and what goes around the gateway
    List(list::Arguments),
    /// Make and repair what the gateway needs
    Sync(sync::Arguments),
    /// Give the webhooks of a bot a new secret, without losing an event
    RotateSecret(rotate::Arguments),
    /// Delete one webhook, whatever it is
    Delete(delete::Arguments),
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    block_on(async {
        match &arguments.task {
            Task::List(arguments) => list::run(arguments, global).await,
            Task::Sync(arguments) => sync::run(arguments, global).await,
            Task::RotateSecret(arguments) => Box::pin(rotate::run(arguments, global)).await,
            Task::Delete(arguments) => delete::run(arguments, global).await,
        }
    })
}

/// `botwarden sync`
pub(super) fn run_sync(arguments: &sync::Arguments, global: &Global) -> Exit {
    block_on(sync::run(arguments, global))
}
