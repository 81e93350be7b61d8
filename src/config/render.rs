//! Problems for people: message, place, one line of the file with a mark under it, advice.

use std::fmt::Write as _;

use super::lines::lines;
use super::load::BYTE_ORDER_MARK;
use super::path::is_plain;
use super::problem::{Code, Place, Problem, Severity, tame};
use super::veil::Veil;

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const BLUE: &str = "\u{1b}[1;34m";
/// Bytes of a line that is shown. Each problem goes through its line again: thousands of them may be in one.
const LONGEST: usize = 1000;
const PLAIN: &str = "\u{1b}[0m";

/// All problems, and how many there are. A line of the file is shown only as far as there is surely no secret in it.
#[expect(
    clippy::fn_params_excessive_bools,
    reason = "callers pass what they found out about the terminal"
)]
pub fn render(problems: &[Problem], file_name: &str, text: &str, colour: bool) -> String {
    let page = Page::of(file_name, text, colour);
    let mut out: String = problems.iter().map(|problem| page.problem(problem)).collect();
    out.push_str(&summary(problems, file_name));
    out
}

/// Each problem by itself, for a log. The file is gone through once for all of them: of a large one that takes long.
pub fn render_each(problems: &[Problem], file_name: &str, text: &str) -> Vec<String> {
    let page = Page::of(file_name, text, false);
    problems.iter().map(|problem| page.problem(problem).trim_end().to_owned()).collect()
}

fn summary(problems: &[Problem], file_name: &str) -> String {
    let count = |severity| problems.iter().filter(|p| p.severity == severity).count();
    let plural = |number, word| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    format!(
        "{}, {} in {file_name}\n",
        plural(count(Severity::Error), "error"),
        plural(count(Severity::Warning), "warning"),
    )
}

struct Page<'a> {
    file_name: &'a str,
    veil: Veil,
    lines: Vec<&'a str>,
    colour: bool,
}

impl<'a> Page<'a> {
    #[expect(clippy::fn_params_excessive_bools, reason = "as of render")]
    fn of(file_name: &'a str, text: &'a str, colour: bool) -> Self {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        Self { file_name, veil: Veil::over(text), lines: lines(text).collect(), colour }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }

    fn problem(&self, problem: &Problem) -> String {
        let mut out = String::new();
        let (word, colour) = match problem.severity {
            Severity::Error => ("error", RED),
            Severity::Warning => ("warning", YELLOW),
        };
        let head = self.paint(colour, &format!("{word}[{}]", problem.code));
        push(&mut out, &format!("{head}: {}", problem.message));
        match problem.place {
            Some(place) => self.place(&mut out, problem, place),
            None => self.nowhere(&mut out, problem),
        }
        out
    }

    fn nowhere(&self, out: &mut String, problem: &Problem) {
        if !problem.path.is_empty() {
            push(out, &format!("  {} {}", self.paint(BLUE, "=="), problem.path));
        }
        self.help(out, problem, "");
    }

    fn place(&self, out: &mut String, problem: &Problem, place: Place) {
        let margin = " ".repeat(place.line.to_string().len());
        let frame = self.paint(BLUE, "┌─");
        let head = format!("{margin}{frame} {}:{}:{}", self.file_name, place.line, place.column);
        match self.excerpt(problem, place) {
            None if problem.hidden => {
                push(out, &format!("{head}          (value hidden)"));
                self.help(out, problem, &margin);
            }
            None => {
                push(out, &head);
                self.help(out, problem, &margin);
            }
            Some(excerpt) => {
                push(out, &head);
                self.marked(out, problem, place, &excerpt);
            }
        }
    }

    fn marked(&self, out: &mut String, problem: &Problem, place: Place, excerpt: &str) {
        let number = place.line.to_string();
        let bar = self.paint(BLUE, "│");
        push(out, &format!("{}{bar} {excerpt}", self.paint(BLUE, &number)));
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(place.column.saturating_sub(1));
        let mark = "^".repeat(width(excerpt, place.column));
        let hint = problem.hint.as_deref().unwrap_or_default();
        let line = format!("{margin}{bar} {indent}{} {hint}", self.paint(RED, &mark));
        push(out, line.trim_end());
    }

    fn help(&self, out: &mut String, problem: &Problem, margin: &str) {
        if let Some(hint) = &problem.hint {
            let margin = if margin.is_empty() { " " } else { margin };
            push(out, &format!("{margin} {} help: {hint}", self.paint(BLUE, "=")));
        }
    }

    /// The line of a problem, as far as it may be shown; nothing when that does not reach the problem.
    fn excerpt(&self, problem: &Problem, place: Place) -> Option<String> {
        let line =
            self.lines.get(place.line.checked_sub(1)?).filter(|line| line.len() <= LONGEST)?;
        let end = match (problem.hidden, problem.code) {
            (true, Code::NotYaml) => return key_of(line),
            (true, _) => return None,
            (false, _) => self.veil.visible(place.line),
        };
        let shown: String = line.chars().take(end).map(tame).collect();
        // After a quote or a bracket, the parser takes it for a comment without a space before it as well.
        let shown = shown.split('#').next().unwrap_or_default().trim_end();
        let cut = if end < line.chars().count() { " …" } else { "" };
        (shown.chars().count() + 1 >= place.column).then(|| format!("{shown}{cut}"))
    }
}

fn push(out: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(out, "{line}").unwrap_or_default();
}

/// How long the mark is: one key, or one word.
fn width(excerpt: &str, column: usize) -> usize {
    let mut rest = excerpt.chars().skip(column.saturating_sub(1)).peekable();
    let quote = rest.peek().copied().filter(|c| matches!(c, '"' | '\''));
    let length = match quote {
        Some(quote) => 2 + rest.skip(1).take_while(|c| *c != quote).count(),
        None => rest
            .take_while(|c| !c.is_whitespace() && !matches!(c, ',' | '}' | ']' | '{' | '['))
            .collect::<String>()
            .trim_end_matches(':')
            .chars()
            .count(),
    };
    length.max(1)
}

/// Where the text is not YAML, nobody knows what is a secret. Only a key at the beginning of the line is shown.
fn key_of(line: &str) -> Option<String> {
    let (key, _) = line.split_once(':')?;
    let name = key.trim_start_matches([' ', '-']);
    let known = !name.is_empty() && is_plain(name);
    known.then(|| format!("{key}: …"))
}
