//! `botwarden audit verify`

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::cli::common::{contents, fail, print, tamed};
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};
use crate::gate::seal::PublicKey;
use crate::report::journal::chain::NoLink;
use crate::report::journal::folder;
use crate::report::journal::name::Name;
use crate::report::journal::verify::{Flaw, Killed, Lines, Stop, Tally, Verifier};

const EXAMPLES: &str = "  botwarden audit verify /var/lib/botwarden/decisions
  botwarden audit verify --public-key decisions.pub decisions-*.jsonl
  kubectl logs deploy/helpdesk-bot -c gateway | botwarden audit verify --mixed -";

const ENDS: &str = "A chain shows that no record was changed, removed, added or moved between its first and its last. It cannot show
that records at its end were cut off, nor what stood before its first: for that, keep the head elsewhere.

Exit codes, the first of these that applies:
  77   a file cannot be read
  1    a line does not fit; or --public-key has sealed nothing, or not the end of a run, and no start after it says so; or no record came on stdin
  0    none of these";

/// Recompute the chain of a decision log, and name the first line that does not fit
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, after_help = ENDS)]
pub(super) struct Arguments {
    /// Directories, each a log of its own; files together are one log; `-` for stdin
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// In files and stdin: ignore and count lines that do not begin as records do, such as those of the ordinary log
    #[arg(long)]
    mixed: bool,
    /// Check the seals: the public half of `decision_log.signing_key`, PEM; again for keys of other times
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// Accept runs on stdout that do not end in a seal: killed, or cut off afterwards; they are named all the same
    #[arg(long, requires = "public_key")]
    allow_killed: bool,
}

/// What is found about one log.
#[derive(Debug, Serialize)]
struct Finding {
    log: String,
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bad: Option<Bad>,
    #[serde(flatten)]
    tally: Tally,
}

/// The first thing that does not fit.
#[derive(Debug, Serialize)]
struct Bad {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    what: String,
    /// What may have been meant. For people.
    #[serde(skip)]
    hint: Option<&'static str>,
}

impl Bad {
    /// Of the log as a whole.
    fn log(what: &str) -> Self {
        Self { file: None, line: None, what: what.to_owned(), hint: None }
    }
}

/// One log: what it is called, and its files in order.
struct Log {
    name: String,
    files: Vec<PathBuf>,
    lines: Lines,
}

/// The name of stdin.
const STDIN: &str = "-";

const OTHERS: &str = "lines of others between the records: --mixed; words before each line, such as those of `docker compose logs`: --no-log-prefix";

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    match look(arguments) {
        Ok(findings) => tell(&findings, global),
        Err(exit) => exit,
    }
}

fn look(arguments: &Arguments) -> Result<Vec<Finding>, Exit> {
    let keys = arguments.public_key.iter().map(|file| key(file)).collect::<Result<Vec<_>, _>>()?;
    let lines = if arguments.mixed { Lines::Mixed } else { Lines::Records };
    let logs = logs(&arguments.paths, lines)?;
    let killed = if arguments.allow_killed { Unexplained::Allowed } else { Unexplained::Bad };
    logs.iter().map(|log| verify(log, &keys, killed)).collect()
}

fn key(file: &Path) -> Result<PublicKey, Exit> {
    PublicKey::from_pem(&contents(file)?).map_err(|_no_echo| {
        let (file, hint) = (file.display(), "openssl pkey -in KEY -pubout");
        fail(&format!("{file} is not the public half of an Ed25519 key, PEM\n  {hint}"));
        Exit::Denied
    })
}

/// A directory holds records and nothing else, whatever was said of the other paths.
fn logs(paths: &[PathBuf], lines: Lines) -> Result<Vec<Log>, Exit> {
    let (dirs, mut files): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|path| path.is_dir());
    let mut logs = dirs.iter().map(|dir| directory(dir)).collect::<Result<Vec<_>, _>>()?;
    let name = |path: &PathBuf| path.file_name().and_then(|name| Name::read(name.to_str()?));
    if files.iter().all(|file| name(file).is_some()) {
        files.sort_by_key(name);
    }
    if let Some(first) = files.first() {
        logs.push(Log { name: first.display().to_string(), files, lines });
    }
    Ok(logs)
}

