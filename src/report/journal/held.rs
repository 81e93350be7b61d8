//! One gateway writes to a directory.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::folder::NoFolder;

/// Whose lock says who writes.
const LOCK: &str = ".lock";

/// What says that nobody else writes: a file, which every file system can lock; and the directory itself, where that can
/// be locked (over NFS it cannot), for the case that somebody tidies the file away.
#[derive(Debug)]
pub(super) struct Held {
    file: File,
    dir: File,
    /// Which directory it is: device and inode, which stay as long as it is open.
    place: Option<(u64, u64)>,
}

impl Held {
    /// Makes the directory if it is not there.
    pub(super) fn take(dir: &Path) -> Result<Self, NoFolder> {
        let refused = |cause| NoFolder::Io { dir: dir.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused)?;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(dir.join(LOCK));
        let file = file.map_err(refused)?;
        file.try_lock().map_err(|cause| unheld(dir, cause))?;
        let whole = File::open(dir).map_err(refused)?;
        if let Err(cause @ TryLockError::WouldBlock) = whole.try_lock() {
            return Err(unheld(dir, cause));
        }
        let place = Some(place(&whole.metadata().map_err(refused)?));
        Ok(Self { file, dir: whole, place })
    }

    /// Takes the directory that is there now, if it is another one: somebody may have moved the old one away, with its lock.
    pub(super) fn keep(&mut self, dir: &Path) -> io::Result<()> {
        if Some(place(&fs::metadata(dir)?)) != self.place {
            // The old locks would stand in the way where it is the same directory by another path.
            self.place = None;
            self.file.unlock()?;
            // Where it was not locked, there is nothing to unlock.
            let _unlocked = self.dir.unlock();
            *self = Self::take(dir).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

fn place(of: &Metadata) -> (u64, u64) {
    (of.dev(), of.ino())
}

fn unheld(dir: &Path, cause: TryLockError) -> NoFolder {
    match cause {
        TryLockError::WouldBlock => NoFolder::InUse(dir.to_owned()),
        TryLockError::Error(cause) => NoFolder::Io { dir: dir.to_owned(), cause },
    }
}
