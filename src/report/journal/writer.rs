//! Writes records.
//!
//! Whatever waits is written together, and only then everybody who waits is told: one call of the system a batch.
//!
//! When a record counts as written, the system has it: a process that is killed loses nothing that it relied on. A loss
//! of power may take what the disk has not got yet; that is bounded by [`SYNC_EVERY`], and no answer waits for a disk.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::done::Done;
use super::folder::{Batch, By, Folder, Progress};
use super::pen::{Pen, Place, SEAL_EVERY};
use super::queue::Queue;

/// How soon lines that could not be written are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a loss of power may take.
pub(super) const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Lines that are written together: those of a burst, some 600 KB. A larger batch makes the first of it wait.
const LARGEST_BATCH: usize = 1024;

/// Lines that somebody else than the log's own thread writes together: some 40 KB.
const LARGEST_DASH: usize = 64;

/// A write that takes longer than this waits for a disk, and the next one may. A copy takes microseconds, and a thread that
/// is not alone on its processor stands still for milliseconds.
const SLOW: Duration = Duration::from_millis(50);

/// For how long after a slow one only the thread of the log writes.
const SLOW_FOR: Duration = Duration::from_secs(10);

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
    /// How far things are.
    pub(super) pace: Pace,
}

/// What is remembered from batch to batch.
pub(super) struct Pace {
    synced: Instant,
    sealed: Instant,
    /// Something was written that the disk may not have.
    fresh: bool,
    /// The wall clock, as told by the last item, and when that was.
    told: (SystemTime, Instant),
    /// Items whose lines the pen holds: they are not done before those are written.
    held: usize,
    /// How much of what the pen holds is written.
    progress: Progress,
    /// When a write was slow last.
    slow: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        let now = Instant::now();
        let (told, progress) = ((SystemTime::UNIX_EPOCH, now), Progress::default());
        Self { synced: now, sealed: now, fresh: false, told, held: 0, progress, slow: None }
    }
}

impl Pace {
    fn wall(&self) -> SystemTime {
        self.told.0.checked_add(self.told.1.elapsed()).unwrap_or(self.told.0)
    }
}

/// It cannot be done here and now; the thread of the log will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotHere;

impl Writer {
    /// One batch. After the last of all: who is to be told; what stands behind it is not taken.
    pub(super) fn batch(&mut self) -> Option<Vec<SyncSender<()>>> {
        let (mut waiting, mut end) = (Vec::new(), None);
        let mut items = self.queue.items(LARGEST_BATCH).into_iter();
        while let Some(item) = items.next().filter(|_| end.is_none()) {
            self.pace.held += 1;
            match item {
                Item::Line(line, at) => self.put(&line, at),
                Item::Begin(at) => {
                    self.pace.told = (at, Instant::now());
                    let sealed = self.pen.begin(at);
                    self.sealed(sealed);
                }
                Item::Flush(tell) => waiting.push(tell),
                Item::End(at, tell) => {
                    end = Some(at);
                    waiting.push(tell);
                }
            }
        }
        self.persist();
        if let Some(at) = end {
            self.end(at);
            return Some(waiting);
        }
        tell(waiting);
        None
    }

    /// Lines that wait, if they can be written without waiting for anything. What cannot be written stays in the pen.
    pub(super) fn dash(&mut self) -> Result<(), NotHere> {
        let stuck = self.fate.failing.load(Ordering::Relaxed) || self.pace.held > 0;
        if stuck || !self.is_brisk() {
            return Err(NotHere);
        }
        for item in self.queue.lines(LARGEST_DASH) {
            self.pace.held += 1;
            if let Item::Line(line, at) = item {
                self.put(&line, at);
            }
        }
        // By the clock of these lines: the day may have changed.
        if !self.is_brisk() {
            return Err(NotHere);
        }
        let began = Instant::now();
        let written = self.write(By::Passer);
        if began.elapsed() > SLOW {
            self.pace.slow = Some(began);
        }
        written.map_err(|cause| {
            if cause.kind() != ErrorKind::WouldBlock {
                self.fails(&cause);
            }
            NotHere
        })
    }

    /// Whether a write ends at once, as far as can be known.
    fn is_brisk(&self) -> bool {
        let Sink::Folder(folder) = &self.sink else { return false };
        let slow = self.pace.slow.is_some_and(|slow| slow.elapsed() < SLOW_FOR);
        !slow && folder.is_brisk(self.pace.wall())
    }

