//! Values that are spelled as text: durations, sizes, dates, addresses, ids. Each is read inside serde, so that a
//! mistake in it has its place.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use url::{Host, Url};

use super::problem::quoted;
use crate::gate::id::{OrgId, PersonId, RoomId};

/// A value with a spelling.
pub(super) trait Word: Sized {
    /// What may stand there.
    const EXPECTED: &'static str;
    /// For the schema.
    const PATTERN: Option<&'static str> = None;

    /// Reads the spelling. The error is told as it is; advice stands behind a line feed.
    fn read(text: &str) -> Result<Self, String>;

    /// Reads a number.
    fn whole(_: u64) -> Option<Self> {
        None
    }

    /// Writes it as it could be spelled.
    fn spell(&self) -> String;
}

/// A [`Word`] in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spelled<T>(pub(super) T);

impl<'de, T: Word> Deserialize<'de> for Spelled<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData)).map(Self)
    }
}

impl<T: Word> Serialize for Spelled<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.spell())
    }
}

impl<T: Word> schemars::JsonSchema for Spelled<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::EXPECTED.into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = schemars::json_schema!({"type": "string"});
        if T::whole(1).is_some() {
            schema = schemars::json_schema!({"type": ["string", "integer"]});
        }
        if let Some(pattern) = T::PATTERN {
            schema.insert("pattern".into(), pattern.into());
        }
        schema
    }

    fn inline_schema() -> bool {
        true
    }
}

struct Reader<T>(PhantomData<T>);

impl<T: Word> Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::read(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let refused = || {
            let text = number.to_string();
            E::custom(T::read(&text).err().unwrap_or_else(|| not::<T>(&text)))
        };
        T::whole(number).ok_or_else(refused)
    }
}

pub(super) fn not<T: Word>(text: &str) -> String {
    format!("{} is not {}", quoted(text), T::EXPECTED)
}

impl Word for Duration {
    const EXPECTED: &'static str = "a duration such as 10s, 5m, 1h";
    const PATTERN: Option<&'static str> = Some(r"^\s*(\d+\s*[a-zµ]+\s*)+$");

    fn read(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text).map_err(|_words_of_a_library| not::<Self>(text))
    }

    fn spell(&self) -> String {
        const DAY: u64 = 24 * 3600;
        let (seconds, rest) = (self.as_secs(), self.subsec_nanos());
        // The library counts in years of 365.25 days from then on, which nobody would type.
        if rest == 0 && seconds > 0 && seconds.is_multiple_of(DAY) {
            return format!("{}d", seconds / DAY);
        }
        humantime::format_duration(*self).to_string().replace(' ', "")
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size(pub(super) u64);

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Word for Size {
    const EXPECTED: &'static str = "a size such as 256KiB or 64MiB";
    const PATTERN: Option<&'static str> = Some(r"^\d+ ?(B|KiB|MiB|GiB)$");

    fn read(text: &str) -> Result<Self, String> {
        let read = || {
            let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
            let number = text.strip_suffix(unit)?.trim_end();
            number.parse::<u64>().ok()?.checked_mul(*factor).map(Self)
        };
        read().ok_or_else(|| format!("{}\nunits are B, KiB, MiB and GiB", not::<Self>(text)))
    }

    fn whole(number: u64) -> Option<Self> {
        Some(Self(number))
    }

    fn spell(&self) -> String {
        let fits = UNITS.iter().find(|(_, factor)| self.0.is_multiple_of(*factor));
        let (unit, factor) = fits.unwrap_or(&("B", 1));
        format!("{}{unit}", self.0 / factor)
    }
}

impl Word for jiff::civil::Date {
    const EXPECTED: &'static str = "a date such as 2027-01-31";
    const PATTERN: Option<&'static str> = Some(r"^\d{4}-\d{2}-\d{2}$");

    fn read(text: &str) -> Result<Self, String> {
        // The general reader also takes a date with a time behind it, which would be cut off silently.
        let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let date = plain.then(|| text.parse().ok()).flatten();
        date.ok_or_else(|| not::<Self>(text))
    }

    fn spell(&self) -> String {
        self.to_string()
    }
}

impl Word for SocketAddr {
    const EXPECTED: &'static str = "an address such as 127.0.0.1:8080";
    const PATTERN: Option<&'static str> = Some(r"^.+:\d+$");

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_no_more_to_tell| {
            format!("{}\nan IP address and a port, no name", not::<Self>(text))
        })
    }

    fn spell(&self) -> String {
        self.to_string()
    }
}

