mod dash;
mod forgeries;
mod mixed;
mod moved;
mod vouched;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::chain::LONGEST_LINE;
use super::folder::names;
use super::name::Name;
use super::verify::{Flaw, Stop, Tally, Verifier};
use super::*;
use crate::gate::policy;
use crate::report::{BodyDigest, Happening, Lifecycle, Reporter, RouteScope, Scope, Turn, Verdict};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Not by the product's own function.
pub(in crate::report) fn sha256(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()))
}

pub(super) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
}

pub(super) fn rules(dir: &Path) -> Rules {
    let (dir, keep) = (dir.to_owned(), Duration::from_hours(400 * 24));
    Rules { dir, keep, rotate_at: 1 << 20, chain: Chain::Linked }
}

pub(super) fn scope() -> Scope {
    let until = noon() + Duration::from_hours(1);
    let (name, bot) = ("helpdesk".into(), "helpdesk".into());
    let routes = vec![RouteScope { name, bot, mode: policy::Mode::Observe { until } }];
    Scope { routes, fingerprint: "5f0c21e9".into(), ..Scope::default() }
}

pub(super) fn open(rules: Rules) -> Reporter {
    Reporter::to(&scope(), Outlet::folder(rules, noon()).unwrap())
}

/// A turn of which there may be any number.
pub(super) fn say(reporter: &Reporter, at: SystemTime) {
    reporter.emit(&Happening::Lifecycle(&Turn { at, what: Lifecycle::Draining }));
}

/// A run with so many records besides the first.
pub(super) fn run(rules: Rules, records: usize) {
    let reporter = open(rules);
    (0..records).for_each(|_| say(&reporter, noon()));
    assert!(reporter.end(noon(), PATIENCE));
}

/// All lines of a directory, file by file.
pub(super) fn lines(dir: &Path) -> Vec<Value> {
    let texts = files(dir).into_iter().map(|path| fs::read_to_string(path).unwrap());
    let lines: Vec<_> =
        texts.flat_map(|text| text.lines().map(String::from).collect::<Vec<_>>()).collect();
    lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    names(dir).unwrap().iter().map(|name| dir.join(name.to_string())).collect()
}

/// What is found about a directory, without a key.
pub(super) fn found(dir: &Path) -> Result<Tally, (usize, u64, Flaw)> {
    judged(Verifier::default(), &contents(dir))
}

/// The files of a directory: the number that the name says, and what is in it.
pub(super) fn contents(dir: &Path) -> Vec<(Option<u64>, Vec<u8>)> {
    let read = |name: Name| fs::read(dir.join(name.to_string())).unwrap();
    names(dir).unwrap().into_iter().map(|name| (Some(name.first), read(name))).collect()
}

/// What is found about files; those that were written from stdout say no number.
pub(super) fn judged(
    mut verifier: Verifier,
    files: &[(Option<u64>, Vec<u8>)],
) -> Result<Tally, (usize, u64, Flaw)> {
    for (number, (first, bytes)) in files.iter().enumerate() {
        match verifier.file(&**bytes, *first) {
            Ok(()) => {}
            Err(Stop::Flaw { line, flaw }) => return Err((number, line, flaw)),
            Err(Stop::Io(cause)) => panic!("{cause}"),
        }
    }
    Ok(verifier.end())
}

#[test]
fn a_run_says_what_runs_there_and_the_next_one_goes_on_in_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("decisions");
    run(rules(&own), 2);
    run(rules(&own), 0);
    let reporter = open(rules(&own));
    say(&reporter, noon());
    assert!(reporter.end(noon(), PATIENCE));
    let lines = lines(&own);
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["started", "draining", "draining", "started", "draining"],
        "an idle run says nothing"
    );
    assert_eq!(
        lines[0]["routes"],
        serde_json::json!([{"route": "helpdesk", "bot": "helpdesk", "mode": "observe"}])
    );
    assert_eq!(
        (&lines[0]["log"], &lines[0]["version"]),
        (&"dir".into(), &env!("CARGO_PKG_VERSION").into())
    );
    assert_eq!(lines[3]["prev"], lines[2]["hash"]);
    assert_ne!(lines[3]["instance"], lines[2]["instance"]);
    let tally = found(&own).unwrap();
    assert_eq!(
        (tally.files, tally.records, tally.starts, tally.chains, tally.torn),
        (2, 5, 2, 1, 0)
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&own), mode(&files(&own)[0])), (0o700, 0o600));
}

