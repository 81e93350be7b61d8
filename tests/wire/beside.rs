//! Authentic events beside an attack.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use tokio::time::Instant;

use crate::line::Line;
use crate::stage::Stage;

/// Webex waits some ten seconds for an answer; on a busy machine everything takes its time.
pub(crate) const IN_TIME: Duration = Duration::from_secs(8);

/// Fewer show nothing.
const FEWEST: usize = 4;

/// Between two connections: some hundred events a second, which is much for one bot.
const PAUSE: Duration = Duration::from_millis(10);

/// Who sends them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Somebody new every two events.
    New,
    /// One that has shown an event before the attack begins.
    Known,
}

pub(crate) struct Beside<'scope> {
    over: Arc<AtomicBool>,
    sending: Option<ScopedJoinHandle<'scope, Told>>,
}

/// How many events were answered 200, all in time, and the slowest answer.
#[derive(Default)]
pub(crate) struct Told {
    events: usize,
    slowest: Duration,
}

impl<'scope> Beside<'scope> {
    pub(crate) fn begin(
        scope: &'scope Scope<'scope, '_>,
        stage: &'scope Stage,
        sender: Sender,
    ) -> Self {
        let mut line = stage.line();
        let mut told = Told::default();
        told.sends(stage, &mut line);
        let over = Arc::<AtomicBool>::default();
        let until = Arc::clone(&over);
        Self { over, sending: Some(scope.spawn(move || send(stage, sender, line, told, &until))) }
    }

    pub(crate) fn end(mut self) -> Told {
        self.over.store(true, Ordering::Relaxed);
        self.sending.take().unwrap().join().unwrap()
    }
}

/// Also when the attack failed.
impl Drop for Beside<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn send(stage: &Stage, sender: Sender, mut line: Line, mut told: Told, over: &AtomicBool) -> Told {
    while told.events < FEWEST || !over.load(Ordering::Relaxed) {
        told.sends(stage, &mut line);
        std::thread::sleep(PAUSE);
        if sender == Sender::New {
            line = stage.line();
            told.sends(stage, &mut line);
        }
    }
    told
}

impl Told {
    fn sends(&mut self, stage: &Stage, line: &mut Line) {
        let began = Instant::now();
        line.say(stage.event().call()).unwrap();
        assert_eq!(line.answer(), Some(200), "beside the attack");
        let took = began.elapsed();
        assert!(took < IN_TIME, "{took:?}");
        self.events += 1;
        self.slowest = self.slowest.max(took);
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} events, slowest {:>4} ms", self.events, self.slowest.as_millis())
    }
}
