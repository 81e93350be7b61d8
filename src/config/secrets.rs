//! From a reference to the secret. Nothing here repeats what it read.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::findings::Findings;
use super::path::Path;
use super::problem::{Code, Problem, quoted, quoted_path};
use super::raw_forms::SecretRef;
use super::source::Source;
use crate::gate::secret::Secret;
use crate::gate::signature::{SHORTEST_SECRET, SigningKey, WeakSecret};

/// The largest secret. Tokens have some hundred bytes; a larger file is a mix-up.
pub(super) const LARGEST: usize = 64 << 10;

/// Begins the written form of a key for Standard Webhooks.
const WRITTEN_KEY: &str = "whsec_";

/// Reads the secret that stands at a path, and notes what is wrong with it.
pub(super) fn read(
    findings: &mut Findings<'_>,
    path: &Path,
    reference: &SecretRef,
    source: &dyn Source,
) -> Option<Secret> {
    match open(findings, path, reference, source) {
        Ok(secret) => Some(secret),
        Err(problem) => {
            told(findings, path, reference, problem);
            None
        }
    }
}

/// About a file that cannot be had, the line may be shown: there is a path in it, and no secret.
fn told(findings: &mut Findings<'_>, path: &Path, reference: &SecretRef, problem: Problem) {
    match (reference, problem.code) {
        (SecretRef::File(_), Code::UnreadableSecret) => {
            findings.add_open(&path.key("file"), problem);
        }
        _ => findings.add(path, problem),
    }
}

/// The same for who notes by themselves what is wrong.
pub(super) fn open(
    findings: &mut Findings<'_>,
    path: &Path,
    reference: &SecretRef,
    source: &dyn Source,
) -> Result<Secret, Problem> {
    let mut bytes = match reference {
        SecretRef::Env(name) => variable(name, source)?,
        SecretRef::File(file) => {
            let file = written_path(file)?;
            let bytes = contents(&file, source)?;
            warn_of_readers(findings, path, &file, source);
            bytes
        }
        // systemd lets the service's user read by an access list, whose mask looks like permission for the group; the
        // directory is closed to everybody else.
        SecretRef::Credential(name) => contents(&credential(name, source)?, source)?,
    };
    if bytes.len() > LARGEST {
        let message = format!("the secret is larger than {} KiB", LARGEST >> 10);
        return Err(Problem::new(Code::UnreadableSecret, message));
    }
    if !matches!(reference, SecretRef::Env(_)) {
        cut_newline(&mut bytes);
    }
    if bytes.is_empty() {
        return Err(Problem::new(Code::EmptySecret, "the secret is empty"));
    }
    Ok(Secret::new(bytes))
}

fn variable(name: &str, source: &dyn Source) -> Result<Vec<u8>, Problem> {
    let usual = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(usual) {
        // It may be the secret itself.
        let problem = Problem::new(Code::BadValue, "this is not the name of a variable");
        return Err(problem.hint("capital letters, digits and `_`"));
    }
    let unset = || {
        Problem::new(
            Code::UnreadableSecret,
            format!("the environment variable {} is not set", quoted(name)),
        )
    };
    source.var(name).map(String::into_bytes).ok_or_else(unset)
}

fn written_path(file: &str) -> Result<PathBuf, Problem> {
    if ["/", "./", "../"].iter().any(|start| file.starts_with(start)) {
        return Ok(file.into());
    }
    // It may be the secret itself.
    let problem = Problem::new(Code::BadValue, "this is not the path of a file");
    Err(problem.hint("a path begins with `/`, `./` or `../`"))
}

fn credential(name: &str, source: &dyn Source) -> Result<PathBuf, Problem> {
    if name.is_empty() || name.len() > 255 || name.starts_with('.') || name.contains('/') {
        let problem = Problem::new(Code::BadValue, "this is not the name of a credential");
        return Err(problem.hint("the name that LoadCredential= gives it"));
    }
    let Some(directory) = source.var("CREDENTIALS_DIRECTORY") else {
        let problem = Problem::new(
            Code::UnreadableSecret,
            "there are no credentials: $CREDENTIALS_DIRECTORY is not set",
        );
        return Err(problem.hint("systemd sets it for units with LoadCredential="));
    };
    Ok(FilePath::new(&directory).join(name))
}

