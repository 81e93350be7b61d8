//! A file that lies where the new secret belongs: an earlier run made it, or anybody.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use super::fresh::Unmade;
use crate::gate::secret::Secret;
use crate::gate::signature::SHORTEST_SECRET;

/// A secret has some forty bytes; a larger file is a mix-up.
const LARGEST: u64 = 64 * 1024;

const OTHERS_WRITE: u32 = 0o022;

/// What somebody else put there must not become the secret: they would know it. Since when the file is there.
///
/// 1. It is a plain file: no link, and no pipe that would be waited for.
/// 2. It belongs to the owner of the present one.
/// 3. Nobody else may write it.
/// 4. What is in it can be a new secret.
pub(super) fn usable(present: &Secret, path: &Path, file: &Path) -> Result<SystemTime, Unmade> {
    let unread = |cause| Unmade::Unread { path: path.to_owned(), cause };
    let useless = |why| Unmade::Useless { path: path.to_owned(), why };
    let there = std::fs::symlink_metadata(path).map_err(unread)?;
    let owner = std::fs::metadata(file).map_err(unread)?;
    trusted(&there, &owner).map_err(useless)?;
    let opened = File::open(path).map_err(unread)?;
    let found = opened.metadata().map_err(unread)?;
    if (found.dev(), found.ino()) != (there.dev(), there.ino()) {
        return Err(useless("it was exchanged while it was looked at"));
    }
    let mut bytes = Vec::new();
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unread)?;
    fitting(present, &Secret::new(bytes)).map_err(useless)?;
    found.modified().map_err(unread)
}

/// Rules 1 to 3.
fn trusted(there: &Metadata, owner: &Metadata) -> Result<(), &'static str> {
    match () {
        () if !there.is_file() => Err("it is not a plain file"),
        () if there.uid() != owner.uid() => Err("it belongs to another user than the present one"),
        () if there.mode() & OTHERS_WRITE != 0 => Err("others than its owner may write it"),
        () => Ok(()),
    }
}

/// Rule 4.
fn fitting(present: &Secret, bytes: &Secret) -> Result<(), &'static str> {
    let secret = Secret::new(bytes.expose().trim_ascii_end().to_vec());
    match () {
        () if secret.is_empty() => Err("it is empty"),
        () if secret.len() < SHORTEST_SECRET => Err("it is too short"),
        () if u64::try_from(bytes.len()).is_ok_and(|size| size > LARGEST) => Err("it is too large"),
        () if secret == *present => Err("it is the present one"),
        () if std::str::from_utf8(secret.expose()).is_err() => Err("it is not text"),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::path::PathBuf;
    use std::process::Command;

    use super::super::fresh::{Made, beside, make, written};
    use super::*;

    const PRESENT: &[u8] = b"0123456789abcdef0123";

    /// A directory, the present secret, and where the new one belongs.
    fn present() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, PRESENT).unwrap();
        let next = beside(&file);
        (directory, file, next)
    }

    fn put(next: &Path, text: &[u8], mode: u32) {
        std::fs::write(next, text).unwrap();
        std::fs::set_permissions(next, Permissions::from_mode(mode)).unwrap();
    }

    fn why(file: &Path) -> &'static str {
        match make(&Secret::new(PRESENT.to_vec()), file) {
            Err(Unmade::Useless { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_lies_there_already_must_be_a_new_secret() {
        let (_directory, file, next) = present();
        for left in
            [&b""[..], b"short", &[PRESENT, b"\n"].concat(), &[0xff; 40], &b"a".repeat(65537)]
        {
            put(&next, left, 0o600);
            let _why = why(&file);
            assert_eq!(std::fs::read(&next).unwrap(), left);
        }
        put(&next, &[b"a new secret of the operator", PRESENT].concat(), 0o600);
        let made = make(&Secret::new(PRESENT.to_vec()), &file).unwrap();
        assert_eq!(made, Made::Before(next.clone(), written(&next).unwrap()));
    }

    #[test]
    fn what_somebody_else_may_have_put_there_is_not_taken() {
        let (directory, file, next) = present();
        let planted = [b"a secret that somebody else knows", PRESENT].concat();
        for mode in [0o620, 0o602, 0o666] {
            put(&next, &planted, mode);
            assert_eq!(why(&file), "others than its owner may write it", "{mode:o}");
        }
        std::fs::remove_file(&next).unwrap();
        let elsewhere = directory.path().join("elsewhere");
        symlink(&elsewhere, &next).unwrap();
        assert_eq!(why(&file), "it is not a plain file");
        assert!(!elsewhere.exists(), "nothing is written through a link");
        put(&elsewhere, &planted, 0o600);
        assert_eq!(why(&file), "it is not a plain file", "nor read through one");
        std::fs::remove_file(&next).unwrap();
        assert!(Command::new("mkfifo").arg(&next).status().unwrap().success());
        assert_eq!(why(&file), "it is not a plain file", "a pipe is not waited for");
    }

    #[test]
    fn a_new_secret_of_another_user_is_not_taken() {
        let (mine, theirs) =
            (tempfile::tempfile().unwrap(), tempfile::NamedTempFile::new().unwrap());
        // Only root may give files away; whoever else runs this has files of root to look at.
        let given = chown(theirs.path(), Some(65_533), None);
        let theirs = given.map_or_else(|_denied| Path::new("/"), |()| theirs.path()).metadata();
        let (mine, theirs) = (mine.metadata().unwrap(), theirs.unwrap());
        assert_ne!(mine.uid(), theirs.uid());
        assert_eq!(trusted(&mine, &mine), Ok(()));
        assert!(trusted(&mine, &theirs).unwrap_err().contains("another user"));
    }
}
