//! One line a second for each reason; the rest is counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::gate::refusal::Refusal;

/// How often each reason may be told.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Quota(Mutex<HashMap<Refusal, (SystemTime, u64)>>);

impl Quota {
    /// Whether to tell it now, and how many were not told since the last time.
    pub(super) fn admit(&self, reason: Refusal, at: SystemTime) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, unsaid) = told.entry(reason).or_insert((SystemTime::UNIX_EPOCH, 0));
        // A clock that was set back must not silence the line until it has caught up.
        if at >= *last && at.duration_since(*last).is_ok_and(|since| since < EVERY) {
            *unsaid += 1;
            return None;
        }
        *last = at;
        Some(std::mem::take(unsaid))
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
    }
}
