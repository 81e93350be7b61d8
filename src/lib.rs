//! botwarden

pub mod gate;
pub mod config;
pub mod report;
pub mod rt;
pub mod webex;
pub mod membership;
pub mod inbox;
