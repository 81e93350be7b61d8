//! From bytes to a [`Config`], and from a path to bytes.

use std::path::{Path as FilePath, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::check::{self, Around};
use super::findings::Findings;
use super::path::Path;
use super::problem::{Code, Problem, quoted};
use super::raw::Gateway;
use super::source::{LARGEST_FILE, Source};
use super::{Admin, Config, Ops};
use super::{tree, typed};

/// Some editors begin a file with it.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads and checks a configuration, and the secrets that it names. On success there may be warnings; otherwise
/// there is at least one error, and as many as could be found.
pub fn load(
    text: &[u8],
    source: &dyn Source,
    today: SystemTime,
) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
    let print = fingerprint(text);
    let text = as_text(text).map_err(|problem| vec![problem])?;
    let (tree, repeated) = tree::read(text).map_err(|problem| vec![problem])?;
    let mut findings = Findings::new(&tree, repeated);
    let (raw, faults) = typed::read::<Gateway>(&tree);
    for fault in &faults {
        findings.unfit(fault);
    }
    if faults.len() > typed::MOST {
        return Err(findings.into_problems());
    }
    let around = Around { source, today };
    let config = check::check(raw, &mut findings, around, print);
    let problems = findings.into_problems();
    match config {
        Some(config) if !problems.iter().any(Problem::is_error) => Ok((config, problems)),
        Some(_) | None => Err(problems),
    }
}

fn as_text(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > LARGEST_FILE {
        let message = format!("the file is larger than {} KiB", LARGEST_FILE >> 10);
        return Err(Problem::new(Code::TooLarge, message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("the file is not UTF-8, from byte {} on", error.valid_up_to());
        Problem::new(Code::NotUtf8, message)
    })?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
}

/// The beginning of what `sha256sum` says.
fn fingerprint(text: &[u8]) -> Box<str> {
    let digest = Sha256::digest(text);
    let first = digest.first_chunk().copied().unwrap_or_default();
    format!("{:08x}", u32::from_be_bytes(first)).into()
}

/// The bytes of a configuration file.
pub fn read(path: &FilePath, source: &dyn Source) -> Result<Vec<u8>, Vec<Problem>> {
    source.file(path).map_err(|error| {
        let message = format!("cannot read {}: {error}", quoted(&path.display().to_string()));
        vec![Problem::new(Code::Unreadable, message)]
    })
}

/// How to reach the gateway that a configuration belongs to.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Its listener for operators; a token that cannot be read is missing.
    pub admin: Admin,
    /// Its listener for probes.
    pub ops: Ops,
    /// What is wrong with these two.
    pub problems: Vec<Problem>,
}

/// Only what is needed to reach the gateway: other parts may have mistakes, and their secrets need not be readable. It
/// may run by an earlier state of the file, and whoever calls it may be another user. Nothing is there for a text that
/// is no map at all.
pub fn reach(text: &[u8], source: &dyn Source) -> Option<Reach> {
    let (tree, _repeated) = tree::read(as_text(text).ok()?).ok()?;
    let mut findings = Findings::new(&tree, Vec::new());
    let (mut raw, faults) = typed::read::<Gateway>(&tree);
    let ours = [Path::of(["ops"]), Path::of(["admin"])];
    for fault in faults {
        if ours.iter().any(|path| fault.path().starts_with(path)) {
            findings.unfit(&fault);
        }
    }
    check::surroundings::apply(&mut raw, &mut findings, source);
    let admin = check::admin::check(&raw, &mut findings, source);
    let ops = Ops { listen: raw.ops.listen.as_ref().map(|listen| listen.0) };
    Some(Reach { admin, ops, problems: findings.into_problems() })
}

/// Where to look when nobody says where.
const PLACES: &[&str] = &["./gateway.yaml", "/etc/botwarden/gateway.yaml"];

/// The configuration file: the one that was asked for, by flag or by `BOTWARDEN_CONFIG`, whether it exists or not; or
/// else the first that exists in the usual places.
pub fn find(explicit: Option<&FilePath>, source: &dyn Source) -> Option<PathBuf> {
    let variable = || source.var("BOTWARDEN_CONFIG").map(PathBuf::from);
    let usual = || {
        let mut places = PLACES.iter().map(PathBuf::from);
        places.find(|place| source.file(place).is_ok())
    };
    explicit.map(PathBuf::from).or_else(variable).or_else(usual)
}
