//! The one thread that writes records.
//!
//! Whatever waits is written together, and only then everybody who waits is told. That costs one call of the system a
//! batch, and keeps the order of the chain without a lock.
//!
//! When a record counts as written, the system has it: a process that is killed loses nothing that it relied on. A loss
//! of power may take what the disk has not got yet; that is bounded by [`SYNC_EVERY`], and no answer waits for a disk.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::done::Done;
use super::folder::{Batch, Folder, Progress};
use super::pen::{Pen, Place, SEAL_EVERY};
use super::queue::Queue;

/// How soon lines that could not be written are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a loss of power may take.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Lines that are written together: those of a burst, some 600 KB. A larger batch makes the first of it wait.
const LARGEST_BATCH: usize = 1024;

/// Something for the writer.
pub(super) enum Item {
    /// A line, and when it was made.
    Line(String, SystemTime),
    /// The run has begun.
    Begin(SystemTime),
    /// Everything before it is written: tell.
    Flush(SyncSender<()>),
    /// Nothing follows: seal, let the disk have it, and tell.
    End(SystemTime, SyncSender<()>),
}

/// Where lines go.
pub(super) enum Sink {
    /// To a reader, such as that of stdout.
    Stream(Box<dyn Write + Send>),
    /// To files.
    Folder(Folder),
}

/// What became of lines.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// The writer is stuck with lines that cannot be written, and tries them again and again.
    pub(super) failing: AtomicBool,
    /// Somebody waited for a line longer than they may; cleared by the next batch that is done.
    pub(super) late: AtomicBool,
    /// Lines that are written.
    pub(super) records: AtomicU64,
    /// Lines that were not taken.
    pub(super) lost: AtomicU64,
    /// Tries of the writer that failed.
    pub(super) failures: AtomicU64,
    /// When the last seal was written, in seconds since 1970; 0 for never.
    pub(super) sealed: AtomicU64,
}

pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) sink: Sink,
    pub(super) pen: Pen,
    pub(super) fate: Arc<Fate>,
    /// How many items are done.
    pub(super) done: Arc<Done>,
    /// Lost lines that a record has told.
    pub(super) named: u64,
}

/// What the thread remembers from batch to batch.
struct Pace {
    synced: Instant,
    sealed: Instant,
    /// Something was written that the disk may not have.
    fresh: bool,
    /// The wall clock, as told by the last item, and when that was.
    told: (SystemTime, Instant),
}

impl Pace {
    fn wall(&self) -> SystemTime {
        self.told.0.checked_add(self.told.1.elapsed()).unwrap_or(self.told.0)
    }
}

impl Writer {
    /// Until nobody has anything to say any more. What is said after the end is not taken: nothing follows a last seal.
    pub(super) fn run(mut self) {
        let now = Instant::now();
        let told = (SystemTime::UNIX_EPOCH, now);
        let mut pace = Pace { synced: now, sealed: now, fresh: false, told };
        while let Ok(items) = self.queue.take(LARGEST_BATCH, SYNC_EVERY) {
            if let Some(waiting) = self.take(items, &mut pace) {
                // Whoever is told may give the directory to another gateway.
                drop(self);
                return tell(waiting);
            }
            self.rest(&mut pace);
        }
        self.end(pace.wall(), &mut pace);
    }

    /// One batch. After the last of all: who is to be told; what stands behind it is not taken.
    fn take(&mut self, items: Vec<Item>, pace: &mut Pace) -> Option<Vec<SyncSender<()>>> {
        let (mut taken, mut waiting, mut end) = (0_usize, Vec::new(), None);
        let mut items = items.into_iter();
        while let Some(item) = items.next().filter(|_| end.is_none()) {
            taken += 1;
            match item {
                Item::Line(line, at) => {
                    pace.told = (at, Instant::now());
                    let sealed = self.pen.put(&line, at);
                    self.sealed(sealed, pace);
                }
                Item::Begin(at) => {
                    pace.told = (at, Instant::now());
                    let sealed = self.pen.begin(at);
                    self.sealed(sealed, pace);
                }
                Item::Flush(tell) => waiting.push(tell),
                Item::End(at, tell) => {
                    end = Some(at);
                    waiting.push(tell);
                }
            }
        }
        if taken == 0 {
            return None;
        }
        self.persist(pace);
        self.done.more(taken);
        // Only now: who finds a line done clears it for themselves.
        self.fate.late.store(false, Ordering::SeqCst);
        if let Some(at) = end {
            self.end(at, pace);
            return Some(waiting);
        }
        tell(waiting);
        None
    }

