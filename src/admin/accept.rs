//! Which text format a scraper wants (RFC 9110, section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

use crate::report::Exposition;

/// `OpenMetrics` for whoever names it and likes nothing better; the older text for everybody else, because every
/// scraper, browser and `curl` can read that.
pub(super) fn exposition(headers: &HeaderMap) -> Exposition {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<Range<'_>> =
        accepted.flat_map(|value| value.split(',')).map(Range::parse).collect();
    let liking = |wanted: Exposition| {
        let suits = ranges.iter().filter(|range| range.exposition() == Some(wanted));
        suits.map(|range| range.thousandths).max().unwrap_or_default()
    };
    let open = liking(Exposition::OpenMetrics);
    if open > 0 && open >= liking(Exposition::Text) {
        Exposition::OpenMetrics
    } else {
        Exposition::Text
    }
}

/// One of the things that somebody accepts.
struct Range<'a> {
    kind: &'a str,
    version: Option<&'a str>,
    /// How much it is liked, from 0 to 1000.
    thousandths: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let (mut version, mut thousandths) = (None, 1000);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim_end().to_ascii_lowercase().as_str() {
                "q" => thousandths = quality(value.trim()),
                "version" => version = Some(value.trim().trim_matches('"')),
                _ => {}
            }
        }
        Self { kind, version, thousandths }
    }

    fn exposition(&self) -> Option<Exposition> {
        let is = |kind: &str| self.kind.eq_ignore_ascii_case(kind);
        match self.version {
            None | Some("1.0.0" | "0.0.1") if is("application/openmetrics-text") => {
                Some(Exposition::OpenMetrics)
            }
            None | Some("0.0.4") if is("text/plain") => Some(Exposition::Text),
            _ => None,
        }
    }
}

/// What cannot be read is not liked.
fn quality(text: &str) -> u16 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<3}");
    match (whole, part.len(), part.parse::<u16>()) {
        ("1", 3, Ok(0)) => 1000,
        ("0", 3, Ok(part)) => part,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scraper_gets_what_it_can_read() {
        let cases = [
            (None, Exposition::Text),
            (Some("*/*"), Exposition::Text),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), Exposition::Text),
            (Some("application/openmetrics-text"), Exposition::OpenMetrics),
            // Prometheus 2.42 and 3.
            (
                Some(
                    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                ),
                Exposition::OpenMetrics,
            ),
            (
                Some(
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                ),
                Exposition::OpenMetrics,
            ),
            (
                Some("text/plain;version=0.0.4;q=1,application/openmetrics-text;q=0.9"),
                Exposition::Text,
            ),
            (
                Some("application/openmetrics-text; version=\"1.0.0\"; Q=1.000"),
                Exposition::OpenMetrics,
            ),
            (Some("application/openmetrics-text;version=2.0.0"), Exposition::Text),
            (Some("application/openmetrics-text;q=0"), Exposition::Text),
            (Some("application/openmetrics-text;q=much"), Exposition::Text),
            (Some(";;,=,q=;"), Exposition::Text),
        ];
        for (accept, expected) in cases {
            let headers = accept.map(|accept| (ACCEPT, accept.parse().unwrap()));
            let headers: HeaderMap = headers.into_iter().collect();
            assert_eq!(exposition(&headers), expected, "{accept:?}");
        }
    }
}
