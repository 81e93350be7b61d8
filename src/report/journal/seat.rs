//! Who writes: the thread of the log, or for a moment whoever waits for a record.
//!
//! To wake that thread and to be woken by it took a sixth of the processor time of an event. A line for a file of this
//! machine is a copy into memory, so who waits writes, if it is such a file and nobody else writes just then. All that may take
//! longer is the thread's: a reader of stdout, a file system over a network, a new file, the disk, another try.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use super::queue::Queue;
use super::writer::{SYNC_EVERY, Writer, tell};

/// The writer, for one at a time: that keeps the order of the chain.
pub(super) struct Seat {
    /// `None` once the last line is written.
    writer: Mutex<Option<Writer>>,
    queue: Arc<Queue>,
}

/// What the thread of the log does. However it ends, and also if the system gives no thread for it, the writer is taken
/// away from the seat: whoever waits is told, and nothing more is taken.
#[derive(Debug)]
pub(super) struct Duty(Arc<Seat>);

impl Drop for Duty {
    fn drop(&mut self) {
        drop(self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Duty {
    /// Until nobody has anything to say any more. What is said after the end is not taken: nothing follows a last seal.
    pub(super) fn run(self) {
        let last = self.0.batches();
        // Whoever is told may give the directory to another gateway.
        drop(self);
        tell(last.unwrap_or_default());
    }
}

impl Seat {
    pub(super) fn new(writer: Writer) -> Self {
        Self { queue: Arc::clone(&writer.queue), writer: Mutex::new(Some(writer)) }
    }

    /// To be done by one thread.
    pub(super) fn duty(self: &Arc<Self>) -> Duty {
        Duty(Arc::clone(self))
    }

    /// Who is to be told of the end, if somebody asked for it.
    fn batches(&self) -> Option<Vec<SyncSender<()>>> {
        loop {
            let waited = self.queue.wait(SYNC_EVERY);
            // Somebody panicked while writing: what is in the file is not known any more.
            let mut seat = self.writer.lock().ok()?;
            let writer = seat.as_mut()?;
            if waited.is_err() {
                writer.over();
                return None;
            }
            let last = writer.batch();
            if last.is_some() {
                return last;
            }
            let due = writer.rest();
            drop(seat);
            if let Some(file) = due
                && let Err(cause) = file.sync_data()
            {
                self.writer.lock().ok()?.as_mut()?.unsynced(&file, &cause);
            }
        }
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::chain::{Chain, Head};
    use super::super::pen::{Ink, Pen};
    use super::super::queue::Haste;
    use super::super::writer::{Item, Pace, Sink};
    use super::*;
    use crate::report::record::Form;

    fn writer(queue: &Arc<Queue>) -> Writer {
        let (head, chain, form) = (Head::default(), Chain::Loose, Form::Text);
        let opening = Box::new(|_at, _form| String::new());
        let pen = Pen::new(Ink { head, chain, form, instance: "".into(), key: None, opening });
        Writer {
            queue: Arc::clone(queue),
            sink: Sink::Stream(Box::new(std::io::sink())),
            pen,
            fate: Arc::default(),
            done: Arc::default(),
            named: 0,
            pace: Pace::default(),
        }
    }

    #[test]
    fn without_a_thread_every_record_is_lost_and_none_waits() {
        let queue = Arc::new(Queue::new(10));
        let seat = Arc::new(Seat::new(writer(&queue)));
        let line = || Item::Line("line\n".to_owned(), SystemTime::UNIX_EPOCH);
        assert!(queue.put(line(), 0, Haste::Now).is_some());
        // As std does it with what a thread was to do that did not start.
        drop(seat.duty());
        assert!(queue.put(line(), 0, Haste::Now).is_none());
        assert!(queue.items(10).is_empty());
    }
}
