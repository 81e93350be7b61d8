//! The members of an event's `data`: read once, without copying what nobody asks for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::id::{Key, Room, RoomId};
use super::refusal::Refusal;

/// Members that `data` has, mostly: more only cost another allocation.
const USUAL_FIELDS: usize = 16;

/// The members of `data`, ordered by name. No name stands twice: of two rooms, this reader could take the one and the
/// bot's the other.
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, Field<'a>)>);

/// What `data` says under one name, as far as anybody here wants to know.
#[derive(Default)]
pub(super) enum Field<'a> {
    #[default]
    Null,
    Text(Cow<'a, str>),
    /// Well formed, and of no use.
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Unrepeated)
    }
}

struct Unrepeated;

impl<'de> Visitor<'de> for Unrepeated {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(USUAL_FIELDS);
        while let Some((Text(name), value)) = map.next_entry()? {
            fields.push((name, value));
        }
        fields.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if fields.array_windows().any(|[(one, _), (next, _)]| one == next) {
            return Err(A::Error::custom("a key stands twice"));
        }
        Ok(Fields(fields))
    }
}

impl Field<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Other => None,
        }
    }
}

/// Text that stands in the body as it is. A `Cow` within something else would be copied.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    /// Read to the end as any reader would, with its limits of depth and of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<Field<'de>>()?.is_some() {}
        Ok(Field::Other)
    }

    /// The same.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<Text<'de>, Field<'de>>()?.is_some() {}
        Ok(Field::Other)
    }
}

impl Fields<'_> {
    /// The text under a name; nothing where there is none. What is there and is no text makes the event malformed.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(name));
        match at.ok().and_then(|at| self.0.get(at)) {
            None | Some((_, Field::Null)) => Ok(None),
            Some((_, Field::Text(text))) => Ok(Some(text)),
            Some((_, Field::Other)) => Err(Refusal::Malformed),
        }
    }

    /// Every room id, by whatever name. A raw UUID says not of what, so of those only the room's own counts.
    pub(super) fn rooms(&self, own: Option<&RoomId>) -> Vec<Key<Room>> {
        let strings = self.0.iter().filter_map(|(_, field)| field.text());
        let spelled =
            strings.filter(|text| text.len() > 36).filter_map(|text| RoomId::parse(text).ok());
        let mut rooms: Vec<_> = spelled.map(|id| id.key()).chain(own.map(RoomId::key)).collect();
        rooms.sort_unstable();
        rooms.dedup();
        rooms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Fields<'_>, String> {
        serde_json::from_str(text).map_err(|why| why.to_string())
    }

    #[test]
    fn what_is_no_text_is_malformed_where_a_text_is_asked_for_and_nowhere_else() {
        for other in ["true", "7", "-7", "7.5", "[]", r#"[1,["x",{}]]"#, r#"{"a":{"a":[null]}}"#] {
            let text = format!(r#"{{"x":{other},"id":"m","none":null}}"#);
            let fields = fields(&text).unwrap();
            assert_eq!(fields.text("x"), Err(Refusal::Malformed), "{other}");
            assert_eq!(fields.text("id"), Ok(Some("m")), "{other}");
            assert_eq!((fields.text("none"), fields.text("absent")), (Ok(None), Ok(None)));
        }
        let escaped = fields(r#"{"\u0069d":"m\u0031"}"#).unwrap();
        assert_eq!(escaped.text("id"), Ok(Some("m1")));
    }

    #[test]
    fn what_is_broken_at_any_depth_is_no_map() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for text in [r#"{"x":[1,}"#, r#"{"x":1e999}"#, r#"{"x":{"a":tru}}"#, r#"{"x":1"#, &deep] {
            assert!(fields(text).is_err(), "{text}");
        }
        for (text, why) in [("7", "a map"), (r#"{"a":1,"b":2,"\u0061":3}"#, "twice")] {
            assert!(fields(text).is_err_and(|told| told.contains(why)), "{text}");
        }
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        let bytes = Any.visit_bytes::<serde_json::Error>(b"x");
        assert!(bytes.is_err_and(|why| why.to_string().contains("expected anything")));
    }
}
