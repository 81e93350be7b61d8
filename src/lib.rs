//! botwarden stands between Webex and the bots that a company already has. A Webex event reaches a bot only if it is
//! authentic, and only if everybody in its room belongs to an allowed organisation.
//!
//! # The path of an event
//!
//! ```text
//!  Webex ─▶ ingress ─▶ verify ─▶ read ─▶ inbox ═▶ 200 to Webex          admit   (upper line)
//!            Arrival   Authentic  Notice    │  keeps the Arrival, not the proof
//!                                           ▼
//!               bot ◀─ forward ◀─ judge ◀─ ask ◀─ read ◀─ verify         deliver (lower line)
//!                     Cleared      ▲ Roster
//!                              membership ─▶ webex
//! ```
//!
//! Two functions in [`flow`] tell the whole story: `take_in` and `deliver`. Whoever has read this page, [`gate`] and
//! [`flow`] knows the product.
//!
//! # Words
//!
//! * **arrival**: bytes at the door, nothing about them is believed; **authentic**: these bytes carry a MAC under one
//!   of the route's keys; **notice**: an authentic event, read; **cleared**: every rule let it through.
//! * **roster**: who is in a room, as read at one moment; **audience**: who may be; **outsider**: who may not.
//! * **refusal**: the caller's fault or the room's, never retried; **outage**: a dependency's, retried, then expired
//!   with a record; **problem**: the operator's, all shown at once.
//! * **letter**: an event in the inbox; **lane**: letters that keep their order; **desk**: what is known of one bot.
//!
//! # What must stay true
//!
//! 1. No byte reaches a bot without [`gate::policy::Cleared`], which only `judge` makes. An unauthenticated caller
//!    learns nothing about policy, and causes no call to Webex, no line with its own text, and of records one a minute
//!    for each reason however long it goes on.
//! 2. The body that the bot gets is the body that Webex sent, byte for byte, with `X-Spark-Signature`.
//! 3. "Could not find out" is neither yes nor no: never forwarded, never remembered, and never a reason to leave a room
//!    ([`gate::departure`]).
//! 4. A room is clean only on a complete list; an outsider ends the reading early.
//! 5. A membership event that arrives while a list is being read makes that list worthless.
//! 6. Freshness is decided by the core, not by a cache's clock. An old "clean" never serves; an old "not clean" may.
//! 7. The bot itself is exempt by person id only. Nothing is exempt by e-mail suffix.
//! 8. Secrets exist in configuration by reference only; never in a log, an error, a metric or `Debug`.
//! 9. Every read is capped, every queue bounded, every wait has a deadline. A flood of forged calls cannot starve
//!    authentic ones.
//! 10. Every verdict has a record.
//! 11. What was answered 200 is delivered, refused with a record, or expired with a record (in memory: as long as the
//!     process is stopped, not killed).
//! 12. The simulator obeys the published API description, and can misbehave in every way that was seen in the field.
//!
//! # Rooms, in order
//!
//! A module imports only modules above it; `tests/architecture.rs` checks that, and which outside crates each may name.

pub mod gate;
pub mod config;
pub mod report;
pub mod rt;
pub mod telemetry;
pub mod webex;
pub mod membership;
pub mod inbox;
pub mod forward;
pub mod flow;
pub mod ingress;
pub mod audit;
pub mod upkeep;
pub mod admin;
pub mod simulator;
pub mod cli;
