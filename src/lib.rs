//! botwarden

pub mod gate;
pub mod config;
pub mod report;
pub mod rt;
pub mod forward;
pub mod flow;
pub mod ingress;
pub mod admin;