fn directory(dir: &Path) -> Result<Log, Exit> {
    let names = folder::names(dir).and_then(|names| {
        if names.is_empty() { Err(ErrorKind::NotFound.into()) } else { Ok(names) }
    });
    let names = names.map_err(|cause| unreadable(dir, &cause))?;
    let files = names.iter().map(|name| dir.join(name.to_string())).collect();
    Ok(Log { name: dir.display().to_string(), files, lines: Lines::Records })
}

fn unreadable(path: &Path, cause: &std::io::Error) -> Exit {
    let none = "there is no file decisions-….jsonl in it";
    let cause = if path.is_dir() && cause.kind() == ErrorKind::NotFound {
        none.to_owned()
    } else {
        cause.to_string()
    };
    fail(&format!("cannot read {}: {cause}", tamed(&path.display().to_string())));
    Exit::Denied
}

/// What a run is that has no last seal, where nothing explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unexplained {
    /// A log that may lack records.
    Bad,
    /// The operator knows of it.
    Allowed,
}

fn verify(log: &Log, keys: &[PublicKey], killed: Unexplained) -> Result<Finding, Exit> {
    let mut verifier = Verifier::new(keys.to_vec()).among(log.lines);
    for path in &log.files {
        let name = path.file_name().and_then(|name| Name::read(name.to_str()?));
        let file = open(path).map_err(|cause| unreadable(path, &cause))?;
        match verifier.file(file, name.map(|name| name.first)) {
            Ok(()) => {}
            Err(Stop::Io(cause)) => return Err(unreadable(path, &cause)),
            Err(Stop::Flaw { line, flaw }) => {
                return Ok(finding(log, verifier.end(), Some(misfit(log, path, line, flaw))));
            }
        }
    }
    Ok(judge(log, verifier.end(), keys, killed))
}

fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    if path == Path::new(STDIN) {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

fn misfit(log: &Log, path: &Path, line: u64, flaw: Flaw) -> Bad {
    let foreign = flaw == Flaw::NoLink(NoLink::Unreadable) && log.lines == Lines::Records;
    let file = Some(path.display().to_string());
    Bad { file, line: Some(line), what: flaw.to_string(), hint: foreign.then_some(OTHERS) }
}

/// Every line fits. Nothing at all proves nothing: whoever pipes it may have failed, and with `--mixed` a prefix would
/// hide every record. A file alone may be new and empty.
fn judge(log: &Log, tally: Tally, keys: &[PublicKey], killed: Unexplained) -> Finding {
    let piped = log.lines == Lines::Mixed || log.files.iter().any(|file| file == Path::new(STDIN));
    if piped && tally.records == 0 {
        let bad = Bad { hint: Some(OTHERS), ..Bad::log("there is no record in it") };
        return finding(log, tally, Some(bad));
    }
    let bad = missing(&tally, keys, killed).map(|what| Bad::log(&what));
    finding(log, tally, bad)
}

/// Which seal is missing in a chain that fits.
fn missing(tally: &Tally, keys: &[PublicKey], killed: Unexplained) -> Option<String> {
    if !keys.is_empty() && tally.sealed == 0 {
        return Some("no record is sealed with this key".to_owned());
    }
    let runs = tally.unexplained;
    (runs > 0 && killed == Unexplained::Bad).then(|| {
        format!("{runs} runs do not end in a seal, and the start after them does not say so: they were killed, or records at their end were cut off; --allow-killed accepts that")
    })
}

fn finding(log: &Log, tally: Tally, bad: Option<Bad>) -> Finding {
    let whole = bad.is_none();
    Finding { log: log.name.clone(), whole, bad, tally }
}

fn tell(findings: &[Finding], global: &Global) -> Exit {
    let text = match global.output() {
        Output::Json => serde_json::to_string_pretty(findings).unwrap_or_default() + "\n",
        Output::Text => findings.iter().map(page).collect(),
    };
    let whole = findings.iter().all(|finding| finding.whole);
    print(&text).and(if whole { Exit::Fine } else { Exit::Found })
}

fn page(finding: &Finding) -> String {
    let Finding { log, tally, bad, .. } = finding;
    let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let mut lines = vec![tamed(log)];
    if let Some(bad) = bad {
        let place =
            bad.file.iter().map(|file| tamed(file)).chain(bad.line.map(|line| line.to_string()));
        let place: Vec<_> = place.chain([bad.what.clone()]).collect();
        lines.push(format!("  BAD          {}", place.join(":")));
        lines.extend(bad.hint.map(|hint| format!("               {hint}")));
        lines.push("  good up to there:".to_owned());
    }
    lines.push(format!("  files        {}", tally.files));
    lines.push(format!(
        "  records      {}, number {} to {}",
        tally.records,
        number(tally.from),
        number(tally.to)
    ));
    if tally.ignored > 0 {
        lines.push(format!("  ignored      {} lines that are no records", tally.ignored));
    }
    lines.push(format!("  from         {}", or_none(tally.first.as_deref())));
    lines.push(format!("  to           {}", or_none(tally.last.as_deref())));
    lines.push(format!(
        "  starts       {}, {} after a run that broke off in the middle of a line",
        tally.starts, tally.torn
    ));
    lines.push(format!("  reloads      {}", tally.reloads));
    lines.push(format!("  seals        {} good, {} not checked", tally.sealed, tally.unchecked));
    lines.push(format!("  head         {}", or_none(tally.head.as_deref())));
    lines.extend(notes(finding));
    lines.join("\n") + "\n"
}

fn number(seq: Option<u64>) -> String {
    seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string())
}

