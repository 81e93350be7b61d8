//! `audit` against simulators.

mod bots;
mod leaving;
mod report;
mod resume;
mod site;
