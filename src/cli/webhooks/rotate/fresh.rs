//! A new secret, in a file beside that of the present one.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use crate::config::{Machine, Source as _};
use crate::gate::secret::Secret;
use crate::gate::signature::SHORTEST_SECRET;

/// 256 bits: more than the MAC has, and nothing that a guess finds.
const BYTES: usize = 32;

/// Its owner may read and write it, nobody else.
const OWNER_ONLY: u32 = 0o600;

/// Where the new secret is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// It was made just now.
    Now(PathBuf),
    /// An earlier run made it.
    Before(PathBuf),
}

impl Made {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Now(path) | Self::Before(path) => path,
        }
    }
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unmade {
    #[error("{} cannot be used as the new secret: {why}\n  remove the file, and run this again", .path.display())]
    Useless { path: PathBuf, why: &'static str },
    #[error(
        "cannot write {}: {cause}\n  put a new secret (openssl rand -hex 20) where the gateway can read it, and name it second in `webhook_secret`",
        .path.display()
    )]
    Unwritten { path: PathBuf, cause: std::io::Error },
    #[error("cannot read {}: {cause}", .path.display())]
    Unread { path: PathBuf, cause: std::io::Error },
    #[error("this machine has no random numbers: {0}")]
    NoRandomness(getrandom::Error),
}

/// Writes a new secret to `PATH.next`. One that is there already is kept: the gateway may accept it by now.
pub(super) fn make(present: &Secret, file: &Path) -> Result<Made, Unmade> {
    let mut name = file.as_os_str().to_owned();
    name.push(".next");
    let path = PathBuf::from(name);
    match create(&path) {
        Ok(new) => {
            write(new, &path, file)?;
            Ok(Made::Now(path))
        }
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
            usable(present, &path)?;
            Ok(Made::Before(path))
        }
        Err(cause) => Err(Unmade::Unwritten { path, cause }),
    }
}

/// Never over a file that exists, nor through a link.
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)
}

/// Half a secret must not stay behind.
fn write(new: File, path: &Path, beside: &Path) -> Result<(), Unmade> {
    let secret = random()?;
    fill(new, &secret, path, beside).map_err(|cause| {
        // What is still there then is empty or short, and is refused by name at the next run.
        let _first_cause_counts = std::fs::remove_file(path);
        Unmade::Unwritten { path: path.to_owned(), cause }
    })
}

/// On the disk before anybody is told of it, and for the user who may read the present one.
fn fill(mut new: File, secret: &Secret, path: &Path, beside: &Path) -> std::io::Result<()> {
    let owner = std::fs::metadata(beside)?;
    if owner.uid() != new.metadata()?.uid() {
        fchown(&new, Some(owner.uid()), Some(owner.gid()))?;
    }
    new.write_all(secret.expose())?;
    new.sync_all()?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// As hex digits: Webex takes text.
pub(super) fn random() -> Result<Secret, Unmade> {
    let mut bytes = vec![0; BYTES];
    getrandom::fill(&mut bytes).map_err(Unmade::NoRandomness)?;
    let bytes = Secret::new(bytes);
    Ok(Secret::new(base16ct::lower::encode_string(bytes.expose()).into_bytes()))
}

/// A file that was left over from something else must not become a secret.
fn usable(present: &Secret, path: &Path) -> Result<(), Unmade> {
    let bytes = Machine.file(path);
    let bytes = bytes.map_err(|cause| Unmade::Unread { path: path.to_owned(), cause })?;
    let secret = Secret::new(bytes.trim_ascii_end().to_vec());
    let why = match () {
        () if secret.is_empty() => "it is empty",
        () if secret.len() < SHORTEST_SECRET => "it is too short",
        () if secret == *present => "it is the present one",
        () if std::str::from_utf8(secret.expose()).is_err() => "it is not text",
        () => return Ok(()),
    };
    Err(Unmade::Useless { path: path.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const PRESENT: &[u8] = b"0123456789abcdef0123";

    fn present() -> (tempfile::TempDir, PathBuf, Secret) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, PRESENT).unwrap();
        (directory, file, Secret::new(PRESENT.to_vec()))
    }

    #[test]
    fn a_new_secret_is_long_random_and_its_owners() {
        let (directory, file, secret) = present();
        let Ok(Made::Now(path)) = make(&secret, &file) else { panic!("made now") };
        assert_eq!(path, directory.path().join("secret.next"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&file).unwrap(), PRESENT, "the present one stays");

        assert_eq!(make(&secret, &file).unwrap(), Made::Before(path.clone()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it may be in use by now");
        std::fs::remove_file(&path).unwrap();
        make(&secret, &file).unwrap();
        assert_ne!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn what_lies_there_already_is_not_trusted_blindly() {
        let (directory, file, secret) = present();
        let next = directory.path().join("secret.next");
        for left in [&b""[..], b"short", &[PRESENT, b"\n"].concat(), &[0xff; 40]] {
            std::fs::write(&next, left).unwrap();
            assert!(matches!(make(&secret, &file), Err(Unmade::Useless { .. })), "{left:?}");
            assert_eq!(std::fs::read(&next).unwrap(), left);
        }
        std::fs::remove_file(&next).unwrap();
        symlink(directory.path().join("elsewhere"), &next).unwrap();
        assert!(matches!(make(&secret, &file), Err(Unmade::Unread { .. })));
        assert!(!directory.path().join("elsewhere").exists(), "nothing is written through a link");
    }
}
