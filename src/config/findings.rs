//! Problems as they are found, each with its place.

use super::path::{Path, Step, is_plain};
use super::problem::{Code, Problem, did_you_mean, quoted, similar};
use super::raw_forms::NOT_ONE;
use super::tree::{Node, Value};
use super::typed::{Fault, Kind, MOST};

/// All that was found so far.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    tree: &'a Node,
    found: Vec<Problem>,
    errors: usize,
    /// Ways to values that did not fit: what rests on them is not told as well.
    unfit: Vec<Path>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(tree: &'a Node, found: Vec<Problem>) -> Self {
        let mut findings = Self { tree, found: Vec::new(), errors: 0, unfit: Vec::new() };
        for problem in found {
            findings.note(problem);
        }
        findings
    }

    fn note(&mut self, problem: Problem) {
        if problem.is_error() {
            self.errors += 1;
        }
        if self.errors <= MOST || !problem.is_error() {
            self.found.push(problem);
        }
    }

    /// The problems, in the order of the file; those of its surroundings come last.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        if self.errors > MOST {
            let message = format!("there are more than {MOST} mistakes");
            self.found.push(Problem::new(Code::TooMany, message));
        }
        self.found.sort_by_key(|problem| (problem.place.is_none(), problem.place));
        self.found
    }

    /// Notes a problem with the value at a path.
    pub(super) fn add(&mut self, path: &Path, problem: Problem) {
        let problem = self.placed(path, problem);
        self.note(if path.is_delicate() { problem.hide() } else { problem });
    }

    /// Notes a problem with a reference to a secret that is well-formed, so that its line may be shown, as far as
    /// nothing else in it may be a secret.
    pub(super) fn add_open(&mut self, path: &Path, problem: Problem) {
        let problem = self.placed(path, problem);
        self.note(problem);
    }

    /// The names that a map at the top defines, also those whose values do not fit.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        let Value::Map(tops) = &self.tree.value else { return Vec::new() };
        let top = tops.iter().find(|(key, _)| *key.text == *name).map(|(_, node)| &node.value);
        let Some(Value::Map(entries)) = top else { return Vec::new() };
        let names = entries.iter().map(|(key, _)| key.text.clone());
        names.filter(|name| is_plain(name)).map(String::from).collect()
    }

    /// With the place of what stands at the path, or of the nearest thing above it; that of the whole file is none.
    fn placed(&self, path: &Path, problem: Problem) -> Problem {
        let problem = problem.on(path.whole_secret().to_string());
        match self.tree.place_of(path) {
            Some(place) => problem.at(place),
            None => problem,
        }
    }

    /// Notes a problem that no line of the file is to blame for.
    pub(super) fn add_outside(&mut self, name: &str, problem: Problem) {
        self.note(problem.on(name));
    }

    /// Notes that a key is not there, unless something there did not fit.
    pub(super) fn missing(&mut self, path: &Path) {
        if self.is_lost(path) {
            return;
        }
        let name = path.steps().last().map(|step| Path::from_steps(vec![step.clone()]));
        let name = name.unwrap_or_default().to_string();
        let problem = Problem::new(Code::MissingKey, format!("the key `{name}` is missing"));
        self.note(self.placed(path, problem));
    }

    /// Whether something was typed there that did not fit, or probably meant to stand there.
    pub(super) fn is_lost(&self, path: &Path) -> bool {
        self.is_unfit(path) || self.is_misspelled(path)
    }

    /// Whether a key beside this one does not exist and probably means it.
    fn is_misspelled(&self, path: &Path) -> bool {
        let Some((Step::Key(name), above)) = path.steps().split_last() else {
            return false;
        };
        let beside = |unfit: &&Path| unfit.steps().len() == path.steps().len();
        let unfit = self.unfit.iter().filter(beside);
        unfit.filter(|unfit| unfit.steps().starts_with(above)).any(|unfit| {
            matches!(unfit.steps().last(), Some(Step::Key(key)) if similar(key, [&**name]).is_some())
        })
    }

    /// Whether something on or under this way did not fit.
    pub(super) fn is_unfit(&self, path: &Path) -> bool {
        self.unfit.iter().any(|unfit| unfit.starts_with(path) || path.starts_with(unfit))
    }

    /// Whether a key was typed.
    pub(super) fn is_typed(&self, path: &Path) -> bool {
        let step = |node: Option<&'a Node>, step: &Step| node?.step(step);
        path.steps().iter().fold(Some(self.tree), step).is_some()
    }

    /// Notes a value that did not fit.
    pub(super) fn unfit(&mut self, fault: &Fault) {
        let path = fault.path();
        let follows = self.unfit.iter().any(|unfit| unfit.starts_with(&path));
        self.unfit.push(path.whole_secret());
        if follows {
            return;
        }
        let mut problem = match path.secret() {
            Some(_) => secret(&fault.kind),
            None => of(&fault.kind, &path),
        };
        problem.place = fault.place;
        let hidden = path.is_delicate() || problem.hidden;
        let nameless =
            matches!(&fault.kind, Kind::UnknownKey(key, known) if !may_show(key, known, &path));
        let steps = path.whole_secret();
        problem = problem.on(if nameless { above(&steps) } else { steps }.to_string());
        self.note(if hidden { problem.hide() } else { problem });
    }
}