#[test]
fn what_becomes_of_the_gateway_is_in_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(rules(dir.path()));
    let tell =
        |what: Lifecycle<'_>| reporter.emit(&Happening::Lifecycle(&Turn { at: noon(), what }));
    tell(Lifecycle::Started);
    tell(Lifecycle::Reloaded { old: "5f0c21e9", new: "aaaaaaaa" });
    reporter.renew(&Scope { fingerprint: "aaaaaaaa".into(), ..scope() });
    tell(Lifecycle::NotReloaded { problems: 3 });
    tell(Lifecycle::Enforced { route: "helpdesk" });
    tell(Lifecycle::Draining);
    tell(Lifecycle::Stopped { expired: 7 });
    assert!(reporter.end(noon(), PATIENCE));
    let lines = lines(dir.path());
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line["kind"].as_str().unwrap(), line["config_hash"].as_str().unwrap()))
        .collect();
    let (old, new) = ("5f0c21e9", "aaaaaaaa");
    assert_eq!(
        seen,
        [
            ("started", old),
            ("reloaded", new),
            ("reload_failed", new),
            ("enforced", new),
            ("draining", new),
            ("stopped", new)
        ]
    );
    assert_eq!((&lines[1]["old_config_hash"], &lines[2]["problems"]), (&old.into(), &3.into()));
    assert_eq!((&lines[3]["route"], &lines[5]["expired"]), (&"helpdesk".into(), &7.into()));
    assert_eq!(found(dir.path()).unwrap().reloads, 1);
}

#[test]
fn calls_that_were_turned_away_are_all_told_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(rules(dir.path()));
    for _ in 0..500 {
        let refusal = crate::gate::refusal::Refusal::SignatureMissing;
        reporter.emit(&Happening::TurnedAway { route: Some("helpdesk"), refusal, at: noon() });
    }
    let what = Lifecycle::Stopped { expired: 0 };
    reporter.emit(&Happening::Lifecycle(&Turn { at: noon(), what }));
    assert!(reporter.end(noon(), PATIENCE));
    let told: Vec<_> =
        lines(dir.path()).iter().map(|l| (l["kind"].clone(), l["more"].clone())).collect();
    let line = |kind: &str, more: Value| (Value::from(kind), more);
    let away = |more: u64| line("turned_away", more.into());
    let rest = [away(0), away(498), line("stopped", Value::Null)];
    assert_eq!(told.get(1..4), Some(&rest[..]), "{told:?}");
}

#[test]
fn a_run_that_was_killed_in_the_middle_of_a_line_is_explained_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    run(rules(dir.path()), 3);
    let path = &files(dir.path())[0];
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..whole.len() - 20]).unwrap();
    assert!(found(dir.path()).unwrap().open_end, "nobody has explained it yet");
    run(rules(dir.path()), 1);
    let lines = lines(dir.path());
    assert_eq!(
        (&lines[3]["kind"], &lines[3]["torn"], &lines[3]["seq"]),
        (&"started".into(), &true.into(), &4.into())
    );
    let tally = found(dir.path()).unwrap();
    assert_eq!((tally.torn, tally.open_end, tally.records), (1, false, 5));
    assert_eq!(fs::read(path).unwrap(), whole[..whole.len() - 20], "it stays as it is");
    // Nothing but that is accepted: the same end elsewhere, or without the word for it.
    let second = fs::read_to_string(&files(dir.path())[1]).unwrap();
    fs::write(path, &whole[..=whole.iter().rposition(|b| *b == b'\n').unwrap()]).unwrap();
    assert!(matches!(found(dir.path()), Err((1, 1, _))));
    fs::write(path, &whole[..whole.len() - 20]).unwrap();
    fs::write(&files(dir.path())[1], second.replace(",\"torn\":true", "")).unwrap();
    assert!(matches!(found(dir.path()), Err((1, 1, Flaw::NoLink(_)))));
}

