//! Records in a directory of their own: one writer, files that end by size and by day, old ones removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::chain::{Chain, Head, LONGEST_LINE, Link};
use super::file::{Open, Standing, Whereabouts, day, is_local};
use super::held::Held;
use super::name::Name;

/// What is asked of the directory.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Where.
    pub dir: PathBuf,
    /// For how long a file is kept after its last record.
    pub keep: Duration,
    /// The size from which on a new file begins, in bytes.
    pub rotate_at: u64,
    /// Whether the lines are chained: then they go on where the last run ended.
    pub chain: Chain,
}

/// Why a directory cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum NoFolder {
    /// Another gateway writes there.
    #[error("another gateway writes its records to {}", .0.display())]
    InUse(PathBuf),
    /// The system says no.
    #[error("cannot write records to {}: {cause}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What it says.
        cause: io::Error,
    },
    /// The chain cannot go on from there.
    #[error(
        "the last line of {} is not the end of a chain, so that nothing can be added to it; move the files of this directory away, they are evidence, and start again", .0.display()
    )]
    Broken(PathBuf),
}

/// Where the run before ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The place of its last whole line.
    pub head: Head,
    /// That line.
    pub line: Option<Box<[u8]>>,
    /// It broke off in the middle of a line, which stays as it is.
    pub torn: bool,
}

/// The directory, held by this process.
#[derive(Debug)]
pub struct Folder {
    rules: Rules,
    /// The locks go with it.
    held: Held,
    last: Option<Name>,
    open: Option<Open>,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The thread of the log, which may wait for the disk.
    Thread,
    /// Whoever waits for a record, and must not.
    Passer,
}

/// A part of a batch that is in the file already: what is left is written when there is room again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) written: usize,
    began: bool,
}

impl Progress {
    pub(super) fn rest<'a>(&self, lines: &'a [u8]) -> Option<&'a [u8]> {
        lines.get(self.written..).filter(|rest| !rest.is_empty())
    }

    pub(super) fn on(&mut self, written: usize) {
        self.written = self.written.saturating_add(written);
    }
}

impl Folder {
    /// Takes the directory; it is made if it is not there. Where the run before ended.
    pub fn open(rules: Rules, now: SystemTime) -> Result<(Self, Before), NoFolder> {
        let held = Held::take(&rules.dir)?;
        let unreadable = |cause| NoFolder::Io { dir: rules.dir.clone(), cause };
        let names = names(&rules.dir).map_err(unreadable)?;
        let before = last_of(&rules, &names)?;
        let folder = Self { last: names.last().copied(), rules, held, open: None };
        let pruned = folder.prune(earlier(now, folder.last));
        pruned.map_err(|cause| NoFolder::Io { dir: folder.rules.dir.clone(), cause })?;
        Ok((folder, before))
    }

    /// Writes whole lines, or goes on where it broke off. When it says `Ok`, the system has them, in a file that is
    /// there. `WouldBlock` says that only the thread of the log may go on: a new file takes as long as the disk.
    pub(super) fn write(
        &mut self,
        batch: &Batch<'_>,
        progress: &mut Progress,
        by: By,
    ) -> io::Result<()> {
        if !progress.began {
            self.turn(batch)?;
            progress.began = true;
        }
        while self.append(batch, progress)? == Placed::Nowhere {
            if by == By::Passer {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.begin(batch)?;
            progress.written = 0;
        }
        Ok(())
    }

    /// Where the directory is away, it is waited for. What stands in a file that is gone is missed, and the chain shows it.
    fn append(&mut self, batch: &Batch<'_>, progress: &mut Progress) -> io::Result<Placed> {
        let Some(open) = &mut self.open else { return Ok(Placed::Nowhere) };
        match (open.append(batch.lines, progress), open.whereabouts()) {
            (appended, Whereabouts::There) => appended.map(|()| Placed::Whole),
            (Ok(()), Whereabouts::Moved) => {
                fs::metadata(&self.rules.dir)?;
                open.leave();
                Ok(Placed::Whole)
            }
            (Err(_), Whereabouts::Moved) => {
                open.take_back(progress);
                Ok(Placed::Nowhere)
            }
            (_, Whereabouts::Gone) => Ok(Placed::Nowhere),
        }
    }

    /// Whether a write goes to memory: to a file that is there, of this machine, and stays the same for now.
    pub(super) fn is_brisk(&self, now: SystemTime) -> bool {
        self.open.as_ref().is_some_and(|open| open.local && !self.is_full(open, now))
    }

    /// Wherever tests may run.
    #[cfg(test)]
    pub(super) fn counts_as_local(&mut self) {
        self.open.as_mut().expect("a file").local = true;
    }

    /// Of a disk that does not take what the system has.
    #[cfg(test)]
    pub(super) fn cannot_be_synced(&mut self) {
        self.open.as_mut().expect("a file").file = Arc::new(File::open("/dev/null").expect("it"));
    }

    /// Of a file that is elsewhere, on a disk without room or where it may not be written.
    #[cfg(test)]
    pub(super) fn takes_nothing(&mut self) {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("it");
        self.open.as_mut().expect("a file").file = Arc::new(full);
    }

    /// Asks the system to write down what it has.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let Some(file) = self.file() else { return Ok(()) };
        let synced = file.sync_data();
        if synced.is_err() {
            self.distrust(&file);
        }
        synced
    }

    /// The file that is written to, for who asks the system to write it down while others go on writing.
    pub(super) fn file(&self) -> Option<Arc<File>> {
        self.open
            .as_ref()
            .filter(|open| open.standing != Standing::Doubtful)
            .map(|open| Arc::clone(&open.file))
    }

