//! `Link` headers by the algorithm of RFC 8288, appendix B.2 to B.4, word for word. It is lenient, and so the stricter
//! judge of a list that is called whole: what it takes for a next page, nobody may overlook.

/// Whether one header has a link whose relation is `next`.
pub fn has_next(header: &str) -> bool {
    let mut rest = header;
    loop {
        rest = ows(rest);
        let Some(inside) = rest.strip_prefix('<') else { return false };
        let Some((_target, after)) = inside.split_once('>') else { return false };
        let (parameters, after) = parameters(after);
        let relation = parameters.iter().find(|(name, _)| name == "rel");
        let next = |(_, words): &(String, String)| {
            words.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
        };
        if relation.is_some_and(next) {
            return true;
        }
        rest = ows(after);
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn parameters(text: &str) -> (Vec<(String, String)>, &str) {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        rest = ows(rest);
        let Some(after) = rest.strip_prefix(';') else { return (found, rest) };
        rest = ows(after);
        let end = rest.find([' ', '\t', '=', ';', ',']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = ows(&rest[end..]);
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            rest = ows(after);
            if let Some(after) = rest.strip_prefix('"') {
                (value, rest) = quoted(after);
            } else {
                let end = rest.find([';', ',']).unwrap_or(rest.len());
                value = rest[..end].to_owned();
                rest = &rest[end..];
            }
        }
        found.push((name, value));
        rest = ows(rest);
        if rest.is_empty() || rest.starts_with(',') {
            return (found, rest);
        }
    }
}

fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => value.extend(letters.next()),
            plain => value.push(plain),
        }
    }
    (value, letters.as_str())
}

fn ows(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
