//! What is remembered over a restart.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use botwarden::audit::{Added, Ledger, Who};
use botwarden::gate::id::{Key, OrgId, PersonId, Room, RoomId};

fn room(n: usize) -> Key<Room> {
    RoomId::parse(&format!("00000000-0000-4000-8000-{n:012}")).unwrap().key()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_603_600 + seconds)
}

fn open(bot: &str, dir: &Path) -> Ledger {
    Ledger::open(&Arc::from(bot), dir).unwrap()
}

fn left(ledger: &Ledger, second: u64, beside: &[usize]) -> usize {
    ledger.left_since(at(second), &beside.iter().copied().map(room).collect())
}

fn by_consumer(seconds: u64) -> Added {
    Added { by: Who::Org(OrgId::parse("consumer").unwrap().key()), at: at(seconds) }
}

#[test]
fn each_bot_finds_what_it_knew_and_only_that() {
    let dir = tempfile::tempdir().unwrap();
    let person = PersonId::parse("00000000-0000-4000-8000-000000000099").unwrap().key();
    let ledger = open("helpdesk", dir.path());
    ledger.added(room(1), by_consumer(0));
    ledger.added(room(2), Added { by: Who::Person(person), at: at(1) });
    ledger.told(room(1), at(5));
    ledger.left(room(1), at(6));
    // Another process, while this one runs.
    open("survey", dir.path()).added(room(1), Added { by: Who::Person(person), at: at(2) });
    ledger.left(room(2), at(7));
    let again = open("helpdesk", dir.path());
    assert_eq!(again.added_by(room(1), Some(at(0))), Some(by_consumer(0)));
    assert_eq!(again.added_by(room(2), Some(at(1))).unwrap().by, Who::Person(person));
    assert_eq!((again.last_told(room(1)), again.last_told(room(2))), (Some(at(5)), None));
    assert_eq!([5, 6, 7, 8].map(|second| left(&again, second, &[])), [2, 2, 1, 0]);
    assert_eq!(open("survey", dir.path()).added_by(room(1), Some(at(2))).unwrap().at, at(2));
    let mode = std::fs::metadata(dir.path().join("ledger.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Somebody may have added the bot again while the gateway was not running.
#[test]
fn who_made_an_earlier_membership_says_nothing_about_this_one() {
    let ledger = Ledger::in_memory();
    ledger.added(room(1), by_consumer(100));
    for (created, known) in [(at(100), true), (at(160), true), (at(161), false), (at(39), false)] {
        assert_eq!(ledger.added_by(room(1), Some(created)).is_some(), known, "{created:?}");
    }
    assert_eq!(ledger.added_by(room(1), None), None);
    assert_eq!(ledger.added_by(room(2), Some(at(100))), None);
}

#[test]
fn torn_and_foreign_lines_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    open("helpdesk", dir.path()).told(room(1), at(1));
    let whole = std::fs::read_to_string(&path).unwrap();
    let (half, _) = whole.split_at_checked(whole.len() / 2).unwrap();
    std::fs::write(&path, format!("{half}\nrubbish\n[]\n\u{0}\n{{\"at\":\"x\"}}\n{whole}{half}"))
        .unwrap();
    let ledger = open("helpdesk", dir.path());
    assert_eq!(ledger.last_told(room(1)), Some(at(1)));
}

#[test]
fn a_torn_line_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ledger.jsonl"), "{\"at\":\"2026-01-2").unwrap();
    let ledger = open("helpdesk", dir.path());
    ledger.left(room(1), at(1));
    ledger.left(room(2), at(2));
    assert_eq!(left(&open("helpdesk", dir.path()), 0, &[]), 2);
    let lines = std::fs::read_to_string(dir.path().join("ledger.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 3, "no empty line: {lines}");
}

#[test]
fn a_room_that_was_left_again_and_again_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open("helpdesk", dir.path());
    for (n, second) in [(1, 0), (1, 10), (2, 11), (1, 20)] {
        ledger.left(room(n), at(second));
    }
    for ledger in [&ledger, &open("helpdesk", dir.path())] {
        assert_eq!([0, 12, 21].map(|second| left(ledger, second, &[])), [2, 1, 0]);
        assert_eq!((left(ledger, 0, &[1]), left(ledger, 0, &[1, 2])), (1, 0));
    }
}

#[test]
fn a_directory_that_is_not_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Ledger::open(&Arc::from("helpdesk"), &dir.path().join("none")).is_err());
}

#[test]
fn a_file_that_has_grown_too_long_is_written_anew_and_other_bots_keep_their_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    open("survey", dir.path()).told(room(7), at(7));
    open("helpdesk", dir.path()).told(room(1), at(0));
    let lines = std::fs::read_to_string(&path).unwrap();
    let (other, own) = lines.split_once('\n').unwrap();
    let mut grown = format!("{other}\n");
    (0..200_000).for_each(|_| writeln!(grown, "{}", own.trim()).unwrap());
    std::fs::write(&path, grown).unwrap();
    assert_eq!(open("helpdesk", dir.path()).last_told(room(1)), Some(at(0)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), lines, "one line each");
    assert_eq!(open("survey", dir.path()).last_told(room(7)), Some(at(7)));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_room_that_was_forgotten_is_the_one_that_was_not_heard_of_for_longest() {
    let ledger = Ledger::in_memory();
    (0..100_000).for_each(|n| ledger.told(room(n), at(0)));
    ledger.told(room(0), at(1));
    ledger.told(room(100_000), at(1));
    assert_eq!(ledger.last_told(room(0)), Some(at(1)));
    assert_eq!(ledger.last_told(room(1)), None);
    assert!(ledger.last_told(room(2)).is_some() && ledger.last_told(room(100_000)).is_some());
}
