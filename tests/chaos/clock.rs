//! When: the clock on the wall, which the simulator, the records and the headers go by as well.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Milliseconds since 1970.
pub(crate) type At = i64;

pub(crate) fn now() -> At {
    jiff::Timestamp::now().as_millisecond()
}

/// What a record, a header or the simulator says.
pub(crate) fn read(text: &str) -> At {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// On a machine that does other things as well, everything may be late by some time; how late, is measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lag(Arc<Mutex<VecDeque<(At, At)>>>);

/// Half of it is for the ticks of timers and the way through two sockets, the rest is what the pause itself lasts.
const LEAST: At = 300;

impl Lag {
    /// Measures for as long as the runtime lives.
    pub(crate) fn measure(&self) {
        let seen = Arc::clone(&self.0);
        tokio::spawn(async move {
            loop {
                let began = now();
                tokio::time::sleep(Duration::from_millis(10)).await;
                let mut seen = seen.lock().unwrap();
                seen.push_back((began, now() - began - 10));
                while seen.front().is_some_and(|(at, _)| *at < began - 120_000) {
                    seen.pop_front();
                }
            }
        });
    }

    /// By how much something may be late that was due between these moments, on the generous side: it may have been
    /// held up at each of a few steps.
    pub(crate) fn allowance(&self, from: At, until: At) -> At {
        LEAST + 4 * self.worst_in(from, until)
    }

    pub(crate) fn worst_in(&self, from: At, until: At) -> At {
        let seen = self.0.lock().unwrap();
        let within = seen.iter().filter(|(at, lag)| at + lag + 10 >= from && *at <= until);
        within.map(|(_, lag)| *lag).max().unwrap_or(0)
    }

    pub(crate) fn worst(&self) -> At {
        self.0.lock().unwrap().iter().map(|(_, lag)| *lag).max().unwrap_or(0)
    }
}
