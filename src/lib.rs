//! botwarden
