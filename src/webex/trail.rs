//! From page to page of one list, without being led astray.

use std::collections::HashSet;

use http::HeaderMap;
use http::header::LINK;
use url::Url;
use url::form_urlencoded::parse;

use super::link::{self, BadLink};
use crate::gate::id::RoomId;
use crate::gate::roster::End;
use crate::report::outage::{Kind, Outage};

/// A space holds up to 5,000 people: 5 pages, or 50 if Webex falls back to 100 a page. The rest is for empty pages.
pub(super) const MAX_PAGES: usize = 100;

/// The pages that were visited.
#[derive(Debug)]
pub(super) struct Trail {
    first: Url,
    seen: HashSet<Url>,
    most: usize,
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This page.
    Page(Url),
    /// Nothing.
    End(End),
}

impl Trail {
    /// `first` has all the parameters that every page must have.
    pub(super) fn new(first: Url) -> Self {
        Self { seen: HashSet::from([first.clone()]), first, most: MAX_PAGES }
    }

    /// For a list that may be longer than that of a room.
    pub(super) fn of_pages(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Where the answer from `here` leads. It may lead to the same list only: same scheme, host, port and path.
    pub(super) fn step(&mut self, here: &Url, headers: &HeaderMap) -> Result<Step, Outage> {
        let Some(target) = target(headers)? else {
            return Ok(Step::End(End::LastPage));
        };
        let next = here.join(target).map_err(|_foreign_text| unreadable())?;
        let next = self.restored(next)?;
        if self.seen.len() >= self.most || !self.seen.insert(next.clone()) {
            return Ok(Step::End(End::GaveUp));
        }
        Ok(Step::Page(next))
    }

    fn restored(&self, mut next: Url) -> Result<Url, Outage> {
        if next.origin() != self.first.origin()
            || next.path() != self.first.path()
            || has_user(&next)
        {
            return Err(nonsense(
                "the next page of a list is somewhere else; the token was not sent there",
            ));
        }
        let query = next.query().unwrap_or_default();
        let pieces = query.split('&').filter(|piece| !piece.is_empty());
        let mut kept = Vec::new();
        for piece in pieces {
            if self.keeps(piece)? {
                kept.push(piece);
            }
        }
        let ours = self.first.query().unwrap_or_default().split('&');
        let lost: Vec<_> =
            ours.filter(|piece| !kept.iter().any(|kept| name(kept) == name(piece))).collect();
        let query = [kept, lost].concat().join("&");
        next.set_query(Some(&query));
        next.set_fragment(None);
        Ok(next)
    }

    /// Whether a piece of the next page's query stays. Known server faults lose parameters or write `max=null`; both
    /// are put right. Another room is not a fault that can be put right.
    fn keeps(&self, piece: &str) -> Result<bool, Outage> {
        let Some((name, value)) = parse(piece.as_bytes()).next() else {
            return Ok(false);
        };
        let Some((_, ours)) = self.first.query_pairs().find(|(known, _)| *known == name) else {
            return Ok(true);
        };
        if name == "max" {
            return Ok(value.parse().is_ok_and(|max: u32| max > 0));
        }
        if value.is_empty() || value == "null" {
            return Ok(false);
        }
        let same =
            value == ours || RoomId::parse(&value).is_ok_and(|id| Ok(id) == RoomId::parse(&ours));
        same.then_some(true).ok_or_else(|| nonsense("the next page of a list is of another list"))
    }
}

fn target(headers: &HeaderMap) -> Result<Option<&str>, Outage> {
    let values = headers.get_all(LINK).iter();
    let values: Result<Vec<_>, _> = values.map(|value| value.to_str()).collect();
    let values = values.map_err(|_foreign_text| unreadable())?;
    link::next(values.into_iter()).map_err(|BadLink| unreadable())
}

fn name(piece: &str) -> &str {
    piece.split_once('=').map_or(piece, |(name, _)| name)
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn unreadable() -> Outage {
    nonsense("where the next page of a list is cannot be read")
}

pub(super) fn nonsense(cause: &str) -> Outage {
    Outage::new(Kind::WebexUnavailable, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";

    fn first() -> Url {
        format!("https://webexapis.com/v1/memberships?roomId={ROOM}&max=1000").parse().unwrap()
    }

    fn step(target: &str) -> Result<Step, Outage> {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, format!("<{target}>; rel=\"next\"").parse().unwrap());
        Trail::new(first()).step(&first(), &headers)
    }

    fn query(target: &str) -> String {
        match step(target) {
            Ok(Step::Page(url)) => url.query().unwrap().to_owned(),
            other => panic!("{target}: {other:?}"),
        }
    }

    #[test]
    fn lost_parameters_are_put_back_and_others_left_as_they_are() {
        let ours = format!("roomId={ROOM}&max=1000");
        for (target, expected) in [
            ("?cursor=a%2Bb==".to_owned(), format!("cursor=a%2Bb==&{ours}")),
            (
                format!("?roomId={ROOM}&max=null&cursor=x"),
                format!("roomId={ROOM}&cursor=x&max=1000"),
            ),
            ("/v1/memberships?max=&roomId=null&c=1".to_owned(), format!("c=1&{ours}")),
            (
                format!("?max=100&roomId={}&c=1", ROOM.to_uppercase()),
                format!("max=100&roomId={}&c=1", ROOM.to_uppercase()),
            ),
            (
                "HTTPS://WEBEXAPIS.COM:443/v1/x/../memberships?c=1#f".to_owned(),
                format!("c=1&{ours}"),
            ),
        ] {
            assert_eq!(query(&target), expected, "{target}");
        }
    }

    #[test]
    fn gw_a8_another_place_or_another_room_is_an_outage() {
        for target in [
            "https://evil.example/v1/memberships?c=1",
            "//evil.example/v1/memberships?c=1",
            "http://webexapis.com/v1/memberships?c=1",
            "https://webexapis.com:8443/v1/memberships?c=1",
            "https://webexapis.com.evil.example/v1/memberships?c=1",
            "https://webexapis.com@evil.example/v1/memberships?c=1",
            "https://user@webexapis.com/v1/memberships?c=1",
            "/v1/people?c=1",
            "/v1/memberships/?c=1",
            "https://[broken/",
            "?roomId=146e4f40-d002-11e9-9ccb-a7e5bdebafb3&c=1",
            "?roomId=x&c=1",
        ] {
            let outage = step(target).unwrap_err();
            assert_eq!(outage.kind, Kind::WebexUnavailable, "{target}");
            assert!(!outage.cause.contains("evil"), "{target}");
        }
    }

    #[test]
    fn a_page_that_was_seen_ends_the_reading() {
        assert_eq!(step(&format!("?roomId={ROOM}&max=1000")), Ok(Step::End(End::GaveUp)));
        assert_eq!(step("?"), Ok(Step::End(End::GaveUp)), "lost everything: the first page again");
        let none = Trail::new(first()).step(&first(), &HeaderMap::new());
        assert_eq!(none, Ok(Step::End(End::LastPage)));
    }
}
