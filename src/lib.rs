//! botwarden

pub mod simulator;
