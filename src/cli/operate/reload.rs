//! `botwarden reload`

use clap::Args;
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{Place, Refused, Role, print_document};
use crate::cli::common::{block_on, fail, print, say, tamed};
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};
use crate::config::problem::{Code, Place as Spot, Problem, Severity};
use crate::config::{self, Machine};

const PATH: &str = "/api/v1/reload";

/// Let the running gateway read gateway.yaml and its secrets again, all or nothing
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden reload\n  botwarden reload --token-file /run/secrets/operator --json"
)]
pub(in crate::cli) struct Arguments {}

pub(in crate::cli) fn run(_: &Arguments, global: &Global) -> Exit {
    match Place::find(global) {
        Ok(place) => block_on(reload(&place, global)),
        Err(exit) => exit,
    }
}

async fn reload(place: &Place, global: &Global) -> Exit {
    match place.call(Method::POST, PATH, Role::Operator).await {
        Ok(document) => done(&document, global),
        Err(Refused::Told(422, document)) => not_done(&document, global),
        Err(refused @ (Refused::Tokenless(_) | Refused::Told(403, _))) => {
            let exit = refused.tell(place);
            otherwise(place).await;
            exit
        }
        Err(refused) => refused.tell(place),
    }
}

/// Who may look learns at least which process to send a signal to.
async fn otherwise(place: &Place) {
    if let Ok(status) = place.call(Method::GET, "/api/v1/status", Role::Viewer).await
        && let Some(pid) = status.get("pid").and_then(Value::as_u64)
    {
        say(&format!("  or, on its machine: kill -HUP {pid}\n"));
    }
}

/// What is shown of either answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    old: String,
    new: String,
    restart: Vec<String>,
    file: String,
    warnings: Vec<Mistake>,
    errors: Vec<Mistake>,
}

/// One of `errors` or `warnings`.
#[derive(Debug, Deserialize)]
struct Mistake {
    code: String,
    #[serde(default)]
    path: String,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    hint: Option<String>,
    #[serde(default)]
    hidden: bool,
}

fn done(document: &Value, global: &Global) -> Exit {
    if global.output() == Output::Json {
        return print_document(document);
    }
    let told = Told::deserialize(document).unwrap_or_default();
    let (old, new) = (tamed(&told.old), tamed(&told.new));
    let page = if old == new {
        format!("config {new}: the same file; secrets were read again\n")
    } else {
        format!("config {old} → {new}\n")
    };
    let waits = |key: &String| format!("{} waits for a restart\n", tamed(key));
    let page = page + &told.restart.iter().map(waits).collect::<String>();
    print(&page).and(problems(&told.warnings, &tamed(&told.file), global))
}

fn not_done(document: &Value, global: &Global) -> Exit {
    if global.output() == Output::Json {
        return print_document(document).and(Exit::Config);
    }
    let told = Told::deserialize(document).unwrap_or_default();
    let shown = problems(&told.errors, &tamed(&told.file), global);
    fail("the old configuration stays in force");
    shown.and(Exit::Config)
}

/// As `check` shows them. Lines are shown when the file that this command would use is the one that was meant.
fn problems(mistakes: &[Mistake], file: &str, global: &Global) -> Exit {
    if mistakes.is_empty() {
        return Exit::Fine;
    }
    let here = config::find(global.config.as_deref(), &Machine);
    let here = here.filter(|here| here.display().to_string() == file);
    let text = here.and_then(|here| config::read(&here, &Machine).ok()).unwrap_or_default();
    let problems: Vec<_> = mistakes.iter().map(Mistake::problem).collect();
    let colour = global.colour(&std::io::stdout()).into();
    print(&config::render(&problems, file, &String::from_utf8_lossy(&text), colour))
}

impl Mistake {
    /// A code of a later version counts as an error of no known kind.
    fn problem(&self) -> Problem {
        let code = Code::ALL.iter().find(|code| code.text() == self.code);
        let code = code.copied().unwrap_or(Code::BadValue);
        let mut problem = Problem::new(code, self.message.as_str()).on(tamed(&self.path));
        if self.code.starts_with('W') {
            problem.severity = Severity::Warning;
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            problem = problem.at(Spot { line, column });
        }
        if let Some(hint) = &self.hint {
            problem = problem.hint(hint.as_str());
        }
        if self.hidden { problem.hide() } else { problem }
    }
}
