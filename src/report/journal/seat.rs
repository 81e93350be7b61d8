//! Who writes: the thread of the log, or for a moment whoever waits for a record.
//!
//! To wake that thread and to be woken by it takes ten times as long as to write a line to a file of this machine, which
//! is a copy into memory. So who waits writes, if it is such a file and nobody else writes just then. All that may take
//! longer is the thread's: a reader of stdout, a file system over a network, a new file, the disk, another try.

use std::sync::{Arc, Mutex, PoisonError};

use super::queue::Queue;
use super::writer::{SYNC_EVERY, Writer, tell};

/// The writer, for one at a time: that keeps the order of the chain.
pub(super) struct Seat {
    /// `None` once the last line is written.
    writer: Mutex<Option<Writer>>,
    queue: Arc<Queue>,
}

/// Takes the writer away from a seat, however its thread ends: whoever waits is told.
struct Ends<'a>(&'a Seat);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        drop(self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Seat {
    pub(super) fn new(writer: Writer) -> Self {
        Self { queue: Arc::clone(&writer.queue), writer: Mutex::new(Some(writer)) }
    }

    /// The thread: until nobody has anything to say any more. What is said after the end is not taken: nothing follows a
    /// last seal.
    pub(super) fn run(&self) {
        let ends = Ends(self);
        let mut last = None;
        while last.is_none() {
            let waited = self.queue.wait(SYNC_EVERY);
            // Somebody panicked while writing: what is in the file is not known any more.
            let Ok(mut seat) = self.writer.lock() else { break };
            let Some(writer) = &mut *seat else { break };
            if waited.is_err() {
                writer.over();
                break;
            }
            last = writer.batch();
            if last.is_none() {
                writer.rest();
            }
        }
        // Whoever is told may give the directory to another gateway.
        drop(ends);
        tell(last.unwrap_or_default());
    }

    /// Writes what waits here and now, or has the thread do it.
    pub(super) fn write(&self) {
        let here = self.writer.try_lock().ok().and_then(|mut seat| seat.as_mut().map(Writer::dash));
        if here != Some(Ok(())) {
            self.queue.wake();
        }
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").finish_non_exhaustive()
    }
}
