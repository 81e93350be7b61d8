//! The members of an event's `data`: read once, without copying what nobody asks for.

use std::borrow::Cow;
use std::fmt;
use std::mem;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::id::{Key, Room, RoomId};
use super::refusal::Refusal;

/// Members that hold what a person typed (Webex, Memberships and Messages), beside `personEmail`.
pub(super) const WORDS_OF_PEOPLE: [&str; 6] =
    ["personDisplayName", "displayName", "title", "text", "markdown", "html"];

/// The members of `data`. No name stands twice: of two rooms, this reader could take the one and the bot's the other.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) id: Field<'a>,
    pub(super) room: Field<'a>,
    pub(super) room_type: Field<'a>,
    pub(super) person: Field<'a>,
    pub(super) person_org: Field<'a>,
    pub(super) created: Field<'a>,
    /// Nobody asks for it, but it is in every message: without it, the others mostly need no memory.
    email: Field<'a>,
    others: Vec<(Cow<'a, str>, Field<'a>)>,
}

/// What `data` says under one name, as far as anybody here wants to know.
#[derive(Default)]
pub(super) enum Field<'a> {
    #[default]
    Absent,
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
        let mut fields = Fields::default();
        while let Some((Text(name), value)) = map.next_entry()? {
            fields.put(name, value).map_err(A::Error::custom)?;
        }
        fields.others.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if fields.others.array_windows().any(|[(one, _), (next, _)]| one == next) {
            return Err(A::Error::custom(Twice));
        }
        Ok(fields)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a key stands twice")]
struct Twice;

impl<'a> Fields<'a> {
    fn put(&mut self, name: Cow<'a, str>, value: Field<'a>) -> Result<(), Twice> {
        let place = match &*name {
            "id" => &mut self.id,
            "roomId" => &mut self.room,
            "roomType" => &mut self.room_type,
            "personId" => &mut self.person,
            "personOrgId" => &mut self.person_org,
            "created" => &mut self.created,
            "personEmail" => &mut self.email,
            _ => {
                self.others.push((name, value));
                return Ok(());
            }
        };
        match mem::replace(place, value) {
            Field::Absent => Ok(()),
            Field::Null | Field::Text(_) | Field::Other => Err(Twice),
        }
    }

    /// Every room id, by whatever name that is not for words of people: by their choice of a name, nobody makes a room
    /// forgotten that is not theirs. A raw UUID says not of what, so of those only the room's own counts.
    pub(super) fn rooms(&self, own: Option<&RoomId>) -> Vec<Key<Room>> {
        let named = [&self.id, &self.room, &self.room_type, &self.person, &self.person_org];
        let others = self.others.iter().filter(|(name, _)| !WORDS_OF_PEOPLE.contains(&&**name));
        let fields = named.into_iter().chain([&self.created]).chain(others.map(|(_, field)| field));
        let texts = fields.filter_map(Field::any);
        let spelled =
            texts.filter(|text| text.len() > 36 && own.is_none_or(|own| own.as_str() != *text));
        let spelled = spelled.filter_map(|text| Key::parse(text).ok());
        let mut rooms: Vec<_> = spelled.chain(own.map(RoomId::key)).collect();
        rooms.sort_unstable();
        rooms.dedup();
        rooms
    }
}

impl Field<'_> {
    /// The text; nothing where there is none. What is there and is no text makes the event malformed.
    pub(super) fn text(&self) -> Result<Option<&str>, Refusal> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Other => Err(Refusal::Malformed),
        }
    }

    /// The text, where nobody minds what else there is.
    pub(super) fn any(&self) -> Option<&str> {
        self.text().ok().flatten()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Fields<'_>, String> {
        serde_json::from_str(text).map_err(|why| why.to_string())
    }

    #[test]
    fn what_is_no_text_is_malformed_where_a_text_is_asked_for_and_nowhere_else() {
        for other in ["true", "7", "-7", "7.5", "[]", r#"[1,["x",{}]]"#, r#"{"a":{"a":[null]}}"#] {
            let text = format!(r#"{{"x":{other},"roomId":{other},"id":"m","created":null}}"#);
            let fields = fields(&text).unwrap();
            assert_eq!(fields.room.text(), Err(Refusal::Malformed), "{other}");
            assert_eq!((fields.id.text(), fields.room.any()), (Ok(Some("m")), None), "{other}");
            assert_eq!((fields.created.text(), fields.person.text()), (Ok(None), Ok(None)));
        }
        let escaped = fields(r#"{"\u0069d":"m\u0031"}"#).unwrap();
        assert_eq!(escaped.id.text(), Ok(Some("m1")));
    }

    #[test]
    fn each_member_is_found_under_its_name() {
        let text = r#"{"id":"1","roomId":"2","roomType":"3","personId":"4","personOrgId":"5","created":"6","text":"7"}"#;
        let fields = fields(text).unwrap();
        let known = [&fields.id, &fields.room, &fields.room_type, &fields.person];
        let known = known.into_iter().chain([&fields.person_org, &fields.created]);
        let texts: Vec<_> = known.map(Field::any).collect();
        assert_eq!(texts, ["1", "2", "3", "4", "5", "6"].map(Some));
    }

    #[test]
    fn what_is_broken_at_any_depth_is_no_map() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for text in [r#"{"x":[1,}"#, r#"{"x":1e999}"#, r#"{"x":{"a":tru}}"#, r#"{"x":1"#, &deep] {
            assert!(fields(text).is_err(), "{text}");
        }
        assert!(fields("7").is_err_and(|told| told.contains("a map")));
    }

    #[test]
    fn no_name_stands_twice_whatever_it_is_and_whatever_is_there() {
        for name in [
            "id",
            "roomId",
            "roomType",
            "personId",
            "personOrgId",
            "created",
            "personEmail",
            "text",
        ] {
            for value in ["null", "1", r#""x""#] {
                let text = format!(r#"{{"{name}":{value},"b":2,"{name}":3}}"#);
                assert!(fields(&text).is_err_and(|told| told.contains("twice")), "{text}");
            }
        }
        assert!(fields(r#"{"a":1,"b":2,"\u0061":3}"#).is_err_and(|told| told.contains("twice")));
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        let bytes = Any.visit_bytes::<serde_json::Error>(b"x");
        assert!(bytes.is_err_and(|why| why.to_string().contains("expected anything")));
    }
}
