//! botwarden

pub mod gate;
pub mod config;
pub mod report;
pub mod rt;
pub mod inbox;
pub mod simulator;
