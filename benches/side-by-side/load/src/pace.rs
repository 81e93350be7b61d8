//! When the next event is due.

use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::Failure;

/// A schedule that does not wait for answers: whoever is late is late from the moment when the event was due.
pub(crate) struct Pace {
    begin: Instant,
    gap: Duration,
    sent: u32,
    timer: OwnedFd,
}

impl Pace {
    pub(crate) fn new(rate: f64, poll: &Poll, token: Token) -> Result<Self, Failure> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
        let source = timer.as_raw_fd();
        poll.registry().register(&mut SourceFd(&source), token, Interest::READABLE)?;
        let gap = Duration::from_secs_f64(1.0 / rate);
        Ok(Self { begin: Instant::now(), gap, sent: 0, timer })
    }

    /// When the next one is due.
    pub(crate) fn due(&self) -> Instant {
        self.begin + self.gap * self.sent
    }

    pub(crate) fn gap(&self) -> Duration {
        self.gap
    }

    pub(crate) fn next(&mut self) {
        self.sent += 1;
    }

    /// Wakes the loop when the next one is due.
    pub(crate) fn arm(&self, now: Instant) -> Result<(), Failure> {
        let wait = self.due().saturating_duration_since(now).max(Duration::from_nanos(1));
        let value = Timespec {
            tv_sec: i64::try_from(wait.as_secs())?,
            tv_nsec: wait.subsec_nanos().into(),
        };
        let interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let once = Itimerspec { it_interval: interval, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
