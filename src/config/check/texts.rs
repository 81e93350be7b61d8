//! Texts that the bot says in rooms.

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem};

/// In characters. Webex takes some 7000 bytes, but what nobody asked for should be short.
const LONGEST: usize = 1000;

/// The text, with a note when it cannot be said.
pub(super) fn check(text: &str, path: &Path, findings: &mut Findings<'_>) -> Box<str> {
    if let Some(problem) = unspeakable(text) {
        findings.add(path, problem);
    }
    text.into()
}

fn unspeakable(text: &str) -> Option<Problem> {
    let length = text.chars().count();
    if text.chars().any(|c| c.is_control() && c != '\n') {
        let message = "there is a control character in this text";
        return Some(Problem::new(Code::BadValue, message).hint("line breaks are allowed"));
    }
    if text.trim().is_empty() {
        return Some(Problem::new(Code::OutOfBounds, "there is nothing in this text"));
    }
    let message = format!("{length} characters are too many: up to {LONGEST}");
    (length > LONGEST).then(|| Problem::new(Code::OutOfBounds, message))
}
