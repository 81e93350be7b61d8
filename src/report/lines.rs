//! Lines written by a thread of their own: a reader that stalls must not stall the gateway.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Lines that wait for the writer: some 6 MB of records.
const LONGEST_QUEUE: usize = 10_000;

/// A writer of lines. Dropping it lets the thread write what is queued, and end.
#[derive(Clone, Debug)]
pub struct Lines {
    queue: SyncSender<Item>,
    fate: Arc<Fate>,
}

/// What became of lines.
#[derive(Debug, Default)]
struct Fate {
    /// The last one could not be written.
    failing: AtomicBool,
    lost: AtomicU64,
}

enum Item {
    Line(Vec<u8>),
    /// Everything before it is written: tell.
    Flush(SyncSender<()>),
}

/// The line was not taken, or those before it could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritten;

impl Lines {
    /// Starts the thread. Where the system gives none, every line is lost and counted.
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        let (queue, items) = sync_channel(LONGEST_QUEUE);
        let fate = Arc::new(Fate::default());
        let inner = Arc::clone(&fate);
        let thread = std::thread::Builder::new().name("lines".to_owned());
        let started = thread.spawn(move || write_all(&items, out, &inner));
        fate.failing.store(started.is_err(), Ordering::Relaxed);
        Self { queue, fate }
    }

    /// Queues a line, with its end. An error says that nobody may rely on it being written.
    pub fn push(&self, line: impl Into<Vec<u8>>) -> Result<(), Unwritten> {
        let failing = self.fate.failing.load(Ordering::Relaxed);
        if self.queue.try_send(Item::Line(line.into())).is_err() {
            self.fate.lost.fetch_add(1, Ordering::Relaxed);
            return Err(Unwritten);
        }
        if failing { Err(Unwritten) } else { Ok(()) }
    }

    /// Lines that were lost so far.
    pub fn lost(&self) -> u64 {
        self.fate.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything that was queued is written. Whether it was within this time.
    pub fn flush(&self, within: Duration) -> bool {
        let (tell, told) = sync_channel(1);
        self.queue.try_send(Item::Flush(tell)).is_ok() && told.recv_timeout(within).is_ok()
    }
}

fn write_all(items: &Receiver<Item>, mut out: Box<dyn Write + Send>, fate: &Fate) {
    for item in items {
        match item {
            Item::Line(line) => {
                let failed = out.write_all(&line).and_then(|()| out.flush()).is_err();
                fate.failing.store(failed, Ordering::Relaxed);
                fate.lost.fetch_add(u64::from(failed), Ordering::Relaxed);
            }
            Item::Flush(tell) => {
                // Whoever asked may have stopped waiting.
                let _gone = tell.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// Blocks, or fails, for as long as the test says so.
    #[derive(Clone, Default)]
    struct Pipe {
        stalled: Arc<Mutex<()>>,
        broken: Arc<AtomicBool>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            drop(self.stalled.lock().unwrap_or_else(PoisonError::into_inner));
            if self.broken.load(Ordering::Relaxed) {
                Err(std::io::ErrorKind::BrokenPipe.into())
            } else {
                Ok(bytes.len())
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn a_reader_that_stalls_stalls_nobody_and_a_full_queue_says_so() {
        let pipe = Pipe::default();
        let stalled = pipe.stalled.lock().unwrap();
        let lines = Lines::new(Box::new(pipe.clone()));
        let taken = (0..LONGEST_QUEUE + 10).filter(|_| lines.push("line\n").is_ok()).count();
        assert!((LONGEST_QUEUE..LONGEST_QUEUE + 2).contains(&taken), "{taken}");
        assert!(lines.lost() >= 8);
        drop(stalled);
        let mut tries = std::iter::repeat_with(|| {
            std::thread::sleep(PATIENCE / 1000);
            lines.flush(PATIENCE)
        });
        let flushed = tries.by_ref().take(1000).any(|flushed| flushed);
        assert!(flushed);
        assert_eq!(lines.push("line\n"), Ok(()));
    }

    #[test]
    fn a_pipe_that_is_broken_is_noticed_and_so_is_its_repair() {
        let pipe = Pipe::default();
        pipe.broken.store(true, Ordering::Relaxed);
        let lines = Lines::new(Box::new(pipe.clone()));
        assert_eq!(lines.push("nobody knows yet\n"), Ok(()));
        assert!(lines.flush(PATIENCE));
        assert_eq!((lines.push("line\n"), lines.lost() >= 1), (Err(Unwritten), true));
        assert!(lines.flush(PATIENCE));
        pipe.broken.store(false, Ordering::Relaxed);
        assert_eq!(lines.push("tried all the same\n"), Err(Unwritten));
        assert!(lines.flush(PATIENCE));
        assert_eq!(lines.push("line\n"), Ok(()));
    }
}
