//! `Link` headers (RFC 8288): where the next page is.

/// The header cannot be read. It may have hidden a page, so a list that carries it is not a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadLink;

/// The target of the one link whose relation is `next`, from all `Link` headers of an answer.
pub(super) fn next<'a>(headers: impl Iterator<Item = &'a str>) -> Result<Option<&'a str>, BadLink> {
    let mut found = None;
    for header in headers {
        let mut rest = skip_commas(header);
        while !rest.is_empty() {
            let (target, is_next, after) = link(rest)?;
            rest = after;
            if is_next && found.replace(target).is_some_and(|other| other != target) {
                return Err(BadLink);
            }
        }
    }
    Ok(found)
}

/// One link and what follows it.
fn link(text: &str) -> Result<(&str, bool, &str), BadLink> {
    let inside = text.strip_prefix('<').ok_or(BadLink)?;
    let (target, mut rest) = inside.split_once('>').ok_or(BadLink)?;
    let mut relation = None;
    while let Some(parameter) = rest.trim_start().strip_prefix(';') {
        let (name, value, after) = parameter_of(parameter.trim_start())?;
        rest = after;
        if name.eq_ignore_ascii_case("rel") {
            relation.get_or_insert(value); // the first counts, says the RFC
        }
    }
    let rest = rest.trim_start();
    if !rest.is_empty() && !rest.starts_with(',') {
        return Err(BadLink);
    }
    let is_next = relation.is_some_and(|words| {
        words.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
    });
    Ok((target.trim(), is_next, skip_commas(rest)))
}

/// `name`, `name=token` or `name="quoted, text"`.
fn parameter_of(text: &str) -> Result<(&str, String, &str), BadLink> {
    let (name, rest) = until(text, &['=', ';', ',', ' ', '\t']);
    let Some(value) = rest.trim_start().strip_prefix('=') else {
        return Ok((name, String::new(), rest));
    };
    let value = value.trim_start();
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, rest) = unquote(quoted)?;
        return Ok((name, value, rest));
    }
    let (token, rest) = until(value, &[';', ',', ' ', '\t']);
    Ok((name, token.to_owned(), rest))
}

fn unquote(text: &str) -> Result<(String, &str), BadLink> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.push(chars.next().ok_or(BadLink)?),
            plain => value.push(plain),
        }
    }
    Err(BadLink)
}

fn until<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    let end = text.find(ends).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn skip_commas(text: &str) -> &str {
    text.trim_start_matches([',', ' ', '\t'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(header: &str) -> Result<Option<&str>, BadLink> {
        next([header].into_iter())
    }

    #[test]
    fn the_next_link_is_found_among_others() {
        for header in [
            "<https://x/n>; rel=\"next\"",
            "<https://x/n>;rel=next",
            "<https://x/n> ; REL = \"NEXT\"",
            "<https://x/f>; rel=\"first\", <https://x/n>; rel=\"next\"",
            "<https://x/f>; title=\"a, <b>; rel=\\\"next\\\"\"; rel=first,,<https://x/n>; rel=\"prefetch next\"",
            "<https://x/n>; rel=next; rel=prev, <https://x/p>; rel=prev; rel=next",
            "<https://x/n>; crossorigin; rel=next;",
            "<https://x/n>; rel=next, <https://x/n>; rel=next",
        ] {
            assert_eq!(one(header), Ok(Some("https://x/n")), "{header}");
        }
        let two = ["<https://x/f>; rel=first", "<?b,c>; rel=next"];
        assert_eq!(next(two.into_iter()), Ok(Some("?b,c")));
    }

    #[test]
    fn no_next_link_is_the_last_page() {
        assert_eq!(next(std::iter::empty()), Ok(None));
        for header in [
            "",
            " , ",
            "<https://x/p>; rel=prev",
            "<https://x/n>; title=next",
            "<https://x/n>; rel=nextish",
        ] {
            assert_eq!(one(header), Ok(None), "{header}");
        }
    }

    #[test]
    fn what_cannot_be_read_may_hide_a_page() {
        for header in [
            "https://x/n; rel=next",
            "<https://x/n; rel=next",
            "<https://x/n>; rel=\"next",
            "<https://x/n>; rel=\"next\\",
            "<https://x/n>; rel=\"next\" junk",
            "<https://x/1>; rel=next, <https://x/2>; rel=next",
        ] {
            assert_eq!(one(header), Err(BadLink), "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_to_an_end(text in "[<>;,=\"\\\\a-z ]{0,60}") {
            prop_assert!(one(&text).is_ok_and(|target| target.is_none_or(|target| text.contains(target))) || one(&text) == Err(BadLink));
        }

        #[test]
        fn what_is_written_is_read(target in "[a-z0-9?&=,;:/.%-]{1,40}", title in "[a-z,;<>= ]{0,20}") {
            let header = format!("<x>; title=\"{title}\"; rel=prev, <{target}>; title=\"{title}\"; rel=\"next\"");
            prop_assert_eq!(one(&header), Ok(Some(target.as_str())));
        }
    }
}