/// What a chain that fits does not show.
fn notes(finding: &Finding) -> Vec<String> {
    let Tally { from, chains, open_end, sealed, unchecked, pending, ignored, .. } = &finding.tally;
    let mut notes = Vec::new();
    if finding.whole {
        notes.push("  The chain is whole: between its first and its last record, none was changed, removed, added or moved.".to_owned());
    }
    if let Some(from @ 2..) = from {
        notes.push(format!("  Records before number {from} are not here: `keep` has removed them, or somebody else has."));
    }
    if *chains > 1 {
        notes.push(format!("  It consists of {chains} chains, one a start: nothing shows whether one in between is missing."));
    }
    if *ignored > 0 {
        notes.push("  Lines were ignored: a record at the end that was made to look like one of them would be missing.".to_owned());
    }
    if *open_end {
        notes.push("  The last line is not whole: it is being written, or the gateway was killed; its next start will say so.".to_owned());
    }
    if *sealed > 0 && *pending == 0 {
        notes.push("  A seal vouches for the last record as well.".to_owned());
    } else if *sealed > 0 {
        notes.push(format!("  For the last {pending} records, no seal vouches yet: who can write to the log could have made them."));
    } else if *unchecked > 0 {
        notes.push("  There are seals; with --public-key they are checked.".to_owned());
    } else {
        notes.push("  Without seals, who can write to the log could have made all of it. Compare the head with one that was kept elsewhere.".to_owned());
    }
    notes.extend(killed(&finding.tally));
    notes
}

/// Runs that no last seal ends, one by one.
fn killed(tally: &Tally) -> impl Iterator<Item = String> + '_ {
    let more = tally.killed.saturating_sub(u64::try_from(tally.named.len()).unwrap_or(u64::MAX));
    let named = tally.named.iter().map(|Killed { last, unsealed, explained }| {
        let why = if *explained {
            "was killed, as the next start says"
        } else {
            "was killed, or cut off"
        };
        format!(
            "  The run up to record {last} {why}: for its last {unsealed} records, no seal vouches."
        )
    });
    named.chain((more > 0).then(|| format!("  And {more} more such runs.")))
}
