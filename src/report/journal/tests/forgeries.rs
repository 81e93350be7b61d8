//! What somebody could do to a log afterwards.

use super::super::chain as link;
use super::super::chain::Head;
use super::super::chain::tests::closed;
use super::vouched::key;
use super::*;

/// What is found with the key.
fn found(dir: &Path) -> Result<Tally, (usize, u64, Flaw)> {
    vouched::with_key(&contents(dir))
}

fn judged(files: &[(u64, Vec<u8>)]) -> Result<Tally, (usize, u64, Flaw)> {
    let files = files.iter().map(|(first, bytes)| (Some(*first), bytes.clone()));
    vouched::with_key(&files.collect::<Vec<_>>())
}

pub(super) fn sealed(rules: Rules, records: usize) {
    let outlet = Outlet::folder(rules, noon()).unwrap().sealed(Some(key()));
    let reporter = Reporter::to(&scope(), outlet);
    (0..records).for_each(|_| say(&reporter, noon()));
    assert!(reporter.end(noon(), PATIENCE));
}

/// Two runs in two files, each sealed at its end: the files and their lines.
fn log(dir: &Path) -> Vec<(PathBuf, String)> {
    sealed(rules(dir), 2);
    sealed(rules(dir), 2);
    let texts =
        files(dir).into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap()));
    let texts: Vec<_> = texts.collect();
    let tally = found(dir).unwrap();
    assert_eq!((tally.records, tally.sealed, tally.unsealed), (10, 4, 0));
    texts
}

#[test]
fn no_byte_of_a_log_can_be_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let genuine: Vec<_> = log(dir.path()).into_iter().map(|(_, text)| text.into_bytes()).collect();
    let with = |file: usize, bytes: Vec<u8>| {
        let mut files = vec![(1, genuine[0].clone()), (6, genuine[1].clone())];
        files[file].1 = bytes;
        judged(&files)
    };
    for (file, whole) in genuine.iter().enumerate() {
        for at in 0..whole.len() {
            for mask in [0x01, 0x20, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= mask;
                let last = file == 1 && at + 1 == bytes.len();
                let missed = with(file, bytes).is_ok_and(|tally| !tally.open_end);
                assert!(!missed, "byte {at} of file {file}, the last: {last}");
            }
        }
    }
    let end = genuine[1].len() - 1;
    assert!(with(1, genuine[1][..end].to_vec()).unwrap().open_end, "also the last byte is missed");
}

#[test]
fn an_end_that_was_cut_off_is_told_as_far_as_it_shows() {
    let dir = tempfile::tempdir().unwrap();
    let genuine: Vec<_> = log(dir.path()).into_iter().map(|(_, text)| text.into_bytes()).collect();
    for length in 0..genuine[1].len() {
        let tally = judged(&[(1, genuine[0].clone()), (6, genuine[1][..length].to_vec())]).unwrap();
        let whole = length == 0 || genuine[1][length - 1] == b'\n';
        assert_eq!(tally.open_end, !whole, "{length}");
        // Who holds the last head, or a number, sees it.
        assert!(tally.to < Some(10), "{length}");
    }
    for length in 0..genuine[0].len() {
        let found = judged(&[(1, genuine[0][..length].to_vec()), (6, genuine[1].clone())]);
        assert_eq!(
            found.is_ok(),
            length == 0,
            "{length}: a file in the middle cannot lose its end"
        );
    }
}

#[test]
fn a_line_that_is_removed_doubled_or_moved_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let genuine = log(dir.path());
    let (path, text) = &genuine[0];
    let lines: Vec<&str> = text.lines().collect();
    let with = |order: &[usize]| {
        let chosen: Vec<_> = order.iter().map(|at| lines[*at]).collect();
        fs::write(path, chosen.join("\n") + "\n").unwrap();
        found(dir.path()).unwrap_err()
    };
    assert_eq!(with(&[1, 2, 3, 4]), (0, 1, Flaw::Name));
    assert_eq!(with(&[0, 2, 3, 4]), (0, 2, Flaw::Gap { before: 1, found: 3 }));
    assert_eq!(with(&[0, 2, 1, 3, 4]), (0, 2, Flaw::Gap { before: 1, found: 3 }));
    assert_eq!(with(&[0, 1, 1, 2, 3, 4]), (0, 3, Flaw::Gap { before: 2, found: 2 }));
    assert_eq!(with(&[0, 1, 2, 3]), (1, 1, Flaw::Gap { before: 4, found: 6 }));
    fs::write(path, "").unwrap();
    assert_eq!(
        found(dir.path()).unwrap().from,
        Some(6),
        "as if `keep` had removed it: that is told"
    );
    fs::write(path, text.replacen('\n', "\n\n", 1)).unwrap();
    assert!(matches!(found(dir.path()), Err((0, 2, Flaw::NoLink(_)))));
    let long = format!("{text}{}", "x".repeat(LONGEST_LINE + 1));
    fs::write(path, long).unwrap();
    assert_eq!(found(dir.path()), Err((0, 6, Flaw::TooLong)));
}