    fn put(&mut self, line: &str, at: SystemTime) {
        self.pace.told = (at, Instant::now());
        let sealed = self.pen.put(line, at);
        self.sealed(sealed);
    }

    /// What is due by the clock. What the disk should have by now is left to the caller: it takes milliseconds, in which
    /// others can write.
    pub(super) fn rest(&mut self) -> Option<Arc<File>> {
        self.lost();
        self.persist();
        if self.pace.sealed.elapsed() >= SEAL_EVERY {
            let sealed = self.pen.seal(self.pace.wall(), Place::Between);
            self.pace.sealed = Instant::now();
            self.sealed(sealed);
            self.persist();
        }
        let due = self.pace.fresh && self.pace.synced.elapsed() >= SYNC_EVERY;
        let Sink::Folder(folder) = &self.sink else { return None };
        let file = folder.file().filter(|_| due)?;
        (self.pace.synced, self.pace.fresh) = (Instant::now(), false);
        Some(file)
    }

    /// The disk did not take it.
    pub(super) fn unsynced(&mut self, file: &Arc<File>, cause: &io::Error) {
        if let Sink::Folder(folder) = &mut self.sink {
            folder.distrust(file);
        }
        self.fate.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%cause, "the disk did not take the last records; a new file begins");
    }

    /// Nobody has anything to say any more.
    pub(super) fn over(&mut self) {
        self.end(self.pace.wall());
    }

    /// The last seal, and the disk has it all.
    fn end(&mut self, at: SystemTime) {
        self.lost();
        let sealed = self.pen.seal(at, Place::Last);
        self.sealed(sealed);
        self.persist();
        self.sync();
    }

    /// Lines that were not taken have a record that says how many.
    fn lost(&mut self) {
        let lost = self.fate.lost.load(Ordering::Relaxed);
        let more = lost.saturating_sub(self.named);
        if more > 0 {
            self.named = lost;
            let sealed = self.pen.lost(more, self.pace.wall());
            self.sealed(sealed);
        }
    }

    fn sealed(&mut self, at: Option<SystemTime>) {
        let since = at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        if let Some(since) = since {
            self.pace.sealed = Instant::now();
            self.fate.sealed.store(since.as_secs(), Ordering::Relaxed);
        }
    }

    fn sync(&mut self) {
        let Sink::Folder(folder) = &self.sink else { return };
        if let Some(file) = folder.file()
            && let Err(cause) = file.sync_data()
        {
            self.unsynced(&file, &cause);
        }
    }

    /// Writes what the pen holds, however long that takes.
    fn persist(&mut self) {
        while let Err(cause) = self.write(By::Thread) {
            self.fails(&cause);
            std::thread::sleep(AGAIN);
        }
    }

    /// Writes what the pen holds, and tells who waits for it. After an error it goes on where it broke off, so no line is
    /// torn or lost.
    fn write(&mut self, by: By) -> io::Result<()> {
        let (lines, first) = self.pen.lines();
        if !lines.is_empty() {
            let batch = Batch { lines, first, at: self.pace.wall() };
            self.sink.write(&batch, &mut self.pace.progress, by)?;
            (self.pace.progress, self.pace.fresh) = (Progress::default(), true);
            self.fate.records.fetch_add(self.pen.written(), Ordering::Relaxed);
            if self.fate.failing.swap(false, Ordering::Relaxed) {
                tracing::warn!("records are written again");
            }
        }
        let held = std::mem::take(&mut self.pace.held);
        if held > 0 {
            self.done.more(held);
            // Only now: who finds a line done clears it for themselves.
            self.fate.late.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    fn fails(&self, cause: &io::Error) {
        self.fate.failures.fetch_add(1, Ordering::Relaxed);
        if !self.fate.failing.swap(true, Ordering::Relaxed) {
            tracing::error!(%cause, "records cannot be written; nothing passes until they can");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.desert();
        self.done.end();
    }
}

pub(super) fn tell(waiting: Vec<SyncSender<()>>) {
    for tell in waiting {
        // Whoever asked may have stopped waiting.
        let _gone = tell.send(());
    }
}

impl Sink {
    fn write(&mut self, batch: &Batch<'_>, progress: &mut Progress, by: By) -> io::Result<()> {
        match self {
            Self::Stream(out) => stream(out, batch.lines, progress),
            Self::Folder(folder) => folder.write(batch, progress, by),
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
