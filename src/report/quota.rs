//! One line a second for each reason, and one a minute for as long as it goes on; the rest is counted.
//!
//! Anybody may cause these lines, and where records go to a disk they stay there: at one a second, strangers could fill it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::gate::refusal::Refusal;

/// How often each reason may be told.
const EVERY: Duration = Duration::from_secs(1);

/// What a line costs: it is worth that much time …
const COST: Duration = Duration::from_mins(1);

/// … and so much may be owed: an hour of mistakes by hand is told line by line, a flood of days gives 1,440 lines a day.
const CREDIT: Duration = Duration::from_hours(1);

#[derive(Debug, Default)]
pub(super) struct Quota(Mutex<HashMap<Refusal, Told>>);

#[derive(Debug)]
struct Told {
    last: SystemTime,
    owed: Duration,
    unsaid: u64,
}

impl Default for Told {
    fn default() -> Self {
        Self { last: SystemTime::UNIX_EPOCH, owed: Duration::ZERO, unsaid: 0 }
    }
}

impl Quota {
    /// Whether to tell it now, and how many were not told since the last time.
    pub(super) fn admit(&self, reason: Refusal, at: SystemTime) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(reason).or_default();
        // A clock that was set back must not silence the line until it has caught up.
        let since = at.duration_since(told.last).unwrap_or(COST);
        let owed = told.owed.saturating_sub(since).saturating_add(COST);
        if since < EVERY || owed > CREDIT {
            told.unsaid += 1;
            return None;
        }
        (told.last, told.owed) = (at, owed);
        Some(std::mem::take(&mut told.unsaid))
    }

    /// What was not told so far, for the end of the run.
    pub(super) fn rest(&self) -> Vec<(Refusal, u64)> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unsaid =
            told.iter_mut().map(|(refusal, told)| (*refusal, std::mem::take(&mut told.unsaid)));
        unsaid.filter(|(_, unsaid)| *unsaid > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_one_line_a_second_with_a_count() {
        let (quota, start) = (Quota::default(), SystemTime::UNIX_EPOCH + Duration::from_hours(1));
        assert_eq!(quota.admit(Refusal::SignatureMismatch, start), Some(0));
        for _ in 0..500 {
            assert_eq!(quota.admit(Refusal::SignatureMismatch, start + EVERY / 2), None);
        }
        assert_eq!(quota.admit(Refusal::SignatureMissing, start + EVERY / 2), Some(0));
        assert_eq!(quota.admit(Refusal::SignatureMismatch, start + EVERY), Some(500));
        assert_eq!(quota.admit(Refusal::SignatureMismatch, SystemTime::UNIX_EPOCH), Some(0));
        assert_eq!(quota.admit(Refusal::SignatureMismatch, SystemTime::UNIX_EPOCH), None);
        assert_eq!((quota.rest(), quota.rest()), (vec![(Refusal::SignatureMismatch, 1)], vec![]));
    }

    #[test]
    fn a_flood_of_days_fills_no_disk_and_every_call_is_counted() {
        let (quota, day) = (Quota::default(), 24 * 60 * 60);
        let call = |second: u64| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + second);
            quota.admit(Refusal::SignatureMissing, at)
        };
        let lines: Vec<u64> = (0..day).filter_map(call).collect();
        assert!((1_400..1_600).contains(&lines.len()), "{} lines", lines.len());
        assert!(lines.iter().take(60).all(|unsaid| *unsaid == 0), "the first ones are told each");
        let last = call(day + 120).expect("it is told again as soon as a minute was quiet");
        let counted: u64 = lines.iter().map(|unsaid| unsaid + 1).sum::<u64>() + last + 1;
        assert_eq!(counted, day + 1);
    }
}
