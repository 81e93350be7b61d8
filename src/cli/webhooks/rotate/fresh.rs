//! A new secret, in a file beside that of the present one.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::reuse::usable;
use crate::gate::secret::Secret;

/// 256 bits: more than the MAC has, and nothing that a guess finds.
const BYTES: usize = 32;

/// Its owner may read and write it, nobody else.
const OWNER_ONLY: u32 = 0o600;

const OWNER_READS: u32 = 0o400;
const GROUP_READS: u32 = 0o040;

/// Where the new secret is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// It was made just now.
    Now(PathBuf, Readers),
    /// An earlier run made it, or somebody else did, at this time.
    Before(PathBuf, SystemTime),
}

impl Made {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Now(path, _) | Self::Before(path, _) => path,
        }
    }
}

/// Who may read a new secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner, as with the present one.
    Owner,
    /// Its owner and its group, as with the present one.
    OwnerAndGroup,
    /// Its owner, although this group may read the present one: whoever runs this may not give a file to it.
    NotTheGroup(u32),
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

/// `PATH.next`
pub(super) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

/// When a file was written last, as far as that can be told.
pub(super) fn written(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

/// Writes a new secret to `PATH.next`. One that is there already is kept: the gateway may accept it by now.
pub(super) fn make(present: &Secret, file: &Path) -> Result<Made, Unmade> {
    let path = beside(file);
    match create(&path) {
        Ok(new) => {
            let readers = write(new, &path, file)?;
            Ok(Made::Now(path, readers))
        }
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
            let since = usable(present, &path, file)?;
            Ok(Made::Before(path, since))
        }
        Err(cause) => Err(Unmade::Unwritten { path, cause }),
    }
}

/// Never over a file that exists, nor through a link.
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)
}

/// Half a secret must not stay behind.
fn write(new: File, path: &Path, beside: &Path) -> Result<Readers, Unmade> {
    let secret = random()?;
    fill(new, &secret, path, beside).map_err(|cause| {
        // What is still there then is empty or short, and is refused by name at the next run.
        let _first_cause_counts = std::fs::remove_file(path);
        Unmade::Unwritten { path: path.to_owned(), cause }
    })
}

/// On the disk before anybody is told of it, and for those who may read the present one.
fn fill(mut new: File, secret: &Secret, path: &Path, beside: &Path) -> std::io::Result<Readers> {
    let readers = liken(&new, &std::fs::metadata(beside)?)?;
    new.write_all(secret.expose())?;
    new.sync_all()?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    Ok(readers)
}

/// The gateway must be able to read it, by its user or by its group. The owner goes last: what is somebody else's may
/// not be changed any more.
fn liken(new: &File, present: &Metadata) -> std::io::Result<Readers> {
    let mine = new.metadata()?;
    let for_group = present.mode() & GROUP_READS;
    let same_group = present.gid() == mine.gid() || fchown(new, None, Some(present.gid())).is_ok();
    if same_group {
        new.set_permissions(Permissions::from_mode(
            OWNER_READS | for_group | present.mode() & OWNER_ONLY,
        ))?;
    }
    if present.uid() != mine.uid() {
        fchown(new, Some(present.uid()), None)?;
    }
    Ok(match (for_group, same_group) {
        (0, _) => Readers::Owner,
        (_, true) => Readers::OwnerAndGroup,
        (_, false) => Readers::NotTheGroup(present.gid()),
    })
}

/// As hex digits: Webex takes text.
pub(super) fn random() -> Result<Secret, Unmade> {
    let mut bytes = vec![0; BYTES];
    getrandom::fill(&mut bytes).map_err(Unmade::NoRandomness)?;
    let bytes = Secret::new(bytes);
    Ok(Secret::new(base16ct::lower::encode_string(bytes.expose()).into_bytes()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    const PRESENT: &[u8] = b"0123456789abcdef0123";

    fn present() -> (tempfile::TempDir, PathBuf, Secret) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, PRESENT).unwrap();
        allow(&file, OWNER_ONLY);
        (directory, file, Secret::new(PRESENT.to_vec()))
    }

    fn allow(file: &Path, mode: u32) {
        std::fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_secret_is_long_random_and_its_owners() {
        let (directory, file, secret) = present();
        let Ok(Made::Now(path, Readers::Owner)) = make(&secret, &file) else { panic!("made now") };
        assert_eq!(path, directory.path().join("secret.next"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&file).unwrap(), PRESENT, "the present one stays");

        let since = written(&path).unwrap();
        assert_eq!(make(&secret, &file).unwrap(), Made::Before(path.clone(), since));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it may be in use by now");
        std::fs::remove_file(&path).unwrap();
        make(&secret, &file).unwrap();
        assert_ne!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn whoever_may_read_the_present_secret_may_read_the_new_one() {
        for (mode, wanted, readers) in [
            (0o600, 0o600, Readers::Owner),
            (0o400, 0o400, Readers::Owner),
            (0o640, 0o640, Readers::OwnerAndGroup),
            (0o440, 0o440, Readers::OwnerAndGroup),
            (0o664, 0o640, Readers::OwnerAndGroup),
            (0o604, 0o600, Readers::Owner),
        ] {
            let (_directory, file, secret) = present();
            allow(&file, mode);
            let made = make(&secret, &file).unwrap();
            assert_eq!(made, Made::Now(beside(&file), readers), "{mode:o}");
            let new = beside(&file).metadata().unwrap();
            assert_eq!(new.mode() & 0o777, wanted, "{mode:o}");
        }
    }

    #[test]
    fn the_new_secret_belongs_to_the_group_of_the_present_one() {
        const NOBODYS: u32 = 65_533;
        let (_directory, file, secret) = present();
        allow(&file, 0o640);
        let given = chown(&file, None, Some(NOBODYS)).is_ok();
        make(&secret, &file).unwrap();
        let (old, new) = (file.metadata().unwrap(), beside(&file).metadata().unwrap());
        assert_eq!((new.uid(), new.gid()), (old.uid(), old.gid()), "given: {given}");
        assert_eq!(new.mode() & 0o777, 0o640);
    }
}
