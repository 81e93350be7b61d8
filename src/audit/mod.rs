//! Every room of a bot: clean, with outsiders, or unknown; and leaving those that should be left.
//!
//! ```text
//!  Auditor::survey ─▶ Survey ─▶ rail ─▶ Allowance ─▶ Permit ─┐
//!                       └─▶ Found (room, first list) ────────┴─▶ Auditor::depart ─▶ Departed
//! ```
//!
//! What must stay true:
//!
//! 1. A room is clean, or has outsiders, by a complete list only. Whatever could not be found out is unknown, and
//!    nothing is done about it.
//! 2. A list of rooms that is not complete is no audit: nothing is left.
//! 3. A survey writes nothing to Webex.
//! 4. A room is left only with a [`Permit`] of the rail and by two complete lists that agree.
//! 5. Addresses and names of people are in a row only when they were asked for. Titles and names are foreign text:
//!    whoever shows them tames them.

mod auditor;
mod departing;
mod foreign;
mod known;
mod ledger;
mod ledger_file;
mod luck;
mod pass;
mod rail;
mod reading;
mod report;
mod room;
mod row;
mod shelf;
mod stamp;
mod survey;
mod tenure;
mod whole;
mod wish;

pub use auditor::{Auditor, PATIENT, Parts};
pub use departing::Departed;
pub use foreign::{ForeignOrg, ForeignOrgs};
pub use known::{Added, Who};
pub use ledger::Ledger;
pub use rail::{Allowance, Permit, TooMany, rail};
pub use report::{AddedCount, Counts, Report, SCHEMA, Summary};
pub use row::{Action, AddedBy, Outsider, Row};
pub use shelf::{Filed, Shelf, Unfiled};
pub use survey::{Found, Survey, Watch};
pub use tenure::{State as TenureState, Tenure};
pub use wish::{People, Titles, Wish};
