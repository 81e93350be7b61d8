//! Files that the configuration names, besides secrets: they must be there before anything listens.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use super::super::CaFile;
use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted, quoted_path};
use super::super::source::LARGEST_FILE;
use super::Around;

/// The path of a file that can be read, or at least was named.
pub(super) fn readable(
    file: &str,
    at: &Path,
    findings: &mut Findings<'_>,
    around: Around<'_>,
) -> PathBuf {
    authorities(file, at, findings, around).path
}

/// The same with what it holds; with nothing if it cannot be read, or is larger than any file should be.
pub(super) fn authorities(
    file: &str,
    at: &Path,
    findings: &mut Findings<'_>,
    around: Around<'_>,
) -> CaFile {
    let why = match around.source.file(FilePath::new(file)) {
        Ok(pem) if pem.len() <= LARGEST_FILE => {
            return CaFile { path: file.into(), pem: pem.into() };
        }
        Ok(_) => format!("it is larger than {} KiB", LARGEST_FILE >> 10),
        Err(error) => error.to_string(),
    };
    let message = format!("cannot read {}: {why}", quoted_path(file));
    findings.add(at, Problem::new(Code::MissingFile, message));
    CaFile { path: file.into(), pem: Arc::default() }
}

/// Words that are meant for something else are no directory: one would be made by that name.
pub(super) fn directory(dir: &str, at: &Path, findings: &mut Findings<'_>) {
    if !["/", "./", "../"].iter().any(|start| dir.starts_with(start)) {
        let message = format!("{} is not the path of a directory", quoted(dir));
        let hint = "a path begins with `/`, `./` or `../`";
        findings.add(at, Problem::new(Code::BadValue, message).hint(hint));
    }
}
