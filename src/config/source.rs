//! Where a configuration comes from besides its text: files and the environment, as an argument.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// The largest file that is read at all: 2 MiB, a configuration of ten thousand routes. What YAML costs to read grows with
/// the file.
pub const LARGEST_FILE: usize = 2 << 20;

/// Files and the environment. [`Machine`] is the real one.
pub trait Source {
    /// The bytes of a file; of one larger than [`LARGEST_FILE`], the beginning, and at least one byte more than that.
    fn file(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// An environment variable.
    fn var(&self, name: &str) -> Option<String>;

    /// Whether users may read a file whom nobody meant to: everybody, or the group of a file that this process reads as
    /// its owner. Where a file belongs to somebody else and this process reads it by its group, as Kubernetes gives
    /// secrets to a pod with `fsGroup`, the group is meant.
    fn readable_by_others(&self, path: &Path) -> bool;
}

/// A regular file. Whoever opens a pipe would wait until somebody else opens its other end.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// This machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Source for Machine {
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let cap = u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX);
        open(path)?.take(cap + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    #[cfg(unix)]
    fn readable_by_others(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        path.metadata().is_ok_and(|file| {
            too_open(Rights { mode: file.mode(), owner: file.uid(), group: file.gid() }, &Us::now())
        })
    }

    #[cfg(not(unix))]
    fn readable_by_others(&self, _path: &Path) -> bool {
        false
    }
}

/// Who may read a file, as the file says it.
#[cfg(unix)]
#[derive(Clone, Copy, Debug)]
struct Rights {
    mode: u32,
    owner: u32,
    group: u32,
}

/// As whom this process reads.
#[cfg(unix)]
#[derive(Clone, Debug)]
struct Us {
    user: u32,
    groups: Vec<u32>,
}

#[cfg(unix)]
impl Us {
    fn now() -> Self {
        use rustix::process::{getegid, geteuid, getgroups};
        // Without the list of groups, only the first is known, and more is warned of.
        let more = getgroups().unwrap_or_default();
        let groups =
            more.into_iter().chain([getegid()]).map(rustix::process::Gid::as_raw).collect();
        Self { user: geteuid().as_raw(), groups }
    }
}

#[cfg(unix)]
fn too_open(file: Rights, us: &Us) -> bool {
    const GROUP: u32 = 0o040;
    const OTHERS: u32 = 0o004;
    let by_its_group = file.owner != us.user && us.groups.contains(&file.group);
    file.mode & OTHERS != 0 || (file.mode & GROUP != 0 && !by_its_group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_may_read_only_where_it_is_how_this_process_reads() {
        let us = Us { user: 65532, groups: vec![65532, 2000] };
        let open = |mode, owner, group| too_open(Rights { mode, owner, group }, &us);
        assert!(!open(0o400, 65532, 65532) && !open(0o600, 0, 0));
        assert!(!open(0o440, 0, 65532) && !open(0o640, 0, 2000), "fsGroup");
        assert!(open(0o440, 65532, 65532), "the owner needs no group");
        assert!(open(0o440, 0, 3000), "somebody else's group");
        assert!(open(0o444, 0, 65532) && open(0o404, 65532, 65532), "everybody");
    }

    #[test]
    fn a_pipe_holds_up_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("secret");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(Machine.file(&pipe).unwrap_err().to_string(), "it is not a regular file");
        assert!(Machine.file(dir.path()).is_err(), "a directory is none either");
    }
}
