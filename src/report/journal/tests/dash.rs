//! Lines that are written by who waits for them.

use super::super::writer::NotHere;
use super::*;

const DAY: Duration = Duration::from_hours(24);

/// A writer without its thread, whose file is there already.
pub(super) fn begun(dir: &Path) -> Writer {
    let Outlet { sink, before, form, chain, .. } = Outlet::folder(rules(dir), noon()).unwrap();
    let opening: Opening = Box::new(|_, _| "{\"ts\":\"\",\"kind\":\"started\"}\n".to_owned());
    let ink = Ink { head: before.head, chain, form, instance: "test".into(), key: None, opening };
    let mut writer = Writer {
        queue: Arc::new(Queue::new(1000)),
        sink,
        pen: Pen::new(ink),
        fate: Arc::default(),
        done: Arc::default(),
        named: 0,
        pace: Pace::default(),
    };
    put(&writer, 1);
    assert_eq!(writer.dash(), Err(NotHere), "to begin a file may take long");
    assert!(writer.batch().is_none());
    local(&mut writer);
    writer
}

pub(super) fn local(writer: &mut Writer) {
    let Sink::Folder(folder) = &mut writer.sink else { panic!("a folder") };
    folder.counts_as_local();
}

pub(super) fn put(writer: &Writer, lines: u64) {
    for _ in 0..lines {
        let line = Item::Line("{\"ts\":\"\",\"kind\":\"decision\"}\n".to_owned(), noon());
        writer.queue.put(line, 0, Haste::Soon).unwrap();
    }
}

pub(super) fn records(dir: &Path) -> u64 {
    found(dir).unwrap().records
}

#[test]
fn what_waits_is_written_and_done_and_what_is_no_line_is_left_to_the_thread() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = begun(dir.path());
    put(&writer, 2);
    writer.queue.put(Item::Begin(noon()), 0, Haste::Soon).unwrap();
    put(&writer, 1);
    assert_eq!((writer.dash(), writer.done.items()), (Ok(()), 3));
    assert_eq!((records(dir.path()), writer.dash(), writer.done.items()), (4, Ok(()), 3));
    assert!(writer.batch().is_none());
    assert_eq!((records(dir.path()), writer.done.items()), (5, 5));
}

#[test]
fn what_cannot_be_written_is_not_done_and_goes_on_where_it_broke_off() {
    let dir = tempfile::tempdir().unwrap();
    let (own, away) = (dir.path().join("decisions"), dir.path().join("away"));
    let mut writer = begun(&own);
    fs::rename(&own, &away).unwrap();
    put(&writer, 2);
    assert_eq!((writer.dash(), writer.done.items()), (Err(NotHere), 1));
    assert!(writer.fate.failing.load(Ordering::Relaxed));
    put(&writer, 1);
    assert_eq!((writer.dash(), writer.done.items()), (Err(NotHere), 1), "one trouble at a time");
    fs::rename(&away, &own).unwrap();
    assert!(writer.batch().is_none());
    assert!(!writer.fate.failing.load(Ordering::Relaxed));
    assert_eq!((records(&own), writer.done.items()), (5, 4), "each once");
}

#[test]
fn a_file_that_was_taken_away_is_the_threads_to_replace() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = begun(dir.path());
    fs::remove_file(&files(dir.path())[0]).unwrap();
    put(&writer, 2);
    assert_eq!((writer.dash(), files(dir.path()).len()), (Err(NotHere), 0), "no wait for a disk");
    assert!(!writer.fate.failing.load(Ordering::Relaxed), "nor a trouble of the disk");
    assert!(writer.batch().is_none());
    assert_eq!((records(dir.path()), writer.done.items()), (2, 3));
}

#[test]
fn a_reader_may_be_slow_so_nobody_but_the_thread_writes_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = begun(dir.path());
    writer.sink = Sink::Stream(Box::new(std::io::sink()));
    put(&writer, 1);
    assert_eq!((writer.dash(), writer.done.items()), (Err(NotHere), 1));
}

#[test]
fn a_file_that_is_full_or_of_yesterday_is_the_threads_to_change() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = begun(dir.path());
    let tomorrow = noon() + DAY;
    let line = Item::Line("{\"ts\":\"\",\"kind\":\"decision\"}\n".to_owned(), tomorrow);
    writer.queue.put(line, 0, Haste::Soon).unwrap();
    assert_eq!((writer.dash(), files(dir.path()).len()), (Err(NotHere), 1));
    assert!(writer.batch().is_none());
    assert_eq!((records(dir.path()), writer.done.items()), (3, 2));
    local(&mut writer);
    let Sink::Folder(folder) = &writer.sink else { panic!("a folder") };
    assert!(folder.is_brisk(tomorrow) && !folder.is_brisk(noon()));
}

#[test]
fn a_file_that_could_not_be_begun_is_not_left_behind_empty() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = begun(dir.path());
    let Sink::Folder(folder) = &mut writer.sink else { panic!("a folder") };
    folder.cannot_be_synced();
    let line = Item::Line("{\"ts\":\"\",\"kind\":\"decision\"}\n".to_owned(), noon() + DAY);
    writer.queue.put(line, 0, Haste::Soon).unwrap();
    assert!(writer.batch().is_none());
    assert_eq!((writer.fate.failures.load(Ordering::Relaxed), records(dir.path())), (1, 3));
    let sizes =
        files(dir.path()).iter().map(|file| file.metadata().unwrap().len()).collect::<Vec<_>>();
    assert!(sizes.len() == 2 && !sizes.contains(&0), "{sizes:?}");
}

#[tokio::test]
async fn records_of_many_tasks_are_one_chain_and_each_is_written_when_it_is_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(Rules { rotate_at: 20_000, ..rules(dir.path()) });
    let telling = (0..200).map(|_| async {
        let ticket = decided(&reporter).unwrap();
        reporter.written(ticket).await.unwrap();
        assert!(records(dir.path()) >= 2, "the first of the run, and this one at least");
    });
    futures_util::future::join_all(telling).await;
    assert!(reporter.end(noon(), PATIENCE));
    assert_eq!(records(dir.path()), 201);
}
