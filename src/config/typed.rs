//! From the tree to types: a serde deserializer whose errors know their way and place, and a reading that does not
//! stop at the first of them.

use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::path::{Path, Step};
use super::problem::Place;
use super::tree::{Key, Node, Value};

/// More mistakes than this are not told: nobody reads them, and here each costs one more reading.
pub(super) const MOST: usize = 100;

/// One value that does not fit.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) place: Option<Place>,
    /// From the value up.
    steps: Vec<Step>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Not readable, in the words of the type; advice after a line feed.
    Bad(String),
    UnknownKey(Box<str>, &'static [&'static str]),
    UnknownWord(Box<str>, &'static [&'static str]),
    WrongType {
        found: String,
        expected: String,
    },
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Self { kind, place: None, steps: Vec::new() }
    }

    fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    fn under(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub(super) fn path(&self) -> Path {
        Path::from_steps(self.steps.iter().rev().cloned().collect())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: does not fit", self.path())
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Bad(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::WrongType { found: named(found), expected: plain(expected) })
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::custom("this number is too large")
    }

    fn unknown_variant(word: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownWord(word.into(), expected))
    }

    fn unknown_field(key: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey(key.into(), expected))
    }
}

/// Kinds of values, never the values: they may be secrets.
fn named(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(_) => "true or false".into(),
        Unexpected::Map => "a map".into(),
        Unexpected::Other(other) => other.into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Str(_) => "text".into(),
        Unexpected::Unit => "nothing".into(),
        Unexpected::Unsigned(_) => "a number".into(),
        Unexpected::Bytes(_)
        | Unexpected::Char(_)
        | Unexpected::Enum
        | Unexpected::Float(_)
        | Unexpected::NewtypeStruct
        | Unexpected::NewtypeVariant
        | Unexpected::Option
        | Unexpected::Signed(_)
        | Unexpected::StructVariant
        | Unexpected::TupleVariant
        | Unexpected::UnitVariant => "something else".into(),
    }
}

/// serde's words for its own types, in ours.
fn plain(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a string" => "text".into(),
        "u32" | "u64" | "usize" => "a whole number".into(),
        other => other.into(),
    }
}

/// Reads as much as fits. What does not fit is taken out and told, until the rest does.
pub(super) fn read<T: DeserializeOwned + Default>(tree: &Node) -> (T, Vec<Fault>) {
    let mut rest = tree.clone();
    let mut faults = Vec::new();
    while faults.len() <= MOST {
        match T::deserialize(&rest) {
            Ok(value) => return (value, faults),
            Err(fault) => {
                rest.prune(fault.path().whole_secret().steps());
                faults.push(fault);
            }
        }
    }
    (T::default(), faults)
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = match &self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => {
                visitor.visit_map(Entries { rest: entries.iter(), current: None })
            }
            Value::Null => visitor.visit_unit(),
            Value::Number(kind) => Err(de::Error::invalid_type(Unexpected::Other(kind), &visitor)),
            Value::Text(text) => visitor.visit_str(text),
            Value::Whole(number) => visitor.visit_u64(*number),
        };
        value.map_err(|fault| fault.at(self.place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if matches!(self.value, Value::Null) {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let read = match &self.value {
            Value::Text(text) => visitor.visit_enum((&**text).into_deserializer()),
            Value::Whole(number) => visitor.visit_enum(number.to_string().into_deserializer()),
            Value::Bool(value) => Err(de::Error::unknown_variant(&value.to_string(), words)),
            Value::List(_) | Value::Map(_) | Value::Null | Value::Number(_) => {
                self.deserialize_any(visitor)
            }
        };
        read.map_err(|fault| fault.at(self.place))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a>(std::slice::Iter<'a, (usize, Node)>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((number, node)) = self.0.next() else {
            return Ok(None);
        };
        let item = seed.deserialize(node);
        item.map(Some).map_err(|fault| fault.under(Step::Item(*number)))
    }
}

struct Entries<'a> {
    rest: std::slice::Iter<'a, (Key, Node)>,
    current: Option<&'a (Key, Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.current = self.rest.find(|(key, _)| !key.repeated);
        let Some((key, _)) = self.current else {
            return Ok(None);
        };
        let read = seed.deserialize((&*key.text).into_deserializer());
        let fault = |fault: Fault| fault.at(key.place).under(Step::Key(key.text.clone()));
        read.map(Some).map_err(fault)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, node)) = self.current.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        let value = seed.deserialize(node);
        value.map_err(|fault| fault.under(Step::Key(key.text.clone())))
    }
}