#[test]
fn runs_that_were_killed_one_after_the_other_are_explained_by_the_first_that_lives() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        run(rules(dir.path()), 0);
        let reporter = open(rules(dir.path()));
        say(&reporter, noon());
        assert!(reporter.end(noon(), PATIENCE));
        let newest = files(dir.path()).pop().unwrap();
        let text = fs::read(&newest).unwrap();
        fs::write(newest, &text[..10]).unwrap();
    }
    assert_eq!(files(dir.path()).len(), 3);
    run(rules(dir.path()), 1);
    let tally = found(dir.path()).unwrap();
    assert_eq!((tally.records, tally.torn, tally.from), (2, 1, Some(1)));
}

#[test]
fn a_second_gateway_is_refused_and_so_is_a_chain_that_cannot_go_on() {
    let dir = tempfile::tempdir().unwrap();
    run(rules(dir.path()), 1);
    let first = open(rules(dir.path()));
    let refused = Outlet::folder(rules(dir.path()), noon()).unwrap_err();
    assert!(matches!(refused, NoFolder::InUse(_)), "{refused}");
    fs::remove_file(dir.path().join(".lock")).unwrap();
    let refused = Outlet::folder(rules(dir.path()), noon()).unwrap_err();
    assert!(matches!(refused, NoFolder::InUse(_)), "whatever somebody tidied away: {refused}");
    drop(first);
    let path = &files(dir.path())[0];
    fs::write(path, "not a record\n").unwrap();
    let until = std::iter::repeat_with(|| Outlet::folder(rules(dir.path()), noon()).unwrap_err());
    let refused = until
        .take(1000)
        .inspect(|_| std::thread::sleep(Duration::from_millis(5)))
        .find(|refused| !matches!(refused, NoFolder::InUse(_)));
    let refused = refused.unwrap();
    assert!(matches!(refused, NoFolder::Broken(_)), "{refused}");
    fs::write(path, vec![b'x'; LONGEST_LINE * 3]).unwrap();
    assert!(matches!(Outlet::folder(rules(dir.path()), noon()), Err(NoFolder::Broken(_))));
}

#[test]
fn files_end_by_size_and_by_day_and_old_ones_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let day = Duration::from_hours(24);
    let small = Rules { rotate_at: 1000, keep: 2 * day, ..rules(dir.path()) };
    let reporter = open(small.clone());
    for _ in 0..20 {
        say(&reporter, noon());
        assert!(reporter.flush(PATIENCE));
    }
    let by_size = files(dir.path()).len();
    assert!((4..=10).contains(&by_size), "{by_size}");
    say(&reporter, noon() + day);
    assert!(reporter.flush(PATIENCE));
    assert_eq!(files(dir.path()).len(), by_size + 1);
    assert_eq!(found(dir.path()).unwrap().records, 22);
    for days in 3..5 {
        say(&reporter, noon() + days * day);
        assert!(reporter.flush(PATIENCE));
    }
    let tally = found(dir.path()).unwrap();
    assert_eq!(
        (tally.files, tally.to),
        (3, Some(24)),
        "two days are kept, and what was newest then"
    );
    assert!(tally.from > Some(1));
    assert!(reporter.end(noon(), PATIENCE));
    drop(reporter);
    let outlet = Outlet::folder(small, noon() + 100 * day).unwrap();
    assert_eq!(files(dir.path()).len(), 3, "one look at a clock is not enough");
    let reporter = Reporter::to(&scope(), outlet);
    for days in [100, 103, 104] {
        say(&reporter, noon() + days * day);
        assert!(reporter.flush(PATIENCE));
    }
    assert_eq!(files(dir.path()).len(), 3, "what was left from before is removed by then");
}

