//! Names of files: `decisions-20270115T080000Z-000000000001.jsonl`, when the file began and the number of its first
//! line.

use std::fmt;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const PATTERN: &str = "%Y%m%dT%H%M%SZ";

/// The name of a file. The order is that of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The number of its first line.
    pub first: u64,
    began: Timestamp,
}

impl Name {
    /// A file that begins at this moment with this line. Never the name of the file before it, or one in front of it: a
    /// run that broke off before its first line leaves a file that begins with the same.
    pub fn new(at: SystemTime, first: u64, before: Option<Self>) -> Self {
        let began = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH);
        let next = before.filter(|before| before.first == first).map(|before| before.began);
        let next = next.and_then(|began| began.checked_add(Duration::from_secs(1)).ok());
        Self { first, began: next.map_or(began, |next| began.max(next)) }
    }

    /// Reads a name; `None` for files of other kinds.
    pub fn read(text: &str) -> Option<Self> {
        let inner = text.strip_prefix("decisions-")?.strip_suffix(".jsonl")?;
        let (began, first) = inner.split_once('-')?;
        let began = DateTime::strptime(PATTERN, began).ok()?.to_zoned(TimeZone::UTC).ok()?;
        let name = Self { first: first.parse().ok()?, began: began.timestamp() };
        (name.to_string() == text).then_some(name)
    }

    /// When the file began, to the second.
    pub fn began(self) -> SystemTime {
        self.began.into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "decisions-{}-{:012}.jsonl", self.began.strftime(PATTERN), self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_follows_the_one_before() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let name = Name::new(noon, 7, None);
        assert_eq!(name.to_string(), "decisions-20270115T080000Z-000000000007.jsonl");
        assert_eq!(Name::read(&name.to_string()), Some(name));
        assert_eq!(name.began(), noon);
        let again = Name::new(noon - Duration::from_hours(1), 7, Some(name));
        assert_eq!(again.to_string(), "decisions-20270115T080001Z-000000000007.jsonl");
        assert!(name < again && again < Name::new(noon - Duration::from_hours(1), 8, Some(name)));
        for other in [
            "",
            ".lock",
            "decisions-x-1.jsonl",
            "decisions-20270115T080000Z-7.jsonl",
            "decisions-20270115T080000Z-000000000007.jsonl.gz",
        ] {
            assert_eq!(Name::read(other), None, "{other}");
        }
    }
}
