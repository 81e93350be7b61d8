//! Where a configuration comes from besides its text: files and the environment, as an argument.

use std::fs::File;
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

/// This machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Source for Machine {
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let cap = u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX);
        File::open(path)?.take(cap + 1).read_to_end(&mut bytes)?;
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
