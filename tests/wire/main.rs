//! A hostile wire: the program itself, attacked over real sockets by callers, bots and whoever reaches its listeners.
//!
//! `cargo test --test wire -- --nocapture` prints a line for each case: what authentic events got beside it, and how much
//! memory it cost.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    reason = "tests may fail loudly, and tell what they measured"
)]

mod beside;
mod bot;
mod crowd;
mod endings;
mod event;
mod framing;
mod heads;
mod line;
mod listeners;
mod memory;
mod pipelines;
#[expect(dead_code, reason = "the tests of signals need more of it")]
mod process;
mod segments;
mod slow;
mod stage;
mod tls;
mod unread;
mod upstream;

#[path = "../cli/harness.rs"]
#[expect(dead_code, reason = "the tests of the commands need more of it")]
mod harness;

/// Proofs that are made without the product's code.
#[path = "../it/harness/event.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod proof;
