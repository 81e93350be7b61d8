//! Whether seals vouch for a log, judged at a moment. Pure. Rules, in order:
//!
//! 1. One good seal is enough: [`super::verify`] has refused every other one.
//! 2. A log that is so young that the first seal may still come is not sealed yet. Every run in it promises seals of
//!    a key at hand, and its first record is no older than the longest wait. Only the whole log counts: a young run
//!    behind runs that were never sealed proves nothing of them.
//! 3. All others lack their seal.

use std::time::{Duration, SystemTime};

use super::pen::SEAL_EVERY;
use super::verify::Tally;

/// For a loaded machine that seals a little late, and for clocks that do not agree.
const LEEWAY: Duration = Duration::from_secs(30);

/// What seals say of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seals {
    /// There are some, all of them good.
    Good,
    /// There are none, and need not be.
    NotYet,
    /// There are none.
    Missing,
}

impl Tally {
    /// What the seals say now.
    pub fn seals(&self, now: SystemTime) -> Seals {
        let promised = self.starts > 0 && self.promised == self.starts && self.from == Some(1);
        match self.began() {
            _ if self.sealed > 0 => Seals::Good,
            Some(began) if promised && young(began, now) => Seals::NotYet,
            Some(_) | None => Seals::Missing,
        }
    }

    fn began(&self) -> Option<SystemTime> {
        self.first.as_deref()?.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
    }
}

/// A moment far ahead is as wrong as one long ago: a forger chooses it.
fn young(began: SystemTime, now: SystemTime) -> bool {
    match now.duration_since(began) {
        Ok(age) => age <= SEAL_EVERY + LEEWAY,
        Err(ahead) => ahead.duration() <= LEEWAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(promised: u64, from: u64, first: &str) -> Tally {
        let (from, first) = (Some(from), Some(first.into()));
        Tally { starts: 1, from, first, promised, ..Tally::default() }
    }

    #[test]
    fn a_log_is_not_sealed_yet_only_while_its_first_seal_may_still_come() {
        let noon = "2027-01-15T12:00:00.000Z";
        let now = noon.parse::<jiff::Timestamp>().unwrap().into();
        let young = tally(1, 1, noon);
        let table = [
            (young.clone(), Seals::NotYet),
            (tally(1, 1, "2027-01-15T11:54:30.000Z"), Seals::NotYet),
            (tally(1, 1, "2027-01-15T11:54:29.999Z"), Seals::Missing),
            (tally(1, 1, "2027-01-15T12:00:30.000Z"), Seals::NotYet),
            (tally(1, 1, "2027-01-15T12:00:30.001Z"), Seals::Missing),
            (tally(1, 1, "noon"), Seals::Missing),
            (tally(0, 1, noon), Seals::Missing),
            (tally(1, 7, noon), Seals::Missing),
            (Tally { starts: 2, ..young.clone() }, Seals::Missing),
            (Tally { starts: 0, promised: 0, ..young.clone() }, Seals::Missing),
            (Tally { first: None, ..young }, Seals::Missing),
            (Tally { sealed: 1, ..tally(0, 7, "2020-01-15T12:00:00.000Z") }, Seals::Good),
        ];
        for (tally, seals) in table {
            assert_eq!(tally.seals(now), seals, "{tally:?}");
        }
    }
}