fn above(path: &Path) -> Path {
    let steps = path.steps();
    Path::from_steps(steps.split_last().map_or(Vec::new(), |(_, rest)| rest.to_vec()))
}

/// In a secret's place anything may be the secret, also a key.
fn secret(kind: &Kind) -> Problem {
    let written = Problem::new(Code::WrittenSecret, "a secret must not be written here");
    let help = "write where it is: {file: PATH}, {env: NAME} or {credential: NAME}";
    match kind {
        Kind::Bad(message) if message == NOT_ONE => Problem::new(Code::WrongType, NOT_ONE),
        Kind::WrongType { found, .. } if found == "nothing" => {
            Problem::new(Code::WrongType, "a secret must be named here, not nothing").hint(help)
        }
        Kind::Bad(_) | Kind::UnknownKey(..) | Kind::UnknownWord(..) | Kind::WrongType { .. } => {
            written.hint(help)
        }
    }
}

fn of(kind: &Kind, path: &Path) -> Problem {
    match kind {
        Kind::Bad(message) => bad(message),
        Kind::UnknownKey(key, known) => unknown_key(key, known, path),
        Kind::UnknownWord(word, known) => unknown_word(word, known),
        Kind::WrongType { found, expected } => wrong_type(found, expected),
    }
}

fn bad(message: &str) -> Problem {
    match message.split_once('\n') {
        Some((message, hint)) => Problem::new(Code::BadValue, message).hint(hint),
        None => Problem::new(Code::BadValue, message),
    }
}

fn wrong_type(found: &str, expected: &str) -> Problem {
    let problem = Problem::new(Code::WrongType, format!("this must be {expected}, not {found}"));
    match (found, expected) {
        ("text", "a whole number") => problem.hint("without quotation marks or a unit"),
        ("text", "a list") => problem.hint("a list has brackets: `[one, two]`"),
        ("text", "a map") => {
            problem.hint("a key needs a colon and a space behind it: `key: value`")
        }
        ("text", "true or false") => problem.hint("`yes`, `no`, `on` and `off` are only text"),
        _ => problem,
    }
}

fn unknown_word(word: &str, known: &'static [&'static str]) -> Problem {
    let choice: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let message = format!("{} is not one of {}", quoted(word), choice.join(", "));
    let problem = Problem::new(Code::UnknownWord, message);
    let hint = match word {
        "yes" | "no" | "on" | "off" | "true" | "false" => {
            Some("switches have names here, so that a file reads the same everywhere".to_owned())
        }
        _ => did_you_mean(word, known.iter().copied()),
    };
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

fn unknown_key(key: &str, known: &'static [&'static str], path: &Path) -> Problem {
    if !may_show(key, known, path) {
        let problem = Problem::new(Code::UnknownKey, "unknown key");
        return problem.hint(one_of(known)).hide();
    }
    let problem = Problem::new(Code::UnknownKey, format!("unknown key {}", quoted(key)));
    let hint = did_you_mean(key, known.iter().copied());
    problem.hint(hint.unwrap_or_else(|| one_of(known)))
}

/// What is not quite a key may be a secret whose colon or space is missing; beside secrets, so may any word.
fn may_show(key: &str, known: &[&str], path: &Path) -> bool {
    let is_misspelled = similar(key, known.iter().copied()).is_some();
    is_misspelled || (is_plain(key) && !above(path).is_beside_secrets())
}

fn one_of(known: &[&str]) -> String {
    match known {
        [] => "no keys are known here".into(),
        known => format!("known here: {}", known.join(", ")),
    }
}