fn contents(file: &FilePath, source: &dyn Source) -> Result<Vec<u8>, Problem> {
    let name = quoted_path(&file.display().to_string());
    source.file(file).map_err(|error| {
        let unreadable =
            |why: &str| Problem::new(Code::UnreadableSecret, format!("cannot read {name}: {why}"));
        if error.kind() == ErrorKind::NotFound {
            unreadable("there is no such file").hint("create it, or correct the path")
        } else {
            unreadable(&error.to_string())
        }
    })
}

fn warn_of_readers(findings: &mut Findings<'_>, path: &Path, file: &FilePath, source: &dyn Source) {
    if source.readable_by_others(file) {
        let name = quoted_path(&file.display().to_string());
        let message = format!("users other than its owner may read {name}");
        let hint = "chmod 0400; in Kubernetes: defaultMode: 0400";
        findings.add(path, Problem::new(Code::ReadableSecret, message).hint(hint));
    }
}

/// Editors and `echo` end a file with a newline that nobody meant. One is cut off, not more.
fn cut_newline(bytes: &mut Vec<u8>) {
    let end = bytes
        .strip_suffix(b"\n")
        .map_or(bytes.len(), |rest| rest.strip_suffix(b"\r").unwrap_or(rest).len());
    bytes.truncate(end);
}

/// A webhook secret as a key.
pub(super) fn signing_key(secret: &Secret) -> Result<SigningKey, Problem> {
    SigningKey::new(secret).map_err(|WeakSecret| weak())
}

/// What somebody else could guess protects nothing.
pub(super) fn long_enough(secret: &Secret) -> Result<(), Problem> {
    if secret.len() < SHORTEST_SECRET { Err(weak()) } else { Ok(()) }
}

fn weak() -> Problem {
    let message = format!("the secret is shorter than {SHORTEST_SECRET} bytes");
    Problem::new(Code::WeakSecret, message).hint("openssl rand -hex 20")
}

/// Fewer different bytes than this hardly come out of a generator, whatever the alphabet: 16 hex digits with at most
/// five different ones are one draw in 30 000, and 40 of them one in 10^16.
const FEWEST_BYTES: usize = 6;

/// A warning about a key that somebody typed to get past the length.
pub(super) fn check_variety(findings: &mut Findings<'_>, path: &Path, key: &Secret) {
    let different = key.expose().iter().collect::<BTreeSet<_>>().len();
    if key.len() >= SHORTEST_SECRET && different < FEWEST_BYTES {
        let message = "the secret is easy to guess: it consists of very few different bytes";
        let problem = Problem::new(Code::GuessableSecret, message);
        findings.add(path, problem.hint("openssl rand -hex 20"));
    }
}

/// A token goes into a header, so a stray line feed in it would break every call.
pub(super) fn check_token(token: &Secret) -> Result<(), Problem> {
    if token.expose().iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    let message =
        "this is not a token: there is a space, a line break or a foreign character in it";
    Err(Problem::new(Code::UnusableSecret, message))
}

/// A key for Standard Webhooks: `whsec_` and base64, or bytes as they are.
pub(super) fn webhook_key(secret: Secret) -> Result<Secret, Problem> {
    let key = match secret.expose().strip_prefix(WRITTEN_KEY.as_bytes()) {
        None => secret,
        Some(written) => STANDARD.decode(written).map(Secret::new).map_err(|_no_echo| {
            let message = format!("what follows `{WRITTEN_KEY}` is not base64");
            Problem::new(Code::UnusableSecret, message)
        })?,
    };
    if key.len() < SHORTEST_SECRET {
        return Err(weak());
    }
    Ok(key)
}
