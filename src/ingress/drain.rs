//! How long the end may take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::Server;

/// `drain_grace` and `drain_timeout`, as they are when the end comes: they may change while the gateway runs.
#[derive(Clone, Debug)]
pub struct Drain(Arc<Mutex<Times>>);

#[derive(Clone, Copy, Debug)]
struct Times {
    grace: Duration,
    all: Duration,
}

impl Drain {
    pub(super) fn of(server: &Server) -> Self {
        Self(Arc::new(Mutex::new(Times::of(server))))
    }

    /// Other times from now on.
    pub fn follow(&self, server: &Server) {
        *self.times() = Times::of(server);
    }

    /// Still accepting for so long.
    pub fn grace(&self) -> Duration {
        self.times().grace
    }

    /// From the beginning of the end, in all.
    pub fn all(&self) -> Duration {
        self.times().all
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    fn of(server: &Server) -> Self {
        Self { grace: server.drain_grace, all: server.drain_timeout }
    }
}
