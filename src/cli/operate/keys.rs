//! The token of viewers that is made anew at each start: left where only the same user finds it.

use std::fs::{self, DirBuilder};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::cli::common::say;
use crate::config::{Machine, Source};
use crate::gate::secret::Secret;

/// Nobody guesses 256 bits.
const BYTES: usize = 32;

/// What helps where no token is to be found: in the log of the gateway, and for whoever asks it.
pub(super) const HINT: &str =
    "set admin.viewer_token, or XDG_RUNTIME_DIR for the gateway and its commands alike";

/// Where the unit of `deploy/` has its runtime directory: for who asks from outside the unit.
const UNIT: &str = "/run/botwarden";

/// The file with it, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct Left {
    path: PathBuf,
    token: Secret,
}

impl Drop for Left {
    /// Unless it is that of a gateway that has come to the same port since.
    fn drop(&mut self) {
        if read(&self.path).is_some_and(|now| now == self.token) {
            // Without the gateway it opens nothing.
            let _stays = fs::remove_file(&self.path);
        }
    }
}

/// A token for this start.
pub(super) fn make() -> Result<Secret, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(base16ct::lower::encode_string(&bytes).into_bytes()))
}

/// Leaves it for commands of the same user, or shows it to whoever has started the gateway by hand. It is never in a
/// log: where there is neither, nobody can look, and that is told.
pub(super) fn leave(token: &Secret, port: u16) -> Option<Left> {
    let Some(directory) = directory(&Machine) else {
        show(token);
        return None;
    };
    let path = file(&directory, port);
    match write(&path, token) {
        Ok(()) => Some(Left { path, token: token.clone() }),
        Err(cause) => {
            tracing::warn!(path = %path.display(), %cause, "cannot leave the token of viewers; set admin.viewer_token");
            None
        }
    }
}

fn show(token: &Secret) {
    if io::stderr().is_terminal() {
        let token = String::from_utf8_lossy(token.expose());
        say(&format!("token of viewers until the next start: {token}\n"));
    } else {
        tracing::warn!(
            hint = HINT,
            "nobody knows the token of viewers: `status` and `tail` cannot ask"
        );
    }
}

/// What the gateway on this port has left.
pub(super) fn find(port: u16) -> Option<Secret> {
    let places = directory(&Machine).into_iter().chain([UNIT.into()]);
    places.into_iter().find_map(|directory| read(&file(&directory, port)))
}

/// systemd names several with colons between them; the first is the unit's own.
fn directory(source: &dyn Source) -> Option<PathBuf> {
    let set = |name| source.var(name).filter(|value| !value.is_empty());
    let unit = set("RUNTIME_DIRECTORY");
    let unit = unit.and_then(|all| all.split(':').next().map(PathBuf::from));
    unit.or_else(|| Some(Path::new(&set("XDG_RUNTIME_DIR")?).join("botwarden")))
}

fn file(directory: &Path, port: u16) -> PathBuf {
    directory.join(format!("admin-{port}.token"))
}

/// Whole or not at all, and readable by its owner only from its first moment on.
fn write(path: &Path, token: &Secret) -> io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // The library makes it 0600.
    let mut file = tempfile::Builder::new().prefix(".admin-").tempfile_in(directory)?;
    file.write_all(token.expose())?;
    file.persist(path)?;
    Ok(())
}

fn read(path: &Path) -> Option<Secret> {
    let bytes = Machine.file(path).ok()?;
    (!bytes.is_empty() && bytes.len() <= BYTES * 2).then(|| Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_can_read_it_and_it_goes_with_the_gateway() {
        let runtime = tempfile::tempdir().unwrap();
        let path = file(&runtime.path().join("botwarden"), 8083);
        let token = make().unwrap();
        write(&path, &token).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let directory = path.parent().unwrap().metadata().unwrap();
        assert_eq!(directory.permissions().mode() & 0o777, 0o700);
        assert!(read(&path).unwrap() == token && token.len() == 64);
        drop(Left { path: path.clone(), token });
        assert!(!path.exists());
    }

    #[test]
    fn the_token_of_the_next_gateway_stays() {
        let runtime = tempfile::tempdir().unwrap();
        let path = file(runtime.path(), 8083);
        let (old, new) = (make().unwrap(), make().unwrap());
        write(&path, &old).unwrap();
        write(&path, &new).unwrap();
        drop(Left { path: path.clone(), token: old });
        assert!(read(&path).unwrap() == new);
    }

    #[test]
    fn what_is_no_token_is_not_taken_for_one() {
        let runtime = tempfile::tempdir().unwrap();
        let path = runtime.path().join("admin-1.token");
        for bytes in [&b""[..], &[b'a'; 65]] {
            fs::write(&path, bytes).unwrap();
            assert!(read(&path).is_none());
        }
    }
}
