//! The webhooks of a bot: what there is, what there should be, and what leads from one to the other.
//!
//! [`plan`](plan::plan) is pure: the wanted and the actual webhooks in, what is wrong and what to change out.
//! [`apply()`] does it, and looks again.

mod api;
mod apply;
mod cover;
mod desired;
mod judge;
pub mod plan;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod spelling_tests;
mod unlisted;
#[cfg(test)]
mod world_tests;

pub use api::{Fresh, Repair, Webhook};
pub use apply::{Applied, Scope, Work, apply};
pub use desired::{Desired, Health, OWN_NAME, Wanted};
pub use plan::{Change, Plan, Seen, plan};
pub use unlisted::Unlisted;
