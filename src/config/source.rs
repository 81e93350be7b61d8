//! Where a configuration comes from besides its text: files and the environment, as an argument.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// The largest file that is read at all. A configuration of a hundred routes has some 20 KiB, and what YAML costs to
/// read grows with the file.
pub const LARGEST_FILE: usize = 1 << 20;

/// Files and the environment. [`Machine`] is the real one.
pub trait Source {
    /// The bytes of a file; of one larger than [`LARGEST_FILE`], the beginning, and at least one byte more than that.
    fn file(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// An environment variable.
    fn var(&self, name: &str) -> Option<String>;

    /// Whether users other than the owner may read a file.
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
        use std::os::unix::fs::PermissionsExt as _;
        const GROUP_AND_OTHERS: u32 = 0o044;
        path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & GROUP_AND_OTHERS != 0)
    }

    #[cfg(not(unix))]
    fn readable_by_others(&self, _path: &Path) -> bool {
        false
    }
}

#[cfg(all(test, unix))]
mod pipe_tests {
    use super::*;

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