    /// The system could not write it down: a new file begins with the next lines. Those that are half written end there.
    pub(super) fn distrust(&mut self, file: &Arc<File>) {
        if let Some(open) = self.open.as_mut().filter(|open| Arc::ptr_eq(&open.file, file)) {
            open.standing = Standing::Doubtful;
        }
    }

    /// A new file when the day or the size says so.
    fn turn(&mut self, batch: &Batch<'_>) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| !self.is_full(open, batch.at)) {
            return Ok(());
        }
        let before = self.last;
        self.begin(batch)?;
        // A directory that cannot be listed is no reason to lose records; it is tried again at the next turn.
        let _next_time = self.prune(earlier(batch.at, before));
        Ok(())
    }

    fn is_full(&self, open: &Open, now: SystemTime) -> bool {
        open.standing != Standing::InUse
            || open.size >= self.rules.rotate_at
            || open.day != day(now)
    }

    fn begin(&mut self, batch: &Batch<'_>) -> io::Result<()> {
        self.held.keep(&self.rules.dir)?;
        let name = Name::new(batch.at, batch.first, self.last);
        let path = self.rules.dir.join(name.to_string());
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        let settled = self.settled(&file).inspect_err(|_| {
            // Else the next try finds its name taken, for as long as a second lasts.
            let _stays_empty = fs::remove_file(&path);
        });
        let (place, local, file) = (settled?, is_local(&file), Arc::new(file));
        self.open = Some(Open {
            file,
            path,
            place,
            size: 0,
            day: day(batch.at),
            local,
            standing: Standing::InUse,
        });
        self.last = Some(name);
        Ok(())
    }

    /// Which file it is, once its name outlasts a loss of power, and so does what stands in the one before.
    fn settled(&mut self, file: &File) -> io::Result<(u64, u64)> {
        File::open(&self.rules.dir)?.sync_all()?;
        self.sync()?;
        let made = file.metadata()?;
        Ok((made.dev(), made.ino()))
    }

    /// Removes files whose last record is older than `keep`, and so is what follows: a clock that was wrong for one
    /// start must not make fresh records old.
    fn prune(&self, now: SystemTime) -> io::Result<()> {
        let names = names(&self.rules.dir)?;
        let Some(oldest) = now.checked_sub(self.rules.keep) else { return Ok(()) };
        for (old, next) in names.iter().zip(names.iter().skip(1)) {
            let path = self.rules.dir.join(old.to_string());
            if next.began() > oldest || Ending::of(&path)?.at().is_some_and(|at| at > oldest) {
                break;
            }
            fs::remove_file(path)?;
            tracing::info!(file = %old, "removed: its records are older than decision_log.to.keep");
        }
        Ok(())
    }
}

/// By which time files are old: one that the file before has seen, too. A clock that is wrong for a moment, ahead or
/// behind, removes nothing.
fn earlier(now: SystemTime, before: Option<Name>) -> SystemTime {
    before.map_or(now, |before| now.min(before.began()))
}

/// Whether lines stand in a file that somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    Whole,
    Nowhere,
}

/// Lines that are written together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a> {
    pub(super) lines: &'a [u8],
    /// The number of the first.
    pub(super) first: u64,
    /// When it was made.
    pub(super) at: SystemTime,
}

/// The files of a directory, in order.
pub fn names(dir: &Path) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().to_str().and_then(Name::read));
    }
    names.sort_unstable();
    Ok(names)
}

/// The last whole line of the newest file that has one.
fn last_of(rules: &Rules, names: &[Name]) -> Result<Before, NoFolder> {
    let mut torn = false;
    for name in names.iter().rev() {
        let path = rules.dir.join(name.to_string());
        let unreadable = |cause| NoFolder::Io { dir: rules.dir.clone(), cause };
        let end = Ending::of(&path).map_err(unreadable)?;
        torn |= end.torn;
        if let Some(line) = end.line {
            let head = head(&line, rules.chain).ok_or(NoFolder::Broken(path))?;
            return Ok(Before { head, line: Some(line.into()), torn });
        }
    }
    Ok(Before { torn, ..Before::default() })
}

fn head(line: &[u8], chain: Chain) -> Option<Head> {
    #[derive(serde::Deserialize)]
    struct Numbered {
        seq: u64,
    }
    match chain {
        Chain::Linked => Link::read(line).ok().map(|link| link.head),
        Chain::Loose => {
            let said: Numbered = serde_json::from_slice(line).ok()?;
            Some(Head { seq: said.seq, ..Head::default() })
        }
    }
}

/// How a file ends.
struct Ending {
    line: Option<Vec<u8>>,
    torn: bool,
}

impl Ending {
    /// When its last record was made. None for a file without one: only its name says how old it is.
    fn at(&self) -> Option<SystemTime> {
        #[derive(serde::Deserialize)]
        struct Stamped {
            ts: Box<str>,
        }
        let said: Stamped = serde_json::from_slice(self.line.as_deref()?).ok()?;
        said.ts.parse::<Timestamp>().ok().map(SystemTime::from)
    }

    /// Reads no more than the end: a line and a torn one.
    fn of(path: &Path) -> io::Result<Self> {
        let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX).saturating_mul(2);
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(most);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            // A line that is longer than any is no line; it is told as one that is broken.
            let line = (start > 0).then(Vec::new);
            return Ok(Self { line, torn: !bytes.is_empty() });
        };
        let torn = end + 1 < bytes.len();
        bytes.truncate(end);
        let begin = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Ok(Self { line: Some(bytes.split_off(begin)), torn })
    }
}