#[test]
fn a_file_that_is_missing_in_the_middle_replayed_or_from_another_log_is_named() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path());
    sealed(rules(dir.path()), 1);
    let paths = files(dir.path());
    let middle = fs::read(&paths[1]).unwrap();
    fs::remove_file(&paths[1]).unwrap();
    assert_eq!(found(dir.path()), Err((1, 1, Flaw::Gap { before: 5, found: 11 })));
    // An older file under another name.
    fs::copy(&paths[0], &paths[1]).unwrap();
    assert_eq!(found(dir.path()), Err((1, 1, Flaw::Name)));
    fs::write(&paths[1], middle).unwrap();
    let late = paths[0].to_str().unwrap().replace("T08", "T09");
    fs::copy(&paths[0], late).unwrap();
    assert_eq!(found(dir.path()), Err((1, 1, Flaw::Gap { before: 5, found: 1 })));
    // The same place in another log.
    let other = tempfile::tempdir().unwrap();
    log(other.path());
    fs::copy(&files(other.path())[1], &paths[1]).unwrap();
    fs::remove_file(&files(dir.path())[1]).unwrap();
    assert_eq!(found(dir.path()), Err((1, 1, Flaw::Prev)));
}

/// Somebody without the key, who knows how the chain is made.
pub(super) fn forge(head: Head, kind: &str, instance: &str, more: &str) -> String {
    let open = format!(
        r#"{{"ts":"2027-01-15T08:00:00.000Z","kind":"{kind}","instance":"{instance}"{more}"#
    );
    closed(head, &open).0
}

#[test]
fn who_has_no_key_can_add_nothing_that_a_seal_vouches_for() {
    let dir = tempfile::tempdir().unwrap();
    let (path, text) = log(dir.path()).remove(1);
    let last: Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
    let instance = last["instance"].as_str().unwrap();
    let head = link::Link::read(text.lines().next_back().unwrap().as_bytes()).unwrap().head;
    let with = |line: &str| {
        fs::write(&path, format!("{text}{line}")).unwrap();
        found(dir.path())
    };
    assert_eq!(with(&forge(head, "decision", instance, "")), Err((1, 6, Flaw::AfterEnd)));
    assert_eq!(with(&forge(head, "decision", "another1", "")), Err((1, 6, Flaw::NoStart)));
    let (id, seal) = (last["key_id"].as_str().unwrap(), last["signature"].as_str().unwrap());
    let seal = format!(
        r#","count":{},"head":"{}","key_id":"{id}","signature":"{seal}""#,
        head.seq, head.hash
    );
    let start = forge(head, "started", "another1", "");
    assert_eq!(with(&start), Err((1, 6, Flaw::Unkeyed)));
    let start = forge(head, "started", "another1", &format!(r#","key_id":"{id}""#));
    assert_eq!(with(&start).unwrap().pending, 1, "nobody vouches for it, and that is told");
    let after = link::Link::read(start.trim_end().as_bytes()).unwrap().head;
    let checkpoint = forge(after, "checkpoint", "another1", &seal);
    assert_eq!(with(&format!("{start}{checkpoint}")), Err((1, 7, Flaw::Seal)));
    let stranger = forge(
        after,
        "checkpoint",
        "another1",
        r#","key_id":"0000000000000000","signature":"AAAA""#,
    );
    assert_eq!(with(&format!("{start}{stranger}")), Err((1, 7, Flaw::OtherKey)));
    let anew = forge(Head::default(), "started", "another1", r#","log":"dir""#);
    assert!(
        matches!(with(&anew), Err((1, 6, Flaw::Gap { .. }))),
        "a chain in a directory does not begin anew"
    );
}

#[test]
fn a_seal_comes_every_thousand_records_and_one_that_was_taken_out_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    sealed(rules(dir.path()), 2500);
    let lines = lines(dir.path());
    let seals: Vec<_> = lines.iter().filter(|line| line["kind"] == "checkpoint").collect();
    let at: Vec<_> = seals.iter().map(|seal| seal["seq"].as_u64().unwrap()).collect();
    assert_eq!(at, [2, 1003, 2004, 2505]);
    assert_eq!((&seals[3]["final"], &seals[1]["final"]), (&true.into(), &Value::Null));
    assert_eq!((&seals[1]["count"], &seals[1]["head"]), (&1002.into(), &lines[1001]["hash"]));
    // Somebody chains everything anew, without the seals.
    let (mut head, mut forged) = (Head::default(), String::new());
    for line in lines.iter().filter(|line| line["kind"] != "checkpoint") {
        let mut line = line.clone();
        let members = line.as_object_mut().unwrap();
        for name in ["seq", "prev", "hash"] {
            members.remove(name);
        }
        let open = line.to_string();
        let (closed, next) = closed(head, open.strip_suffix('}').unwrap());
        (head, forged) = (next, forged + &closed);
    }
    fs::write(&files(dir.path())[0], forged).unwrap();
    assert_eq!(found(dir.path()), Err((0, 2, Flaw::NoSeal)));
}