impl Word for OrgId {
    const EXPECTED: &'static str = "the id of a Webex organisation";

    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|_the_kind_is_in_the_text| {
            format!("{}\na UUID, or the long form from the Webex API", not::<Self>(text))
        })
    }

    fn spell(&self) -> String {
        self.as_str().into()
    }
}

impl Word for PersonId {
    const EXPECTED: &'static str = "the id of a Webex person or bot";

    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|_the_kind_is_in_the_text| {
            format!("{}\nan id, not an address: people/me tells a bot its own", not::<Self>(text))
        })
    }

    fn spell(&self) -> String {
        self.as_str().into()
    }
}

impl Word for RoomId {
    const EXPECTED: &'static str = "the id of a Webex room";

    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|_the_kind_is_in_the_text| {
            format!("{}\na UUID, or the long form from the Webex API", not::<Self>(text))
        })
    }

    fn spell(&self) -> String {
        self.as_str().into()
    }
}

/// A URL of the Webex API or of a proxy: nothing in it but where to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base(pub(super) Url);

impl Word for Base {
    const EXPECTED: &'static str = "a URL such as https://webexapis.com/v1";
    const PATTERN: Option<&'static str> = Some("^https?://");

    fn read(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text).map_err(|error| {
            format!("not {}: {error}\nhttps://HOST[:PORT][/PATH]", Self::EXPECTED)
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "a URL must not hold a user name or password\nHTTPS_PROXY may, with `proxy: env`"
                    .into(),
            );
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err("a URL here begins with https:// or http://".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a URL here has no query and no fragment".into());
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
        }
        Ok(Self(url))
    }

    fn spell(&self) -> String {
        self.0.as_str().trim_end_matches('/').into()
    }
}

/// `webex.proxy`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Direct,
    Env,
    Url(Url),
}

impl Word for Way {
    const EXPECTED: &'static str = "`env`, `direct` or a URL such as http://proxy.example.com:3128";
    const PATTERN: Option<&'static str> = Some("^(env|direct|https?://.+)$");

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "direct" => Ok(Self::Direct),
            "env" => Ok(Self::Env),
            url if url.contains("://") => Base::read(url).map(|base| Self::Url(base.0)),
            _ => Err(format!("not {}", Self::EXPECTED)), // it may hold a password
        }
    }

    fn spell(&self) -> String {
        match self {
            Self::Direct => "direct".into(),
            Self::Env => "env".into(),
            Self::Url(url) => url.to_string(),
        }
    }
}

/// `server.public_url`: where from outside, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(pub(super) Url);

impl Word for Origin {
    const EXPECTED: &'static str = "a URL such as https://bots.example.com";
    const PATTERN: Option<&'static str> = Some("^https?://[^/?#@]+/?$");

    fn read(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("not {}: {error}\nhttps://HOST[:PORT]", Self::EXPECTED))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL must not hold a user name or password".into());
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err("a URL here begins with https:// or http://".into());
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("nothing follows the host here\npaths are those of the routes".into());
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err("events would go over the net in clear\nhttps; http is for loopback".into());
        }
        Ok(Self(url))
    }

    fn spell(&self) -> String {
        self.0.as_str().trim_end_matches('/').into()
    }
}

/// Whether a URL leads to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
