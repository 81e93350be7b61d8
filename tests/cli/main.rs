//! The program itself: what it prints where, and how it exits.
#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

mod audit;
mod basics;
mod demo;
mod harness;
mod operate;
mod rotation;
mod together;
mod webhooks;
