//! What an audit writes when it is over, and how it ends.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::case::{Case, Done, Run, Undone};
use super::ends::{self, Found};
use super::sheet::{Foreign, Outcome, Sheet, Sheets, counted, estimated};
use super::spreadsheet::{Emails, csv};
use super::{Arguments, document, page, private};
use crate::audit::{ForeignOrgs, Row};
use crate::cli::common::{fail, print, say};
use crate::cli::exit::Exit;
use crate::cli::{Format, Global};
use crate::report::outage::Kind;

/// Before an audit of an hour: whether its result can be written. What is in the file stays there until then.
pub(super) fn writable(file: Option<&Path>) -> Result<(), Exit> {
    let Some(path) = file else { return Ok(()) };
    private::writable(path).map_err(|cause| unwritten(path, &cause))
}

fn unwritten(path: &Path, cause: &io::Error) -> Exit {
    fail(&format!("cannot write {}: {cause}", path.display()));
    Exit::Denied
}

/// Writes everything that was found.
pub(super) fn tell(run: Run<'_>, arguments: &Arguments, global: &Global) -> Exit {
    let mut troubles = run.troubles;
    let fingerprint = &*run.config.fingerprint;
    if run.interrupted {
        troubles.push(Exit::Interrupted);
    }
    let sheets = sheets(&run.cases, &mut troubles);
    troubles.push(match global.format() {
        Format::Text => print(&page::text(&sheets, global.colour(&io::stdout()))),
        Format::Json => print(&document::pretty(&document::document(&sheets, fingerprint))),
        Format::Jsonl => lines(&run.cases, &sheets),
    });
    if let Some(path) = &arguments.csv {
        let emails = if arguments.with_emails { Emails::Told } else { Emails::Hidden };
        troubles.push(spreadsheet(path, &sheets.rows(), emails));
    }
    hint(&run.cases);
    let found = sheets.bots.iter().map(Sheet::found).fold(Found::default(), Found::and);
    ends::exit(&troubles, found, arguments.fail_on)
}

fn sheets(cases: &[Case<'_>], troubles: &mut Vec<Exit>) -> Sheets {
    let (mut bots, mut whole, mut parts) = (Vec::new(), ForeignOrgs::default(), false);
    for case in cases {
        troubles.append(&mut case.troubles.borrow_mut());
        bots.push(match case.ended.take() {
            Some(Ok(done)) => {
                let (sheet, foreign) = complete(case, done);
                troubles.extend(sheet.in_vain().map(|kind| in_vain(case.name, kind)));
                whole.absorb(foreign);
                sheet
            }
            Some(Err(Undone { exit, outcome })) => {
                troubles.push(exit);
                blank(case, outcome)
            }
            None => {
                parts = true;
                interrupted(case)
            }
        });
    }
    let rows: Vec<_> = bots.iter().flat_map(|sheet| &sheet.rows).collect();
    let foreign: Vec<Foreign> = if parts { estimated(&rows) } else { counted(&whole) };
    Sheets { bots, foreign }
}

/// Rooms that are all unknown could be anything, whatever is asked for with `--fail-on`.
fn in_vain(bot: &str, kind: Kind) -> Exit {
    fail(&format!(
        "{bot}: nothing was found out: none of its rooms could be read ({})",
        kind.label()
    ));
    Exit::from(kind)
}

fn complete(case: &Case<'_>, done: Done) -> (Sheet, ForeignOrgs) {
    let survey = done.survey;
    let sheet = Sheet {
        rows: survey.rows,
        resumed: case.watcher.seen().known,
        foreign: counted(&survey.foreign),
        calls: Some(survey.calls),
        ..blank(case, Outcome::Complete)
    };
    (sheet, survey.foreign)
}

fn interrupted(case: &Case<'_>) -> Sheet {
    let mut seen = case.watcher.seen();
    let rows = std::mem::take(&mut seen.rows);
    let (resumed, of) = (seen.known, seen.rooms);
    drop(seen);
    let foreign = estimated(&rows.iter().collect::<Vec<_>>());
    Sheet { rows, resumed, foreign, ..blank(case, Outcome::Interrupted { of }) }
}

fn blank(case: &Case<'_>, outcome: Outcome) -> Sheet {
    Sheet {
        bot: Arc::clone(case.name),
        outcome,
        rows: Vec::new(),
        resumed: 0,
        foreign: Vec::new(),
        calls: None,
        silences: case.silences(),
    }
}

/// Rooms that were not told yet. Whatever is no room goes to stderr.
fn lines(cases: &[Case<'_>], sheets: &Sheets) -> Exit {
    let pairs = cases.iter().zip(&sheets.bots);
    let written = pairs.map(|(case, sheet)| case.watcher.tell_rest(&sheet.rows));
    let exit = written.fold(Exit::Fine, Exit::and);
    sheets.bots.iter().for_each(|sheet| say(&format!("{}\n", page::told(sheet))));
    exit
}

fn spreadsheet(path: &Path, rows: &[&Row], emails: Emails) -> Exit {
    let written = csv(rows, emails).and_then(|bytes| private::write(path, &bytes));
    written.map_or_else(|cause| unwritten(path, &cause), |()| Exit::Fine)
}

/// How it can go on.
fn hint(cases: &[Case<'_>]) {
    if cases.iter().any(|case| case.watcher.remembers()) {
        say("--resume goes on without reading the rooms again that were clean\n");
    }
}
