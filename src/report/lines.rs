//! Lines written by a thread of their own: a reader that stalls must not stall the gateway.

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc;

/// Lines that wait for the writer: some 2 MB of log.
const LONGEST_QUEUE: usize = 10_000;

/// Bytes that are written together, and then one more line.
const LARGEST_BATCH: usize = 16 * 1024;

/// How long a line waits for others: to wake the thread for each line of a busy log costs as much as the line itself.
const MOMENT: Duration = Duration::from_millis(5);

/// How soon a line that could not be written is tried again, and how often a flush looks for a place.
const AGAIN: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// A writer of lines. Dropping it lets the thread write what is queued, and end.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Takes memory for what waits only: a queue of std with a bound takes all of it at once.
    queue: mpsc::Sender<Item>,
    fate: Arc<Fate>,
}

/// What became of lines.
#[derive(Debug, Default)]
struct Fate {
    /// The writer is stuck with a line that cannot be written, and tries it again and again.
    failing: AtomicBool,
    lost: AtomicU64,
}

enum Item {
    Line(Vec<u8>),
    /// Everything before it is written: tell.
    Flush(SyncSender<()>),
}

/// The line was not taken; it will not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritten;

impl Lines {
    /// Starts the thread. Where the system gives no thread, every line is lost and counted.
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        let (queue, items) = mpsc::channel(LONGEST_QUEUE);
        let fate = Arc::new(Fate::default());
        let inner = Arc::clone(&fate);
        let thread = std::thread::Builder::new().name("lines".to_owned());
        let started = thread.spawn(move || write_all(items, out, &inner));
        fate.failing.store(started.is_err(), Ordering::Relaxed);
        Self { queue, fate }
    }

    /// Queues a line, with its end.
    pub fn push(&self, line: impl Into<Vec<u8>>) -> Result<(), Unwritten> {
        if self.writable() && self.queue.try_send(Item::Line(line.into())).is_ok() {
            return Ok(());
        }
        self.fate.lost.fetch_add(1, Ordering::Relaxed);
        Err(Unwritten)
    }

    /// Whether lines are being written, as far as is known.
    pub fn writable(&self) -> bool {
        !self.fate.failing.load(Ordering::Relaxed)
    }

    /// Lines that were lost so far.
    pub fn lost(&self) -> u64 {
        self.fate.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything that was queued is written. Whether it was within this time. Blocks the thread.
    pub fn flush(&self, within: Duration) -> bool {
        let (tell, told) = sync_channel(1);
        let looks = within.as_millis() / LOOK.as_millis() + 1;
        for _ in 0..looks {
            if self.queue.try_send(Item::Flush(tell.clone())).is_ok() {
                return told.recv_timeout(within).is_ok();
            }
            std::thread::sleep(LOOK);
        }
        false
    }
}

/// What waits is written together: one call of the system for a burst.
fn write_all(mut items: mpsc::Receiver<Item>, mut out: Box<dyn Write + Send>, fate: &Fate) {
    let mut batch = Vec::new();
    while let Some(item) = items.blocking_recv() {
        if matches!(item, Item::Line(_)) {
            std::thread::sleep(MOMENT);
        }
        let (mut next, mut asked) = (Some(item), None);
        while let Some(item) = next.take() {
            match item {
                Item::Line(line) => batch.extend_from_slice(&line),
                Item::Flush(tell) => asked = Some(tell),
            }
            if batch.len() < LARGEST_BATCH && asked.is_none() {
                next = items.try_recv().ok();
            }
        }
        write(&batch, &mut out, fate);
        batch.clear();
        if let Some(tell) = asked {
            // Whoever asked may have stopped waiting.
            let _gone = tell.send(());
        }
    }
}

/// Writes a line to its end, however long that takes: it goes on where it broke off, so no line is torn or lost.
fn write(mut line: &[u8], out: &mut Box<dyn Write + Send>, fate: &Fate) {
    while !line.is_empty() {
        match out.write(line) {
            Ok(written @ 1..) => {
                line = line.get(written..).unwrap_or_default();
                fate.failing.store(false, Ordering::Relaxed);
            }
            Err(interrupted) if interrupted.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => {
                fate.failing.store(true, Ordering::Relaxed);
                std::thread::sleep(AGAIN);
            }
        }
    }
    // What a buffer in between holds back comes with the next line.
    let _held_back = out.flush();
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// Blocks, or fails, for as long as the test says so.
    #[derive(Clone, Default)]
    struct Pipe {
        stalled: Arc<Mutex<()>>,
        broken: Arc<AtomicBool>,
        written: Arc<AtomicUsize>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            drop(self.stalled.lock().unwrap_or_else(PoisonError::into_inner));
            if self.broken.load(Ordering::Relaxed) {
                return Err(ErrorKind::BrokenPipe.into());
            }
            self.written.fetch_add(bytes.len(), Ordering::Relaxed);
            Ok(bytes.len())
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
        let most = LONGEST_QUEUE + LARGEST_BATCH / "line\n".len() + 2;
        let taken = (0..most + 8).filter(|_| lines.push("line\n").is_ok()).count();
        assert!((LONGEST_QUEUE..=most).contains(&taken), "{taken}");
        assert!(lines.lost() >= 8);
        drop(stalled);
        let flushed = lines.flush(PATIENCE);
        assert!(flushed);
        assert_eq!(lines.push("line\n"), Ok(()));
    }

    #[test]
    fn a_pipe_that_is_broken_is_noticed_and_mends_by_itself_without_losing_what_was_taken() {
        let pipe = Pipe::default();
        pipe.broken.store(true, Ordering::Relaxed);
        let lines = Lines::new(Box::new(pipe.clone()));
        assert_eq!(lines.push("nobody knows yet\n"), Ok(()));
        until(|| !lines.writable());
        assert_eq!((lines.push("line\n"), lines.lost()), (Err(Unwritten), 1));
        pipe.broken.store(false, Ordering::Relaxed);
        until(|| lines.writable());
        assert_eq!(lines.push("line\n"), Ok(()));
        assert!(lines.flush(PATIENCE));
        assert_eq!(pipe.written.load(Ordering::Relaxed), "nobody knows yet\nline\n".len());
    }

    fn until(what: impl Fn() -> bool) {
        for _ in 0..PATIENCE.as_millis() {
            if what() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("it did not come to that");
    }
}
