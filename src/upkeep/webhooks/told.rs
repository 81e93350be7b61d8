//! When people are warned about webhooks: when it changes, and once an hour. Pure.

use std::time::Duration;

use crate::gate::moment::Moment;
use crate::report::{Known, WebhookState};

/// What goes on is worth a line this often, for those who look at the log of the last hour only.
const AGAIN: Duration = Duration::from_hours(1);

/// What was told, and when.
#[derive(Debug, Default)]
pub(super) struct Told {
    counts: Vec<(WebhookState, usize)>,
    at: Option<Moment>,
}

impl Told {
    /// So it is now.
    pub(super) fn hear(&mut self, counts: Vec<(WebhookState, usize)>, now: Moment) -> Known {
        let long_ago = self.at.is_none_or(|at| now.since(at) >= AGAIN);
        if counts == self.counts && !long_ago {
            return Known::Already;
        }
        *self = Self { counts, at: Some(now) };
        Known::News
    }

    /// So it became, which was told as it happened.
    pub(super) fn stands(&mut self, counts: Vec<(WebhookState, usize)>) {
        self.counts = counts;
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn at(minutes: u64) -> Moment {
        let tick = Duration::from_mins(minutes);
        Moment { wall: SystemTime::UNIX_EPOCH + tick, tick }
    }

    #[test]
    fn people_are_warned_when_it_changes_and_once_an_hour() {
        let (off, fine) = (vec![(WebhookState::Inactive, 1)], vec![(WebhookState::Ok, 1)]);
        let mut told = Told::default();
        assert_eq!(told.hear(off.clone(), at(0)), Known::News);
        assert_eq!(told.hear(off.clone(), at(59)), Known::Already);
        assert_eq!(told.hear(off.clone(), at(60)), Known::News);
        assert_eq!(told.hear(fine, at(61)), Known::News);
        assert_eq!(told.hear(off, at(62)), Known::News);
    }

    #[test]
    fn what_was_repaired_and_breaks_again_is_news() {
        let (bad, fine) = (vec![(WebhookState::Unsigned, 1)], vec![(WebhookState::Ok, 1)]);
        let mut told = Told::default();
        assert_eq!(told.hear(bad.clone(), at(0)), Known::News);
        told.stands(fine.clone());
        assert_eq!(told.hear(fine, at(1)), Known::Already);
        assert_eq!(told.hear(bad, at(2)), Known::News);
    }
}
