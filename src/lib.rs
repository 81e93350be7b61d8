//! botwarden

pub mod gate;
pub mod config;
pub mod report;
pub mod rt;
pub mod webex;
pub mod membership;
pub mod inbox;
pub mod forward;
pub mod flow;
pub mod ingress;
pub mod admin;
pub mod simulator;
pub mod cli;
