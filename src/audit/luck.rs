//! When Webex answers nothing any more, asking about thousands of rooms one by one takes days and finds out nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::report::outage::Kind;

/// So many rooms in a row that cannot be read: each was tried several times, so this is no accident.
const HOPELESS: usize = 20;

/// How it went lately.
#[derive(Debug, Default)]
pub(super) struct Luck(Mutex<(usize, Option<Kind>)>);

impl Luck {
    /// A room was read.
    pub(super) fn good(&self) {
        *self.state() = (0, None);
    }

    /// A room could not be read.
    pub(super) fn bad(&self, kind: Kind) {
        let mut state = self.state();
        *state = (state.0.saturating_add(1), Some(kind));
    }

    /// Why it is pointless to ask about any more rooms.
    pub(super) fn gone(&self) -> Option<Kind> {
        let (in_a_row, kind) = *self.state();
        kind.filter(|_| in_a_row >= HOPELESS)
    }

    fn state(&self) -> MutexGuard<'_, (usize, Option<Kind>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_row_of_failures_ends_the_asking() {
        let luck = Luck::default();
        for _ in 0..100 {
            (1..HOPELESS).for_each(|_| luck.bad(Kind::CheckTimeout));
            assert_eq!(luck.gone(), None);
            luck.good();
        }
        (0..HOPELESS).for_each(|_| luck.bad(Kind::WebexRateLimited));
        assert_eq!(luck.gone(), Some(Kind::WebexRateLimited));
    }
}
