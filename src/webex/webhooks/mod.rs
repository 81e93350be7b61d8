//! The webhooks of a bot: what there is, what there should be, and what leads from one to the other.

mod api;

pub use api::{Fresh, Repair, Webhook};
