//! `audit` against simulators.

mod asking;
mod bots;
mod leaving;
mod report;
mod resume;
mod site;
