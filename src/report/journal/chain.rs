//! The chain: each line names the hash of the line before.
//!
//! A line ends in `,"seq":N,"prev":"…","hash":"…"}`. `hash` is the SHA-256 of the bytes of the line before `,"hash":`,
//! `prev` is the `hash` of the line before, or 64 zeros in the first line of all. Digests are 64 lowercase hex digits.

use std::fmt::{self, Write as _};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The longest line: the record of a room with 5,000 members, each of another organisation, has some 200 KB.
pub const LONGEST_LINE: usize = 1 << 20;

/// The name of a line.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        base16ct::lower::decode(text, &mut bytes).ok().filter(|read| read.len() == 32)?;
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        f.write_str(base16ct::lower::encode_str(&self.0, &mut digits).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.8}", self.to_string())
    }
}

/// The last line of a chain so far. The default is that of a chain without lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Head {
    /// Lines count from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// Whether lines are chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Each names the one before.
    Linked,
    /// They are only counted.
    Loose,
}

impl Head {
    /// Closes the JSON object that begins at `from` and lacks its last brace: it becomes the next line, with its end.
    #[must_use]
    pub fn close(self, lines: &mut String, from: usize, chain: Chain) -> Self {
        let seq = self.seq.saturating_add(1);
        let mut put = |text: fmt::Arguments<'_>| {
            // Writing into a string does not fail.
            let _into_a_string = lines.write_fmt(text);
        };
        put(format_args!(",\"seq\":{seq}"));
        if chain == Chain::Loose {
            put(format_args!("}}\n"));
            return Self { seq, hash: Hash::default() };
        }
        put(format_args!(",\"prev\":\"{}\"", self.hash));
        let hash = Hash::of(lines.as_bytes().get(from..).unwrap_or_default());
        let _into_a_string = writeln!(lines, ",\"hash\":\"{hash}\"}}");
        Self { seq, hash }
    }
}

/// What a line says about itself, as far as the chain needs it. A key that stands twice is refused.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Said {
    /// When.
    pub ts: Box<str>,
    /// What kind of record it is.
    pub kind: Box<str>,
    /// Which run of the gateway wrote it.
    pub instance: Box<str>,
    seq: u64,
    prev: Box<str>,
    hash: Box<str>,
    /// `started`: where it went, `stdout` or `dir`.
    #[serde(default)]
    pub log: Box<str>,
    /// `started`: the run before broke off in the middle of a line.
    #[serde(default)]
    pub torn: bool,
    /// `started`: seals are to be expected. `checkpoint`: whose seal it is.
    pub key_id: Option<Box<str>>,
    /// `started`: whether the run before ended in a last seal: `yes`, `no` or `none`.
    #[serde(default)]
    pub sealed_before: Box<str>,
    /// `checkpoint`: nothing follows but another start.
    #[serde(default, rename = "final")]
    pub last: bool,
    /// `checkpoint`: the seal.
    #[serde(default)]
    pub signature: Box<str>,
}

/// A line whose hash is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it says.
    pub said: Said,
    /// The hash of the line before.
    pub prev: Hash,
    /// Where it stands.
    pub head: Head,
}

/// Why a line is no link. Says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLink {
    /// Not JSON, or not a record.
    #[error("this is not a record of a chained log")]
    Unreadable,
    /// The members of the chain are not where the gateway writes them.
    #[error("the line does not end as the gateway ends lines")]
    Ending,
    /// It was changed.
    #[error("the line was changed: its hash is another one")]
    Hash,
}

impl Link {
    /// Reads a line, without its end.
    pub fn read(line: &[u8]) -> Result<Self, NoLink> {
        let said: Said = serde_json::from_slice(line).map_err(|_no_echo| NoLink::Unreadable)?;
        let (prev, hash) =
            Hash::read(&said.prev).zip(Hash::read(&said.hash)).ok_or(NoLink::Ending)?;
        let body = line.strip_suffix(format!(",\"hash\":\"{hash}\"}}").as_bytes());
        let body = body.ok_or(NoLink::Ending)?;
        if !body.ends_with(format!(",\"seq\":{},\"prev\":\"{prev}\"", said.seq).as_bytes()) {
            return Err(NoLink::Ending);
        }
        if Hash::of(body) != hash {
            return Err(NoLink::Hash);
        }
        Ok(Self { head: Head { seq: said.seq, hash }, prev, said })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const OPEN: &str =
        r#"{"ts":"2027-01-15T08:00:00.000Z","kind":"decision","instance":"5f0c21e9""#;

    /// Behind another line, as a batch has it.
    pub(in crate::report::journal) fn closed(head: Head, open: &str) -> (String, Head) {
        let mut lines = format!("before\n{open}");
        let head = head.close(&mut lines, "before\n".len(), Chain::Linked);
        (lines.split_off("before\n".len()), head)
    }

    #[test]
    fn a_line_names_the_one_before_and_is_found_again() {
        let (first, head) = closed(Head::default(), OPEN);
        let (second, _) = closed(head, OPEN);
        let (first, second) = (first.trim_end(), second.trim_end());
        assert!(first.contains(r#","seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","hash":""#));
        let (one, two) =
            (Link::read(first.as_bytes()).unwrap(), Link::read(second.as_bytes()).unwrap());
        assert_eq!((one.head, two.prev, two.head.seq), (head, head.hash, 2));
        // sha256sum of the same bytes
        let body = first.split(",\"hash\":").next().unwrap();
        assert!(first.ends_with(&format!("\"{}\"}}", crate::report::journal::tests::sha256(body))));
    }

    #[test]
    fn no_byte_of_a_line_can_be_another_one() {
        let (line, _) = closed(Head::default(), OPEN);
        let line = line.trim_end().as_bytes();
        for at in 0..line.len() {
            for with in [0, b' ', b'0', b'1', b'"', b'a', b'A', b'}', b',', 0xff] {
                let mut changed = line.to_vec();
                changed[at] = with;
                assert_eq!(Link::read(&changed).is_ok(), changed == line, "byte {at} is {with}");
            }
            let without = [&line[..at], &line[at + 1..]].concat();
            let with = [&line[..at], b" ", &line[at..]].concat();
            assert!(Link::read(&without).is_err() && Link::read(&with).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_no_record() {
        let open = format!("{OPEN},\"kind\":\"allow\"");
        let (line, _) = closed(Head::default(), &open);
        assert_eq!(Link::read(line.trim_end().as_bytes()), Err(NoLink::Unreadable));
    }
}
