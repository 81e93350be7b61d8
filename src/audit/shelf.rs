//! Where the running gateway puts its reports: one file an audit, readable by its owner only.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use super::report::Report;
use crate::config::Reports;

/// Reports of a minute for two years; a directory with more is not this one.
const MOST_FILES: usize = 1_000_000;
/// In the name of a file; to the millisecond, so that two audits have two files.
const WHEN: &str = "%Y%m%dT%H%M%S%3fZ";

/// A directory of reports.
#[derive(Clone, Debug)]
pub struct Shelf {
    dir: PathBuf,
    keep: Duration,
}

/// A report that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// Where.
    pub path: PathBuf,
    /// The SHA-256 of the file, in hex.
    pub sha256: String,
    /// Older reports of the same bot that were removed.
    pub removed: usize,
    /// Why some of them could not be.
    pub uncleared: Option<io::ErrorKind>,
}

/// A report was not written.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written to {}: {}; look at the directory and its owner", dir.display(), cause.kind())]
pub struct Unfiled {
    /// Where it should go.
    pub dir: PathBuf,
    /// Why it does not.
    pub cause: io::Error,
}

impl Shelf {
    /// As configured.
    pub fn new(reports: &Reports) -> Self {
        Self { dir: reports.dir.clone(), keep: reports.keep }
    }

    /// Writes `<bot>-<time>.json`, whole or not at all, and removes those of this bot that are older than `keep`.
    pub async fn file(&self, bot: &str, report: &Report) -> Result<Filed, Unfiled> {
        let written = self.write(bot, report).await;
        written.map_err(|cause| Unfiled { dir: self.dir.clone(), cause })
    }

    async fn write(&self, bot: &str, report: &Report) -> io::Result<Filed> {
        let text = serde_json::to_vec_pretty(report).map_err(io::Error::other)?;
        let at = jiff::Timestamp::try_from(report.at).map_err(io::Error::other)?;
        let path = self.dir.join(format!("{bot}-{}.json", at.strftime(WHEN)));
        replace(&path, &text).await?;
        let sha256 = base16ct::lower::encode_string(&Sha256::digest(&text));
        let mut filed = Filed { path, sha256, removed: 0, uncleared: None };
        if let Err(error) = self.clear(bot, report.at, &mut filed).await {
            filed.uncleared = Some(error.kind());
        }
        Ok(filed)
    }

    /// Only what is named as a report of this bot is removed.
    async fn clear(&self, bot: &str, now: SystemTime, filed: &mut Filed) -> io::Result<()> {
        let mut entries = fs::read_dir(&self.dir).await?;
        for _ in 0..MOST_FILES {
            let Some(entry) = entries.next_entry().await? else { break };
            let name = entry.file_name();
            let at = name.to_str().and_then(|name| written_at(name, bot));
            let age = at.and_then(|at| now.duration_since(at).ok());
            if age.is_some_and(|age| age > self.keep) {
                match fs::remove_file(entry.path()).await {
                    Ok(()) => filed.removed += 1,
                    Err(error) => filed.uncleared = Some(error.kind()),
                }
            }
        }
        Ok(())
    }
}

fn written_at(name: &str, bot: &str) -> Option<SystemTime> {
    let time = name.strip_prefix(bot)?.strip_prefix('-')?.strip_suffix(".json")?;
    let at = jiff::fmt::strtime::parse("%Y%m%dT%H%M%S%.3fZ", &dotted(time)?).ok()?;
    let at = at.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(at.timestamp().into())
}

/// The parser knows a fraction by its dot.
fn dotted(time: &str) -> Option<String> {
    let (seconds, rest) = time.split_at_checked(15)?;
    Some(format!("{seconds}.{rest}"))
}

async fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new).await?;
    file.write_all(text).await?;
    file.sync_all().await?;
    fs::rename(&new, path).await
}
