//! `ledger.jsonl`: one line for each thing to remember, added at the end by whoever has one.
//!
//! A line is written by one call in append mode, so lines of several processes do not mix. A line that was torn (a full
//! disk, a killed process) is skipped, and spoils no other. A file that has grown too long is written anew when it is opened; what others
//! add meanwhile is copied over, except in the few microseconds between the copy and the change of names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::known::{Added, Entry, Known, MOST_ROOMS, Who};
use super::stamp;
use crate::gate::id::{Key, OrgId, PersonId, Room, RoomId};
use crate::rt;

/// Some 200 bytes a line, for ten bots that remember as much as they may; more is not read, the newest is.
const MOST_BYTES: u64 = 256 << 20;
/// More lines than that are mostly about what is forgotten by now.
const MOST_LINES: usize = 2 * MOST_ROOMS;

/// Where one bot's lines go.
#[derive(Debug)]
pub(super) struct LedgerFile {
    bot: Arc<str>,
    path: PathBuf,
}

#[derive(Deserialize, Serialize)]
struct Line<'a> {
    at: Box<str>,
    bot: &'a str,
    what: What,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<Box<str>>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Added,
    Left,
    Told,
}

impl LedgerFile {
    /// What the file says about the bot. There may be no file yet, but there must be the directory.
    pub(super) fn open(bot: &Arc<str>, dir: &Path) -> io::Result<(Self, Known)> {
        let file = Self { bot: Arc::clone(bot), path: dir.join("ledger.jsonl") };
        let mut known = Known::default();
        // Not made before there is something to write: who only looks may be another user than the gateway.
        let mut source = match File::open(&file.path) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound && dir.is_dir() => {
                return Ok((file, known));
            }
            Err(error) => return Err(error),
        };
        let text = newest(&mut source)?;
        for (room, entry) in text.lines().filter_map(|line| file.read(line)) {
            match (room, entry) {
                (Some(room), entry) => known.take(room, entry),
                (None, Entry::Left(at)) => known.left(None, at),
                (None, Entry::Added(_) | Entry::Told(_)) => {}
            }
        }
        if text.lines().count() > MOST_LINES {
            file.rewrite(&text, &known, &mut source)?;
        }
        Ok((file, known))
    }

    /// A ledger that cannot be written is told and forgotten: what it says is "unknown" after a restart.
    pub(super) fn append(&self, room: Key<Room>, entry: Entry) {
        let line = self.line(Some(room), entry);
        if let Err(error) = self.write(line) {
            tracing::warn!(bot = &*self.bot, cause = %error.kind(), "the ledger of audits cannot be written");
        }
    }

    /// What follows a torn line begins a new one.
    fn write(&self, mut line: String) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        let mut last = [b'\n'];
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            line.insert(0, '\n');
        }
        file.write_all(line.as_bytes())
    }

    /// Lines of other bots stay as they are.
    fn rewrite(&self, text: &str, known: &Known, source: &mut File) -> io::Result<()> {
        let of_others = text.lines().filter(|line| self.is_of_another(line));
        let mut whole: String = of_others.flat_map(|line| [line, "\n"]).collect();
        whole.extend(known.entries().map(|(room, entry)| self.line(room, entry)));
        // Two processes may be at it at once; whoever comes second wins.
        let new = self.path.with_extension(format!("jsonl.{:016x}", rt::entropy()));
        let mut options = OpenOptions::new();
        let mut to = options.write(true).create_new(true).mode(0o600).open(&new)?;
        to.write_all(whole.as_bytes())?;
        // What was added while this was written: the reader stands where it stopped.
        let mut late = Vec::new();
        source.take(MOST_BYTES).read_to_end(&mut late)?;
        to.write_all(&late)?;
        to.sync_all()?;
        fs::rename(&new, &self.path)
    }

    fn is_of_another(&self, line: &str) -> bool {
        serde_json::from_str::<Line<'_>>(line).is_ok_and(|line| *line.bot != *self.bot)
    }

    fn line(&self, room: Option<Key<Room>>, entry: Entry) -> String {
        let (what, at, by) = match entry {
            Entry::Added(Added { by, at }) => (What::Added, at, Some(by)),
            Entry::Left(at) => (What::Left, at, None),
            Entry::Told(at) => (What::Told, at, None),
        };
        let (org, person) = match by {
            Some(Who::Org(org)) => (Some(org.to_string().into()), None),
            Some(Who::Person(person)) => (None, Some(person.to_string().into())),
            None => (None, None),
        };
        let room = room.map(|room| room.to_string().into());
        let line = Line { at: stamp::write(at).into(), bot: &self.bot, what, room, org, person };
        // Strings and an enum: there is nothing in it that cannot be written.
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }

    /// What a line says about this bot; nothing when it is torn, or not one of ours.
    fn read(&self, line: &str) -> Option<(Option<Key<Room>>, Entry)> {
        let line: Line<'_> = serde_json::from_str(line).ok()?;
        let at = stamp::read(&line.at)?;
        let room = line.room.as_deref().and_then(|text| RoomId::parse(text).ok());
        let org = line.org.as_deref().and_then(|text| OrgId::parse(text).ok());
        let person = line.person.as_deref().and_then(|text| PersonId::parse(text).ok());
        let by = match (org, person) {
            (Some(org), _) => Some(Who::Org(org.key())),
            (None, person) => person.map(|person| Who::Person(person.key())),
        };
        let entry = match line.what {
            What::Added => Entry::Added(Added { by: by?, at }),
            What::Left => Entry::Left(at),
            What::Told => Entry::Told(at),
        };
        (*line.bot == *self.bot).then(|| (room.map(|room| room.key()), entry))
    }
}

/// The end of a file that is larger than it may be; its first line is torn and skipped.
fn newest(file: &mut File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