    /// What is due by the clock.
    fn rest(&mut self, pace: &mut Pace) {
        self.lost(pace);
        self.persist(pace);
        if pace.sealed.elapsed() >= SEAL_EVERY {
            let sealed = self.pen.seal(pace.wall(), Place::Between);
            pace.sealed = Instant::now();
            self.sealed(sealed, pace);
            self.persist(pace);
        }
        if pace.fresh && pace.synced.elapsed() >= SYNC_EVERY {
            self.sync(pace);
        }
    }

    /// The last seal, and the disk has it all.
    fn end(&mut self, at: SystemTime, pace: &mut Pace) {
        self.lost(pace);
        let sealed = self.pen.seal(at, Place::Last);
        self.sealed(sealed, pace);
        self.persist(pace);
        self.sync(pace);
    }

    /// Lines that were not taken have a record that says how many.
    fn lost(&mut self, pace: &mut Pace) {
        let lost = self.fate.lost.load(Ordering::Relaxed);
        let more = lost.saturating_sub(self.named);
        if more > 0 {
            self.named = lost;
            let sealed = self.pen.lost(more, pace.wall());
            self.sealed(sealed, pace);
        }
    }

    fn sealed(&self, at: Option<SystemTime>, pace: &mut Pace) {
        let since = at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        if let Some(since) = since {
            pace.sealed = Instant::now();
            self.fate.sealed.store(since.as_secs(), Ordering::Relaxed);
        }
    }

    fn sync(&mut self, pace: &mut Pace) {
        (pace.synced, pace.fresh) = (Instant::now(), false);
        if let Sink::Folder(folder) = &mut self.sink
            && let Err(cause) = folder.sync()
        {
            self.fate.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%cause, "the disk did not take the last records; a new file begins");
        }
    }

    /// Writes what the pen holds, however long that takes: it goes on where it broke off, so no line is torn or lost.
    fn persist(&mut self, pace: &mut Pace) {
        let mut progress = Progress::default();
        loop {
            let (lines, first) = self.pen.lines();
            if lines.is_empty() {
                return;
            }
            let batch = Batch { lines, first, at: pace.wall() };
            match self.sink.write(&batch, &mut progress) {
                Ok(()) => break,
                Err(cause) => self.fails(&cause),
            }
        }
        pace.fresh = true;
        self.fate.records.fetch_add(self.pen.written(), Ordering::Relaxed);
        if self.fate.failing.swap(false, Ordering::Relaxed) {
            tracing::warn!("records are written again");
        }
    }

    fn fails(&self, cause: &io::Error) {
        self.fate.failures.fetch_add(1, Ordering::Relaxed);
        if !self.fate.failing.swap(true, Ordering::Relaxed) {
            tracing::error!(%cause, "records cannot be written; nothing passes until they can");
        }
        std::thread::sleep(AGAIN);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.desert();
        self.done.end();
    }
}

fn tell(waiting: Vec<SyncSender<()>>) {
    for tell in waiting {
        // Whoever asked may have stopped waiting.
        let _gone = tell.send(());
    }
}

impl Sink {
    fn write(&mut self, batch: &Batch<'_>, progress: &mut Progress) -> io::Result<()> {
        match self {
            Self::Stream(out) => stream(out, batch.lines, progress),
            Self::Folder(folder) => folder.write(batch, progress),
        }
    }
}

fn stream(
    out: &mut Box<dyn Write + Send>,
    lines: &[u8],
    progress: &mut Progress,
) -> io::Result<()> {
    while let Some(rest) = progress.rest(lines) {
        match out.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => progress.on(written),
            Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    // What a buffer in between holds back is not written.
    out.flush()
}
