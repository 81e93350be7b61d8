//! botwarden

pub mod gate;
