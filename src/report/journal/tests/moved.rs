//! Files and directories that somebody moves while they are written to.

use super::super::folder::{Batch, By, Progress};
use super::super::writer::NotHere;
use super::dash::{begun, put, records};
use super::*;

/// The files of both directories, as an auditor puts them together.
fn together(first: &Path, then: &Path) -> Tally {
    let all = [contents(first), contents(then)].concat();
    judged(Verifier::default(), &all).unwrap()
}

/// Away with the file that is written to.
fn archived(dir: &Path, archive: &Path) {
    fs::create_dir_all(archive).unwrap();
    let file = files(dir).pop().unwrap();
    fs::rename(&file, archive.join(file.file_name().unwrap())).unwrap();
}

#[test]
fn a_file_that_was_moved_fits_with_what_follows() {
    let dir = tempfile::tempdir().unwrap();
    let (own, archive) = (dir.path().join("decisions"), dir.path().join("archive"));
    let mut writer = begun(&own);
    archived(&own, &archive);
    put(&writer, 2);
    assert_eq!((writer.dash(), writer.done.items()), (Ok(()), 3), "there, and nowhere else");
    put(&writer, 2);
    assert_eq!((writer.dash(), files(&own).len()), (Err(NotHere), 0));
    assert!(writer.batch().is_none());
    assert_eq!((records(&archive), together(&archive, &own).records), (4, 6));
}

#[test]
fn a_file_that_was_moved_and_takes_nothing_any_more_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (own, archive) = (dir.path().join("decisions"), dir.path().join("archive"));
    let mut writer = begun(&own);
    archived(&own, &archive);
    let Sink::Folder(folder) = &mut writer.sink else { panic!("a folder") };
    folder.takes_nothing();
    put(&writer, 2);
    assert_eq!((writer.dash(), files(&own).len()), (Err(NotHere), 0));
    assert!(writer.batch().is_none());
    assert_eq!((together(&archive, &own).records, writer.done.items()), (4, 3));
}

#[test]
fn a_directory_that_was_replaced_is_held_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let (own, away) = (dir.path().join("decisions"), dir.path().join("away"));
    let mut writer = begun(&own);
    fs::rename(&own, &away).unwrap();
    fs::create_dir(&own).unwrap();
    for _ in 0..2 {
        put(&writer, 1);
        assert!(writer.batch().is_none());
    }
    assert_eq!(together(&away, &own).records, 4);
    let refused = Outlet::folder(rules(&own), noon()).unwrap_err();
    assert!(matches!(refused, NoFolder::InUse(_)), "{refused}");
}

#[test]
fn lines_that_are_half_written_when_the_disk_fails_end_where_they_began() {
    let dir = tempfile::tempdir().unwrap();
    let (mut folder, _) = Folder::open(rules(dir.path()), noon()).unwrap();
    let mut progress = Progress::default();
    let write = |folder: &mut Folder, lines: &str, progress: &mut Progress| {
        let batch = Batch { lines: lines.as_bytes(), first: 1, at: noon() };
        folder.write(&batch, progress, By::Thread).unwrap();
    };
    write(&mut folder, "a li", &mut progress);
    let file = folder.file().unwrap();
    folder.distrust(&file);
    write(&mut folder, "a line\n", &mut progress);
    write(&mut folder, "another\n", &mut Progress::default());
    let texts = files(dir.path()).into_iter().map(|file| fs::read_to_string(file).unwrap());
    assert_eq!(texts.collect::<Vec<_>>(), ["a line\n", "another\n"]);
}
