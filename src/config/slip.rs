//! The commonest slips of who writes YAML, by what the parser says of them.

/// What to do about it, if that is known. Of the line only its indentation is looked at.
pub(super) fn advice(message: &str, line: &str) -> Option<&'static str> {
    let indent = line.len() - line.trim_start().len();
    if message.contains("cannot start any token") {
        let tab = line.get(..indent).is_some_and(|indent| indent.contains('\t'));
        return Some(if tab {
            "indent with spaces: YAML takes no tabs"
        } else {
            "put quotation marks around the value: YAML has a meaning of its own for this character"
        });
    }
    SLIPS.into_iter().find_map(|(said, advice)| message.contains(said).then_some(advice))
}

const SLIPS: [(&str, &str); 3] = [
    (
        "did not find expected key",
        "keys of one map begin in the same column; a quotation mark above may be open, too",
    ),
    (
        "mapping values are not allowed",
        "indent it like the line above, or put quotation marks around a value with `: ` in it",
    ),
    ("did not find expected ',' or", "a bracket above is not closed"),
];

#[cfg(test)]
mod tests {
    use super::super::tree;

    fn advised(text: &str) -> Option<String> {
        tree::read(text).err()?.hint.map(|hint| hint.split([',', ':', ';']).next().unwrap().into())
    }

    #[test]
    fn who_slips_is_told_what_to_do() {
        let table = [
            ("a:\n\tb: 1\n", Some("indent with spaces")),
            ("a:\n  b: @c\n", Some("put quotation marks around the value")),
            ("a:\n  b: 1\n c: 1\n", Some("keys of one map begin in the same column")),
            ("a:\n  b: 1\n   c: 1\n", Some("indent it like the line above")),
            ("a: b: c\n", Some("indent it like the line above")),
            ("a: [b, c\nd: 1\n", Some("a bracket above is not closed")),
            ("a: {b: 1\nc: 1\n", Some("a bracket above is not closed")),
            ("a: !tag 1\n", None),
        ];
        for (text, expected) in table {
            assert_eq!(advised(text).as_deref(), expected, "{text:?}");
        }
    }
}
