//! A file of records that is being written.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::folder::Progress;

const DAY: Duration = Duration::from_hours(24);

/// The file that is written to.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) file: Arc<File>,
    pub(super) path: PathBuf,
    /// Which file it is: device and inode.
    pub(super) place: (u64, u64),
    pub(super) size: u64,
    pub(super) day: u64,
    /// Whether a write to it is a copy into memory.
    pub(super) local: bool,
    pub(super) standing: Standing,
}

/// Whether more goes into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does.
    InUse,
    /// Somebody has moved it: the next lines go to another one.
    Left,
    /// The system could not write it down once: what is said about it from then on need not be true.
    Doubtful,
}

/// Where the file is by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// In its place.
    There,
    /// Elsewhere: somebody keeps it.
    Moved,
    /// Nowhere: what goes into it is read by nobody.
    Gone,
}

/// File systems of this machine, by `f_type` of statfs(2): ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS, F2FS. On any other,
/// such as NFS, a write may wait for somebody else.
const LOCAL: [u64; 7] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1, 0xf2f5_2010];

impl Open {
    pub(super) fn append(&mut self, lines: &[u8], progress: &mut Progress) -> io::Result<()> {
        while let Some(rest) = progress.rest(lines) {
            match (&*self.file).write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    progress.on(written);
                    self.size += u64::try_from(written).unwrap_or(u64::MAX);
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    pub(super) fn whereabouts(&self) -> Whereabouts {
        let there = fs::symlink_metadata(&self.path);
        if there.is_ok_and(|there| (there.dev(), there.ino()) == self.place) {
            return Whereabouts::There;
        }
        let kept = self.file.metadata().is_ok_and(|file| file.nlink() > 0);
        if kept { Whereabouts::Moved } else { Whereabouts::Gone }
    }

    /// The next lines go to another one.
    pub(super) fn leave(&mut self) {
        if self.standing == Standing::InUse {
            self.standing = Standing::Left;
        }
    }

    /// What is half written goes to another file as a whole.
    pub(super) fn take_back(&mut self, progress: &mut Progress) {
        let written = std::mem::take(&mut progress.written);
        self.size = self.size.saturating_sub(u64::try_from(written).unwrap_or(u64::MAX));
        // Where that is refused, it stays as a broken line in a file that is somebody else's by now.
        let _refused = self.file.set_len(self.size);
    }
}

pub(super) fn is_local(file: &File) -> bool {
    let kind = rustix::fs::fstatfs(file).ok().and_then(|system| u64::try_from(system.f_type).ok());
    kind.is_some_and(|kind| LOCAL.contains(&kind))
}

pub(super) fn day(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / DAY.as_secs()
}
