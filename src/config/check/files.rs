//! Files that the configuration names, besides secrets: they must be there before anything listens.

use std::path::{Path as FilePath, PathBuf};

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted};
use super::Around;

/// The path of a file that can be read, or at least was named.
pub(super) fn readable(
    file: &str,
    at: &Path,
    findings: &mut Findings<'_>,
    around: Around<'_>,
) -> PathBuf {
    if let Err(error) = around.source.file(FilePath::new(file)) {
        let message = format!("cannot read {}: {error}", quoted(file));
        findings.add(at, Problem::new(Code::MissingFile, message));
    }
    file.into()
}
