//! A JSON object, written member by member.
//!
//! For the record of each event: of what serde takes for it, two thirds are the search for something to escape in names
//! and words of our own.

use std::fmt::{Display, Write as _};

/// An object that is not closed yet.
pub(super) struct Object(String);

impl Object {
    /// With room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut json = String::with_capacity(bytes);
        json.push('{');
        Self(json)
    }

    /// A word of our own, an id, a time: nothing in it is ever escaped. None is left out, here and below.
    pub(super) fn word(&mut self, name: &'static str, word: impl Into<Option<&'static str>>) {
        if let Some(word) = word.into() {
            self.quoted(name, |json| json.push_str(word));
        }
    }

    /// The same for what must be written out first.
    pub(super) fn shown(&mut self, name: &'static str, shown: Option<impl Display>) {
        if let Some(shown) = shown {
            self.quoted(name, |json| {
                // Writing into a string does not fail.
                let _into_a_string = write!(json, "{shown}");
            });
        }
    }

    /// What somebody else has chosen.
    pub(super) fn text(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.value(name, text);
        }
    }

    /// How many.
    pub(super) fn count(&mut self, name: &'static str, count: impl Into<Option<usize>>) {
        if let Some(count) = count.into() {
            self.value(name, count);
        }
    }

    /// In seconds, always with a fraction.
    pub(super) fn seconds(&mut self, name: &'static str, seconds: impl Into<Option<f64>>) {
        if let Some(seconds) = seconds.into() {
            self.value(name, seconds);
        }
    }

    /// What others have chosen.
    pub(super) fn texts(&mut self, name: &'static str, texts: &[&str]) {
        self.value(name, texts);
    }

    /// A line of its own.
    pub(super) fn line(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }

    fn name(&mut self, name: &'static str) {
        self.0.push_str(if self.0.len() > 1 { ",\"" } else { "\"" });
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn quoted(&mut self, name: &'static str, write: impl FnOnce(&mut String)) {
        self.name(name);
        self.0.push('"');
        let from = self.0.len();
        write(&mut self.0);
        debug_assert!(self.0.get(from..).is_some_and(is_plain), "{name} must be escaped");
        self.0.push('"');
    }

    fn value(&mut self, name: &'static str, value: impl serde::Serialize) {
        self.name(name);
        // Strings and numbers serialise.
        self.0.push_str(&serde_json::to_string(&value).unwrap_or_else(|_| "null".to_owned()));
    }
}

/// RFC 8259, section 7: nothing of it would be escaped.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_their_order_and_what_is_foreign_is_escaped() {
        let mut object = Object::with_capacity(0);
        object.word("kind", "decision");
        object.word("would", None);
        object.shown("id", Some(uuid::Uuid::nil()));
        object.shown("trace", None::<u8>);
        object.text("route", Some("a \"b\"\\\n"));
        object.texts("orgs", &["é", "\t"]);
        object.count("members", 7);
        object.count("outsiders", None);
        object.seconds("age", 0.0);
        object.seconds("took", Some(2.5e-7));
        assert_eq!(
            object.line(),
            "{\"kind\":\"decision\",\"id\":\"00000000-0000-0000-0000-000000000000\",\
             \"route\":\"a \\\"b\\\"\\\\\\n\",\"orgs\":[\"é\",\"\\t\"],\"members\":7,\
             \"age\":0.0,\"took\":2.5e-7}\n"
        );
    }

    #[test]
    fn what_would_be_escaped_is_no_word() {
        assert!(is_plain("2027-01-15T08:00:00.000Z"));
        assert!(["\"", "\\", "\n", "\u{1f}"].iter().all(|text| !is_plain(text)));
    }
}
