//! Simulator and gateway as processes, as the tests of signals have them.

#[path = "../cli/process/bot.rs"]
pub(crate) mod bot;
#[path = "../cli/process/site.rs"]
pub(crate) mod site;
