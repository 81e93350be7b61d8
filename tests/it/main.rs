//! The whole gateway over real sockets: a simulated Webex in front of it, a bot that records and misbehaves behind it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may fail loudly, run tasks of their own, and trust the size of what they made"
)]

mod harness;

mod answers;
mod audit;
mod bytes;
mod classes;
mod crowd;
mod delivery;
mod evidence;
mod holes;
mod insiders;
mod metrics;
mod notices;
mod outages;
mod records;
mod redaction;
mod reload;
mod rooms;
mod strangers;
mod telemetry;
mod traps;
mod webhook_faults;
mod webhooks;
mod upkeep;
