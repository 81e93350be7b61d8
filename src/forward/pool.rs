//! Connections to a bot that nobody uses right now. The one that was used last is used next, so that those that are too
//! many grow old.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::line::Line;
use crate::rt::Tasks;

/// Shorter than gunicorn keeps connections (2 s; others 5 s), so that we, not the bot, end an idle one: an event that
/// meets a connection that is just being closed fails for nothing.
pub(super) const IDLE: Duration = Duration::from_millis(1500);

/// The idle connections of one way to a bot.
pub(super) struct Pool {
    shelf: Mutex<Shelf>,
    limit: usize,
    tasks: Tasks,
}

#[derive(Default)]
struct Shelf {
    /// The oldest first.
    idle: Vec<Idle>,
    sweeper: Sweeper,
}

struct Idle {
    line: Box<Line>,
    until: Instant,
}

/// Whether a task closes those that have been idle for too long.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sweeper {
    /// None is idle.
    #[default]
    Away,
    AtWork,
}

impl Pool {
    /// Keeps at most this many.
    pub(super) fn new(limit: usize, tasks: Tasks) -> Arc<Self> {
        Arc::new(Self { shelf: Mutex::default(), limit, tasks })
    }

    /// The one that was used last, unless that is too long ago; then the others are older still.
    pub(super) fn take(&self) -> Option<Box<Line>> {
        let newest = self.locked().idle.pop()?;
        (Instant::now() < newest.until).then_some(newest.line)
    }

    /// For the next call, if it is fit for one.
    pub(super) fn put_back(self: &Arc<Self>, line: Box<Line>) {
        let Some(line) = line.spare() else { return };
        let mut kept = self.locked();
        if kept.idle.len() < self.limit {
            kept.idle.push(Idle { line, until: Instant::now() + IDLE });
        }
        if kept.sweeper == Sweeper::Away {
            kept.sweeper = Sweeper::AtWork;
            drop(kept);
            let sweeping = sweep(Arc::downgrade(self), self.tasks.stop_token().clone());
            self.tasks.spawn("idle connections", sweeping);
        }
    }

    /// Closes those whose time is over. When the next one's will be.
    fn swept(&self) -> Option<Instant> {
        let (over, next) = self.locked().part(Instant::now());
        for idle in over {
            idle.line.close();
        }
        next
    }

    /// A panic elsewhere leaves it whole: each change is one insertion or removal.
    fn locked(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn part(&mut self, now: Instant) -> (Vec<Idle>, Option<Instant>) {
        let over = self.idle.partition_point(|idle| idle.until <= now);
        let over = self.idle.drain(..over).collect();
        let next = self.idle.first().map(|idle| idle.until);
        if next.is_none() {
            self.sweeper = Sweeper::Away;
        }
        (over, next)
    }
}

/// Until none is idle, or nobody can use them any more. When the gateway stops, nobody waits for it; its end closes what
/// is left.
async fn sweep(pool: Weak<Pool>, stop: CancellationToken) {
    while let Some(next) = pool.upgrade().and_then(|pool| pool.swept()) {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(next) => {}
        }
    }
}
