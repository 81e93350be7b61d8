//! The simulator over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may fail loudly, run tasks of their own, and trust the size of answers from the same machine"
)]

mod api;
mod conformance;
mod control;
mod deliveries;
mod faults;
mod harness;
