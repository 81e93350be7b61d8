//! What `check` writes. Problems are its result, so they go to stdout.

use std::path::Path;

use serde::Serialize;

use super::{Finding, State};
use crate::cli::common::{Tint, columns, now, print};
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};
use crate::config::{Problem, render};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    at: String,
    file: String,
    ok: bool,
    problems: &'a [Problem],
    findings: &'a [Finding],
}

/// A configuration that is refused.
pub(super) fn problems(problems: &[Problem], path: &Path, text: &str, global: &Global) -> Exit {
    whole(problems, &[], (path, text), global)
}

/// Problems with their places, then the table. `Fine` when that could be written.
pub(super) fn whole(
    problems: &[Problem],
    findings: &[Finding],
    (path, text): (&Path, &str),
    global: &Global,
) -> Exit {
    let (file, ok) = (path.display().to_string(), is_ok(problems, findings));
    let tint = global.colour(&std::io::stdout());
    let page = match global.output() {
        Output::Text => shown(problems, findings, (&file, text), tint),
        Output::Json => {
            let schema = "botwarden/check/1";
            let document = Document { schema, at: now(), file, ok, problems, findings };
            let Ok(page) = serde_json::to_string_pretty(&document) else { return Exit::Bug };
            page + "\n"
        }
    };
    print(&page)
}

fn is_ok(problems: &[Problem], findings: &[Finding]) -> bool {
    let fine = findings.iter().all(|finding| finding.state == State::Ok);
    fine && !problems.iter().any(Problem::is_error)
}

fn shown(
    problems: &[Problem],
    findings: &[Finding],
    (file, text): (&str, &str),
    tint: Tint,
) -> String {
    let mut page = String::new();
    if !problems.is_empty() {
        page = render(problems, file, text, tint.into());
    }
    let row = |finding: &Finding| {
        [finding.subject.clone(), word(finding.state, tint), finding.note.clone()]
    };
    page + &columns(&findings.iter().map(row).collect::<Vec<_>>())
}

/// All of one width, so that colours do not shift the columns.
fn word(state: State, tint: Tint) -> String {
    let (word, colour) = match state {
        State::Ok => ("ok     ", "\x1b[32m"),
        State::Fail => ("FAIL   ", "\x1b[31m"),
        State::Unknown => ("unknown", "\x1b[33m"),
        State::Denied => ("REFUSED", "\x1b[31m"),
    };
    if tint == Tint::Colour { format!("{colour}{word}\x1b[0m") } else { word.to_owned() }
}
