//! Lists in pages, with `Link` headers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::failure::Failure;

/// Larger values of `max` are cut down without a word, as seen on the real platform.
const LARGEST_PAGE: usize = 1000;

/// The query of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of a parameter; an empty one counts as absent.
    pub(crate) fn first(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn max(&self, default: usize) -> Result<usize, Failure> {
        let Some(text) = self.first("max") else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|max| *max > 0);
        number
            .map(|max: usize| max.min(LARGEST_PAGE))
            .ok_or_else(|| Failure::bad("max: not a number above zero"))
    }

    /// Where the page starts.
    pub(crate) fn cursor(&self) -> Result<Cursor, Failure> {
        match self.first("cursor") {
            Some(text) => {
                Cursor::decode(text).ok_or_else(|| Failure::bad("cursor: not one of ours"))
            }
            None => Ok(Cursor::default()),
        }
    }
}

/// The place in a list: after the item with this key. It survives items that come and go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) after: Option<u64>,
    /// The filters were lost on the way, by a fault: the list is now that of everything the caller can see.
    pub(crate) unfiltered: bool,
}

impl Cursor {
    fn encode(self) -> String {
        let after = self.after.map_or_else(String::new, |key| key.to_string());
        URL_SAFE_NO_PAD
            .encode(format!("{after}/{}", if self.unfiltered { "unfiltered" } else { "" }))
    }

    fn decode(text: &str) -> Option<Self> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (after, flag) = plain.split_once('/')?;
        let after = if after.is_empty() { None } else { Some(after.parse().ok()?) };
        Some(Self { after, unfiltered: flag == "unfiltered" })
    }
}

/// What is wrong with a next link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum LinkStyle {
    Foreign(String),
    LostParameters,
    MaxNull,
    #[default]
    Proper,
}

/// One page of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    /// Members of the answer beside `items`.
    pub(crate) extra: Map<String, Value>,
    pub(crate) at: Cursor,
    pub(crate) next: Option<Cursor>,
    pub(crate) max: usize,
    pub(crate) style: LinkStyle,
}

impl Page {
    /// Cuts the page that a query asks for out of all items, which are sorted by their keys. Only what is on the page
    /// is rendered: rooms can be large.
    pub(crate) fn cut<T>(
        all: Vec<(u64, T)>,
        query: &Query,
        default_max: usize,
        render: impl Fn(T) -> Result<Value, Failure>,
    ) -> Result<Self, Failure> {
        let (at, max) = (query.cursor()?, query.max(default_max)?);
        let comes_later = |(key, _): &(u64, T)| at.after.is_none_or(|after| *key > after);
        let mut rest = all.into_iter().filter(comes_later);
        let page: Vec<(u64, T)> = rest.by_ref().take(max).collect();
        let after = page.last().map(|(key, _)| *key);
        let next = rest.next().map(|_| Cursor { after, ..at });
        let items = page.into_iter().map(|(_, item)| render(item)).collect::<Result<_, _>>()?;
        Ok(Self { items, at, next, max, ..Self::default() })
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = self.extra.clone();
        body.insert("items".to_owned(), json!(self.items));
        Value::Object(body)
    }

    /// The value of the `Link` header: an absolute address with the parameters of the call.
    pub(crate) fn link(&self, origin: &str, path: &str, query: &Query) -> Option<String> {
        let next = self.next?;
        let origin =
            if let LinkStyle::Foreign(elsewhere) = &self.style { elsewhere } else { origin };
        let query = self.next_query(next, query);
        Some(format!("<{origin}/v1{path}?{query}>; rel=\"next\""))
    }

    fn next_query(&self, next: Cursor, query: &Query) -> String {
        let lost = self.style == LinkStyle::LostParameters;
        let next = Cursor { unfiltered: next.unfiltered || lost, ..next };
        let max =
            if self.style == LinkStyle::MaxNull { "null".to_owned() } else { self.max.to_string() };
        let kept = query.0.iter().filter(|(key, _)| !lost && key != "max" && key != "cursor");
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(kept);
        text.append_pair("max", &max).append_pair("cursor", &next.encode());
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Page {
        let all = (1..=5).map(|n| (n, n)).collect();
        Page::cut(all, &Query::parse(query), 100, |n: u64| Ok(json!(n))).unwrap()
    }

    fn next_of(page: &Page, query: &str) -> String {
        let link = page.link("http://sim", "/things", &Query::parse(query)).unwrap();
        let address =
            link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        address.strip_prefix("http://sim/v1/things?").unwrap().to_owned()
    }

    #[test]
    fn following_next_links_reads_everything_once() {
        let (mut query, mut seen) = ("room=a%26b&max=2".to_owned(), Vec::new());
        loop {
            let page = page(&query);
            seen.extend(page.items.clone());
            assert_eq!(Query::parse(&query).first("room"), Some("a&b"), "parameters are kept");
            if page.next.is_none() {
                break;
            }
            query = next_of(&page, &query);
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_default_page_holds_all_of_a_short_list() {
        assert_eq!(page("").items.len(), 5);
        assert_eq!(page("").next, None);
    }

    #[test]
    fn a_link_that_lost_its_parameters_says_so_only_in_the_cursor() {
        let page = Page { style: LinkStyle::LostParameters, ..page("room=a&max=2") };
        let next = Query::parse(&next_of(&page, "room=a&max=2"));
        assert_eq!(next.first("room"), None);
        assert_eq!(next.cursor().unwrap(), Cursor { after: Some(2), unfiltered: true });
    }

    #[test]
    fn nonsense_is_refused() {
        for query in ["max=0", "max=null", "cursor=x", "cursor=bm9uZQ"] {
            let all: Vec<(u64, Value)> = Vec::new();
            assert!(Page::cut(all, &Query::parse(query), 100, Ok).is_err(), "{query}");
        }
    }
}
