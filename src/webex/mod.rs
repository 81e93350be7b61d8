//! The Webex API, as far as it is asked. An answer that cannot be trusted is an [`Outage`], never a guess.
//!
//! Where a page leads is foreign text: the token follows it to the configured API and nowhere else. Every read is
//! capped, every wait has a deadline, and what goes wrong is told without addresses, tokens or words of the other side.
//!
//! [`Outage`]: crate::report::outage::Outage

mod budget;
mod call;
mod client;
mod departure;
mod fault;
mod line;
mod link;
mod listed;
mod messages;
mod memberships;
mod model;
mod own;
mod pace;
mod renewal;
mod retry_after;
mod trail;
mod trust;
pub mod webhooks;

pub use budget::{Claim, Silences};
pub use call::Effort;
pub use client::{Client, ClientProblem, outward};
pub use departure::Left;
pub use listed::{Addressed, Listed};
pub use messages::To;
pub use model::{Me, PersonKind, RoomKind, RoomView};
pub use own::Own;
pub use renewal::{Authorization, Fit};
pub use trust::system_trust;

#[cfg(test)]
pub(crate) mod stub;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod budget_tests;
#[cfg(test)]
mod tls_tests;
#[cfg(test)]
mod writes_tests;
