//! Lines as YAML counts them.

use std::iter;

/// What ends a line for the parser, beside `\r\n` (YAML 1.1, 4.2). `str::lines` knows only `\n`: it would find other lines
/// under the same numbers, and show one with a secret in place of the one that a problem is about.
const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

/// The lines of a text, without their ends, so that their numbers are those of the parser.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text).filter(|text| !text.is_empty());
    iter::from_fn(move || {
        let (line, after) = parted(rest?);
        rest = after;
        Some(line)
    })
}

/// A line, and what comes after it.
fn parted(text: &str) -> (&str, Option<&str>) {
    let (line, end) = text.split_at(text.find(BREAKS).unwrap_or(text.len()));
    let after = end.strip_prefix("\r\n").or_else(|| end.strip_prefix(BREAKS));
    (line, after.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn a_line_ends_where_the_parser_ends_it() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("\n\na", vec!["", "", "a"]),
            ("a\r\nb\rc\n\rd", vec!["a", "b", "c", "", "d"]),
            ("a\u{85}b\u{2028}c\u{2029}", vec!["a", "b", "c"]),
            ("a\u{b}b\u{c}c", vec!["a\u{b}b\u{c}c"]),
        ] {
            assert_eq!(lines(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
