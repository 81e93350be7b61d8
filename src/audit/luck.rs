//! When Webex answers nothing any more, asking about thousands of rooms one by one takes days and finds out nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::report::outage::Kind;

/// So many rooms in a row that cannot be read: each was tried several times, so this is no accident of one room.
const HOPELESS: usize = 20;

/// How it went lately.
#[derive(Debug, Default)]
pub(super) struct Luck(Mutex<Option<Bad>>);

/// Nothing could be read since.
#[derive(Clone, Copy, Debug)]
struct Bad {
    rooms: usize,
    since: Instant,
    kind: Kind,
}

impl Luck {
    /// A room was read.
    pub(super) fn good(&self) {
        *self.state() = None;
    }

    /// A room could not be read.
    pub(super) fn bad(&self, kind: Kind) {
        let mut state = self.state();
        let (rooms, since) = state.map_or((0, Instant::now()), |bad| (bad.rooms, bad.since));
        *state = Some(Bad { rooms: rooms.saturating_add(1), since, kind });
    }

    /// Why it is pointless to ask about any more rooms: many could not be read, and for this long none.
    pub(super) fn gone(&self, patience: Duration) -> Option<Kind> {
        let bad = (*self.state())?;
        (bad.rooms >= HOPELESS && bad.since.elapsed() >= patience).then_some(bad.kind)
    }

    fn state(&self) -> MutexGuard<'_, Option<Bad>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn only_many_failures_in_a_row_over_some_time_end_the_asking() {
        let luck = Luck::default();
        for _ in 0..100 {
            (1..HOPELESS).for_each(|_| luck.bad(Kind::CheckTimeout));
            advance(PATIENCE).await;
            assert_eq!(luck.gone(PATIENCE), None, "too few");
            luck.good();
        }
        (0..100).for_each(|_| luck.bad(Kind::WebexRateLimited));
        advance(PATIENCE.saturating_sub(Duration::from_millis(1))).await;
        assert_eq!(luck.gone(PATIENCE), None, "too soon");
        advance(Duration::from_millis(1)).await;
        assert_eq!(luck.gone(PATIENCE), Some(Kind::WebexRateLimited));
    }
}
