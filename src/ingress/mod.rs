//! The listener that Webex reaches: limits, rules 1 to 5, and what the caller is told.
//!
//! Everything here is written for callers that are not Webex:
//!
//! * Every wait has a limit: for the TLS handshake and the head of a call, for its body, for the silence between two
//!   calls, and for the reading of answers ([`timely`]).
//! * A connection takes memory for HTTP while it is called, and a moment longer ([`lull`]); at rest it is a socket and some
//!   2 KiB.
//! * Connections are bounded. When all places are taken, whoever has been there longest without an authentic event
//!   makes room ([`guests`]), so slow clients cannot lock Webex out.
//! * Large bodies are bounded apart from small ones ([`body`]), so large forgeries cannot use up the memory, nor can
//!   they take the place of events, which are small. Among large ones the oldest makes room ([`lot`]).
//! * Small bodies that are not there at once are bounded as well, in the same way; an event that comes whole with its
//!   head needs no place.
//! * Events that somebody waits for have a lot of their own, which only authentic events draw from ([`call`]).
//!
//! HTTP/1.1 only. A path is compared byte by byte; a target that is not a plain path belongs to no route.

mod accept;
mod answer;
mod body;
mod call;
mod connection;
mod drain;
mod guests;
mod linger;
mod listener;
mod lot;
mod lull;
mod muffle;
mod passed;
mod timely;
mod tls;
mod watch;
mod word;

pub(crate) use accept::accept;
pub use answer::{Response, answer};
pub use drain::Drain;
pub(crate) use guests::{Guest, Guests, Working};
pub use listener::{BindProblem, Bound, bind, converse, handed_over};
pub use passed::{Listener, Passed, PassedProblem};
#[cfg(test)]
pub(crate) use timely::READ_WITHIN;
pub(crate) use timely::{Kind, Timely};
pub use tls::{Certificates, Examined, examine, examine_in};

#[cfg(test)]
mod tests;
