//! The program itself: what it prints where, and how it exits.
#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

mod audit;
mod basics;
mod control;
mod credentials;
mod demo;
mod evidence;
mod harness;
mod healthcheck;
mod operate;
mod process;
mod reload;
mod rotation;
mod sockets;
mod supervisor;
mod together;
mod webhooks;
