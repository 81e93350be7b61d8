//! One gateway writes to a directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::folder::NoFolder;

/// Whose lock says who writes.
const LOCK: &str = ".lock";

/// What says that nobody else writes: a file, which every file system can lock; and the directory itself, where that can
/// be locked (over NFS it cannot), for the case that somebody tidies the file away.
#[derive(Debug)]
pub(super) struct Held {
    _file: File,
    _dir: Option<File>,
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
        let locked = match whole.try_lock() {
            Err(cause @ TryLockError::WouldBlock) => return Err(unheld(dir, cause)),
            locked => locked.is_ok(),
        };
        Ok(Self { _file: file, _dir: locked.then_some(whole) })
    }
}

fn unheld(dir: &Path, cause: TryLockError) -> NoFolder {
    match cause {
        TryLockError::WouldBlock => NoFolder::InUse(dir.to_owned()),
        TryLockError::Error(cause) => NoFolder::Io { dir: dir.to_owned(), cause },
    }
}
