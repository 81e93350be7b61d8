//! Files that only their owner may read, and that are there whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// A new file beside this one, to take its place when it is whole. Nobody can guess its name, and no link is followed
/// that stands in the way.
pub(super) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    // The library makes it 0600.
    tempfile::Builder::new()
        .prefix(".botwarden-")
        .suffix(".new")
        .tempfile_in(directory.unwrap_or_else(|| Path::new(".")))
}

/// Whether something can be written there, found out without touching what is there.
pub(super) fn writable(path: &Path) -> io::Result<()> {
    match place(path) {
        Place::File => beside(path).map(drop),
        Place::Other => OpenOptions::new().append(true).open(path).map(drop),
    }
}

/// Writes all of it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match place(path) {
        Place::File => {
            let mut file = beside(path)?;
            file.write_all(bytes)?;
            file.persist(path)?;
            Ok(())
        }
        Place::Other => OpenOptions::new().write(true).truncate(true).open(path)?.write_all(bytes),
    }
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A file, or nothing yet: a new one takes its place.
    File,
    /// Such as a pipe, or a link to one, like `/dev/stdout`: who named it wants it to be written into.
    Other,
}

fn place(path: &Path) -> Place {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Place::Other,
        Ok(_) | Err(_) => Place::File,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_by_one_that_only_its_owner_may_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rooms.csv");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        writable(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_file_is_written_into() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        fs::write(&target, "old and long").unwrap();
        symlink(&target, &link).unwrap();
        writable(&link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert!(writable(directory.path()).is_err() && write(directory.path(), b"").is_err());
    }
}
