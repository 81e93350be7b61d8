//! Authentic events beside an attack.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::stage::Stage;

/// Webex waits some ten seconds for an answer; on a busy machine everything takes its time.
pub(crate) const IN_TIME: Duration = Duration::from_secs(8);

/// Fewer show nothing.
const FEWEST: usize = 4;

/// Between two connections: some hundred events a second, which is much for one bot.
const PAUSE: Duration = Duration::from_millis(10);

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
    pub(crate) fn begin(scope: &'scope Scope<'scope, '_>, stage: &'scope Stage) -> Self {
        let over = Arc::<AtomicBool>::default();
        let until = Arc::clone(&over);
        Self { over, sending: Some(scope.spawn(move || send(stage, &until))) }
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

fn send(stage: &Stage, over: &AtomicBool) -> Told {
    let mut told = Told::default();
    while told.events < FEWEST || !over.load(Ordering::Relaxed) {
        let mut line = stage.line();
        for _ in 0..2 {
            let began = Instant::now();
            line.say(stage.event().call()).unwrap();
            assert_eq!(line.answer(), Some(200), "beside the attack");
            told.answered(began.elapsed());
        }
        std::thread::sleep(PAUSE);
    }
    told
}

impl Told {
    fn answered(&mut self, took: Duration) {
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