#[test]
fn a_clock_that_is_wrong_for_a_moment_removes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let day = Duration::from_hours(24);
    let reporter = open(Rules { keep: 2 * day, ..rules(dir.path()) });
    for days in [0, 1, 500, 1, 2] {
        say(&reporter, noon() + days * day);
        assert!(reporter.flush(PATIENCE));
    }
    let tally = found(dir.path()).unwrap();
    assert_eq!((tally.files, tally.from, tally.records), (5, Some(1), 6));
}

#[test]
fn a_clock_that_was_wrong_for_one_start_makes_no_record_old() {
    let dir = tempfile::tempdir().unwrap();
    let month = Duration::from_hours(30 * 24);
    let rules = Rules { keep: month, ..rules(dir.path()) };
    for at in [noon(), SystemTime::UNIX_EPOCH, noon(), noon()] {
        let reporter = Reporter::to(&scope(), Outlet::folder(rules.clone(), at).unwrap());
        say(&reporter, at);
        assert!(reporter.end(at, PATIENCE));
    }
    assert_eq!(found(dir.path()).unwrap().from, Some(1), "the first file is seconds old");
    for months in [2, 4] {
        let at = noon() + months * month;
        let reporter = Reporter::to(&scope(), Outlet::folder(rules.clone(), at).unwrap());
        say(&reporter, at);
        assert!(reporter.end(at, PATIENCE));
    }
    assert_eq!(files(dir.path()).len(), 3, "and is removed when it is not");
}

#[tokio::test]
async fn a_directory_that_is_away_lets_nothing_pass_and_mends_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (own, away) = (dir.path().join("decisions"), dir.path().join("away"));
    let reporter = open(rules(&own));
    let record = || decided(&reporter);
    assert_eq!(reporter.written(record().unwrap()).await, Ok(()));
    fs::rename(&own, &away).unwrap();
    let ticket = record().unwrap();
    assert_eq!(reporter.written(ticket).await, Err(Unwritten));
    assert!(!reporter.writable() && reporter.journal().errors > 0);
    assert!(record().is_ok(), "what is over meanwhile has its record later");
    fs::rename(&away, &own).unwrap();
    assert!(reporter.flush(PATIENCE));
    assert_eq!(reporter.written(ticket).await, Ok(()));
    assert!(reporter.writable());
    assert_eq!(found(&own).unwrap().records, 4, "once, and none is lost that was taken");
    // A file that somebody removes is missed: what is written next goes to another one, and the chain shows it.
    fs::remove_file(&files(&own)[0]).unwrap();
    assert_eq!(reporter.written(record().unwrap()).await, Ok(()));
    let tally = found(&own).unwrap();
    assert_eq!((tally.files, tally.from, tally.records), (1, Some(5), 1));
}

#[test]
fn records_that_found_no_place_are_told_by_one_that_says_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let (own, away) = (dir.path().join("decisions"), dir.path().join("away"));
    let reporter = open(rules(&own));
    decided(&reporter).unwrap();
    assert!(reporter.flush(PATIENCE));
    fs::rename(&own, &away).unwrap();
    while decided(&reporter).is_ok() {}
    assert_eq!(decided(&reporter), Err(Unwritten));
    assert_eq!(reporter.lost(), 2);
    fs::rename(&away, &own).unwrap();
    assert!(reporter.end(noon(), PATIENCE));
    let lines = lines(&own);
    let lost: Vec<_> = lines.iter().filter(|line| line["kind"] == "lost").collect();
    assert_eq!(lost.iter().map(|line| line["records"].as_u64().unwrap()).sum::<u64>(), 2);
    assert_eq!(found(&own).unwrap().records, u64::try_from(lines.len()).unwrap());
}

fn decided(reporter: &Reporter) -> Result<Ticket, Unwritten> {
    reporter.record(&crate::report::Decision {
        at: noon(),
        id: uuid::Uuid::from_u128(7),
        trace: None,
        route: "helpdesk",
        bot: "helpdesk",
        config: "5f0c21e9",
        mode: crate::report::Mode::Enforce,
        facts: None,
        body: BodyDigest::of(b""),
        verdict: Verdict::Allow { would_refuse: None },
        because: None,
        members: None,
        outsiders: Vec::new(),
        source: None,
        age: None,
        took: Duration::ZERO,
    })
}
