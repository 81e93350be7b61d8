//! What `--resume` goes on from: a file a bot with the rooms that were clean, written as they are found.
//!
//! A room is not read again when, in order:
//!
//! 1. the file is of this format …
//! 2. … and was written about the same bot, by its person id …
//! 3. … under the same configuration, by its fingerprint …
//! 4. … and the room was clean …
//! 5. … no longer than [`FRESH`] ago.
//!
//! Nothing is written about rooms that are not clean: they are always read again.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::private;
use crate::audit::Row;
use crate::config::{Machine, Source as _};
use crate::report::RoomState;

/// An audit of 10,000 rooms takes about an hour; whoever goes on tomorrow starts anew.
pub(super) const FRESH: Duration = Duration::from_hours(24);

/// 100,000 rooms of 2 kB: more than any bot has, and little for a machine.
const LARGEST: u64 = 256 * 1024 * 1024;

const SCHEMA: &str = "botwarden/audit-state/1";

/// Rooms that are known to be clean, as they were found, by their UUIDs.
pub(super) type Known = HashMap<Box<str>, Row>;

/// Whose state it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// The bot's own person id.
    pub(super) person: String,
    /// The fingerprint of the configuration.
    pub(super) config: String,
}

#[derive(Serialize, Deserialize)]
struct Head {
    schema: String,
    #[serde(flatten)]
    owner: Owner,
}

/// Where states are: `--state-dir`, or where the XDG specification has them.
pub(super) fn directory(given: Option<&Path>) -> Option<PathBuf> {
    let set = |name| Machine.var(name).filter(|path| path.starts_with('/')).map(PathBuf::from);
    let usual = || set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
    given.map(Path::to_owned).or_else(|| Some(usual()?.join("botwarden")))
}

/// What the file of a bot knows under the rules above. A line that cannot be read is one that was not finished.
pub(super) fn known(path: &Path, owner: &Owner, now: SystemTime) -> Known {
    let Ok(file) = File::open(path) else { return Known::new() };
    let mut lines = BufReader::new(file.take(LARGEST)).lines().map_while(Result::ok);
    let head = lines.next().and_then(|line| serde_json::from_str::<Head>(&line).ok());
    if !head.is_some_and(|head| head.schema == SCHEMA && head.owner == *owner) {
        return Known::new();
    }
    let rows = lines.filter_map(|line| serde_json::from_str::<Row>(&line).ok());
    rows.filter(|row| serves(row, now)).map(|row| (row.room.clone(), row)).collect()
}

fn serves(row: &Row, now: SystemTime) -> bool {
    let age = now.duration_since(row.read_at);
    row.state == RoomState::Clean && age.is_ok_and(|age| age <= FRESH)
}

/// The state of one bot, being written.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    file: File,
    rooms: usize,
}

impl State {
    /// Begins anew, with what is known already. Only its owner may read it. The file before it is there until this
    /// one is whole.
    pub(super) fn create(path: PathBuf, owner: &Owner, known: &Known) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let young = private::beside(&path)?;
        let mut state = Self { path, file: young.as_file().try_clone()?, rooms: known.len() };
        state.line(&Head { schema: SCHEMA.to_owned(), owner: owner.clone() })?;
        known.values().try_for_each(|row| state.line(row))?;
        young.persist(&state.path)?;
        Ok(state)
    }

    /// A room was looked at.
    pub(super) fn add(&mut self, row: &Row) -> io::Result<()> {
        if row.state == RoomState::Clean {
            self.line(row)?;
            self.rooms += 1;
        }
        Ok(())
    }

    /// Rooms in it.
    pub(super) fn rooms(&self) -> usize {
        self.rooms
    }

    /// One write a line: whoever is killed in between loses one room.
    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    /// Nothing is left to go on with.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::audit::sheet::tests::row;

    fn owner() -> Owner {
        Owner { person: "p".to_owned(), config: "c".to_owned() }
    }

    fn read_at() -> SystemTime {
        row(1, RoomState::Clean).read_at
    }

    /// A file that has seen a room of each kind.
    fn written() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/audit-helpdesk.jsonl");
        let mut state = State::create(path.clone(), &owner(), &Known::new()).unwrap();
        for (number, kind) in RoomState::ALL.iter().enumerate() {
            state.add(&row(u128::try_from(number).unwrap(), *kind)).unwrap();
        }
        (directory, path)
    }

    #[test]
    fn only_fresh_clean_rooms_of_the_same_bot_and_configuration_are_known() {
        let (_directory, path) = written();
        let hour = read_at() + Duration::from_hours(1);
        let found = known(&path, &owner(), hour);
        assert!(found.len() == 1 && found.values().all(|row| row.state == RoomState::Clean));
        let other_bot = Owner { person: "q".to_owned(), ..owner() };
        let other_rules = Owner { config: "d".to_owned(), ..owner() };
        for (owner, now) in [
            (other_bot, hour),
            (other_rules, hour),
            (owner(), read_at() + FRESH + Duration::from_secs(1)),
            (owner(), read_at() - Duration::from_secs(1)),
        ] {
            assert!(known(&path, &owner, now).is_empty(), "{owner:?}");
        }
    }

    #[test]
    fn what_is_known_grows_no_younger_by_going_on() {
        let (_directory, path) = written();
        let found = known(&path, &owner(), read_at() + Duration::from_hours(23));
        State::create(path.clone(), &owner(), &found).unwrap();
        assert_eq!(known(&path, &owner(), read_at() + FRESH).len(), 1);
        assert!(known(&path, &owner(), read_at() + FRESH + Duration::from_secs(1)).is_empty());
    }

    #[test]
    fn a_line_that_was_not_finished_costs_one_room() {
        let (_directory, path) = written();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{}", "{\"room_id\": \"1")).unwrap();
        assert_eq!(known(&path, &owner(), read_at()).len(), 1);
        fs::write(&path, "rubbish").unwrap();
        assert!(known(&path, &owner(), read_at()).is_empty());
    }

    #[test]
    fn only_its_owner_may_read_it() {
        let (_directory, path) = written();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
}
