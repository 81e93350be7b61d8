//! JSON in which nothing is lost: keys that stand twice are both there.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Debug)]
pub enum Json {
    /// Null.
    Null,
    /// A string.
    Text(String),
    /// A map, in the order of the text.
    Map(Vec<(String, Json)>),
    /// A number, a boolean, a list, or a map inside a map.
    Other,
}

impl Json {
    /// The only value of a key, `Null` when it is not there; nothing when it stands twice.
    pub fn only(&self, name: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        let mut found = entries.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        let first = found.next().unwrap_or(&Self::Null);
        found.next().is_none().then_some(first)
    }

    /// A string or nothing; anything else is an error.
    pub fn text(&self) -> Result<Option<&str>, ()> {
        match self {
            Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            _ => Err(()),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(All::<true>)
    }
}

/// Whether it looks into a map.
struct All<const DEEP: bool>;

impl<'de, const DEEP: bool> Visitor<'de> for All<DEEP> {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        while list.next_element::<Inner>()?.is_some() {}
        Ok(Json::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        if !DEEP {
            while map.next_entry::<String, Inner>()?.is_some() {}
            return Ok(Json::Other);
        }
        while let Some((name, Inner(value))) = map.next_entry()? {
            entries.push((name, value));
        }
        Ok(Json::Map(entries))
    }
}

/// A value in a map; maps in it are as good as lists: nobody looks into them, but what is no text is none there either.
struct Inner(Json);

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(All::<false>).map(Self)
    }
}

/// A map of which only these keys are read. What is under others is skipped, with whatever is odd in it.
pub fn read(text: &[u8], names: &'static [&'static str]) -> Option<Json> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let json = reader.deserialize_map(Chosen(names)).ok()?;
    reader.end().ok()?;
    Some(json)
}

struct Chosen(&'static [&'static str]);

impl<'de> Visitor<'de> for Chosen {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.0.contains(&&*name) {
                entries.push((name, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Json::Map(entries))
    }
}
