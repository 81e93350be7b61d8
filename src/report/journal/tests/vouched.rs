//! What a seal vouches for: the records of its own run.

use super::forgeries::{forge, sealed};
use super::verify::Killed;
use super::*;
use crate::gate::seal::PublicKey;
use crate::gate::seal::tests::PUBLIC_HALF;
pub(super) use crate::gate::seal::tests::key;

type Judged = Result<Tally, (usize, u64, Flaw)>;

/// What is found about files with the key.
pub(super) fn with_key(files: &[(Option<u64>, Vec<u8>)]) -> Judged {
    judged(Verifier::new(vec![PublicKey::from_pem(PUBLIC_HALF.as_bytes()).unwrap()]), files)
}

/// A sealed run that was written to stdout: line by line.
fn streamed(records: usize) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let out = Box::new(fs::File::create(&path).unwrap());
    let outlet = Outlet::stream(out, Form::Json).sealed(Some(key()));
    let reporter = Reporter::to(&scope(), outlet);
    (0..records).for_each(|_| say(&reporter, noon()));
    assert!(reporter.end(noon(), PATIENCE));
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

/// A run without the key, chained as the gateway chains.
fn forged(mut head: chain::Head, records: usize, start: &str) -> String {
    let starts = forge(head, "started", "deadbeef", start);
    (0..records).fold(starts, |text, _| {
        head = chain::Link::read(text.lines().next_back().unwrap().as_bytes()).unwrap().head;
        text + &forge(head, "decision", "deadbeef", "")
    })
}

fn end(dir: &Path) -> chain::Head {
    let text = fs::read_to_string(files(dir).pop().unwrap()).unwrap();
    chain::Link::read(text.lines().next_back().unwrap().as_bytes()).unwrap().head
}

#[test]
fn the_seals_of_the_next_run_do_not_vouch_for_a_history_that_was_forged_before_it() {
    let key_id = format!(r#","log":"dir","key_id":"{}""#, key().id());
    for (start, flaw) in
        [(r#","log":"dir""#, (0, 1, Flaw::Unkeyed)), (&*key_id, (0, 2, Flaw::NoSeal))]
    {
        let dir = tempfile::tempdir().unwrap();
        sealed(rules(dir.path()), 3);
        fs::write(&files(dir.path())[0], forged(chain::Head::default(), 150, start)).unwrap();
        sealed(rules(dir.path()), 2);
        assert_eq!(with_key(&contents(dir.path())), Err(flaw));
        let start = lines(dir.path()).into_iter().rfind(|line| line["kind"] == "started").unwrap();
        assert_eq!(start["sealed_before"], "no", "the start has seen that as well");
    }
}

#[test]
fn a_start_says_whether_the_run_before_ended_in_a_seal_of_its_key() {
    let dir = tempfile::tempdir().unwrap();
    sealed(rules(dir.path()), 1);
    sealed(rules(dir.path()), 1);
    run(rules(dir.path()), 1);
    sealed(rules(dir.path()), 1);
    let lines = lines(dir.path());
    let starts = lines.iter().filter(|line| line["kind"] == "started");
    let said: Vec<_> = starts.map(|start| start["sealed_before"].as_str()).collect();
    assert_eq!(said, [Some("none"), Some("yes"), None, Some("no")]);
    assert_eq!(with_key(&contents(dir.path())), Err((2, 1, Flaw::Unkeyed)));
}

#[test]
fn a_run_that_was_killed_is_named_and_explained_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    sealed(rules(dir.path()), 3);
    let path = &files(dir.path())[0];
    let text = fs::read_to_string(path).unwrap();
    let first = |lines: usize| -> String { text.split_inclusive('\n').take(lines).collect() };
    fs::write(path, first(4)).unwrap();
    let open = with_key(&contents(dir.path())).unwrap();
    assert_eq!((open.pending, open.killed), (2, 0), "it may be running");
    sealed(rules(dir.path()), 1);
    let tally = with_key(&contents(dir.path())).unwrap();
    let killed = Killed { last: 4, unsealed: 2, explained: true };
    assert_eq!((&*tally.named, tally.unexplained, tally.unsealed), (&[killed][..], 0, 2));
    assert_eq!(tally.pending, 0);
}

#[test]
fn a_run_on_stdout_that_is_replaced_or_cut_off_between_two_others_is_missed() {
    let runs = [streamed(2), streamed(2), streamed(2)];
    let log = |middle: &str| {
        let text = [&*runs[0].concat(), middle, &runs[2].concat()].concat();
        with_key(&[(None, text.into_bytes())])
    };
    let whole = log(&runs[1].concat()).unwrap();
    assert_eq!((whole.chains, whole.killed, whole.unsealed), (3, 0, 0));
    let middle = forged(chain::Head::default(), 2, r#","log":"stdout""#);
    assert_eq!(log(&middle), Err((0, 6, Flaw::Unkeyed)));
    for left in 2..5 {
        let cut = log(&runs[1][..left].concat()).unwrap();
        let (last, unsealed) = (left.try_into().unwrap(), (left - 2).try_into().unwrap());
        let killed = Killed { last, unsealed, explained: false };
        assert_eq!((cut.unexplained, &*cut.named), (1, &[killed][..]));
    }
}

#[test]
fn no_chain_begins_anew_in_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    sealed(rules(dir.path()), 1);
    let genuine = contents(dir.path()).remove(0);
    let stdout = streamed(1).concat().into_bytes();
    let gap = Flaw::Gap { before: 4, found: 1 };
    assert_eq!(with_key(&[genuine.clone(), (Some(1), stdout.clone())]), Err((1, 1, gap)));
    // Without the name that tells it, the run before does.
    let unnamed = (None, genuine.1.clone());
    assert_eq!(with_key(&[unnamed, (None, stdout.clone())]), Err((1, 1, gap)));
    let inside = (Some(1), [genuine.1, stdout].concat());
    assert_eq!(with_key(&[inside]), Err((0, 5, gap)));
}

#[test]
fn an_unsealed_run_behind_a_last_seal_is_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    sealed(rules(dir.path()), 1);
    let run = forged(end(dir.path()), 3, r#","log":"dir""#).into_bytes();
    let behind = [contents(dir.path()), vec![(Some(5), run)]].concat();
    assert_eq!(with_key(&behind), Err((1, 1, Flaw::Unkeyed)));
}

#[test]
fn a_run_that_is_ended_without_anything_new_ends_in_a_seal_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let outlet = Outlet::folder(rules(dir.path()), noon()).unwrap().sealed(Some(key()));
    let reporter = Reporter::to(&scope(), outlet);
    reporter.emit(&Happening::Lifecycle(&Turn { at: noon(), what: Lifecycle::Started }));
    assert!(reporter.end(noon(), PATIENCE));
    let lines = lines(dir.path());
    assert_eq!((lines.len(), &lines[2]["final"]), (3, &true.into()));
}
