//! The program itself: what it prints where, and how it exits.
#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

mod audit;
mod basics;
mod demo;
mod harness;
mod reload;
mod rotation;
mod together;
mod webhooks;
