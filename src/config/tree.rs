//! YAML as a tree in which everything knows its place.
//!
//! The parser tells places only in errors. So every scalar is put aside and then refused: the error that comes back
//! carries the place, and reading goes on. Nothing else scans the text, so there is no second opinion about YAML.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::lines::lines;
use super::path::{Path, Step, is_plain};
use super::problem::{Code, Place, Problem, quoted};
use super::slip;

/// A value and its place: that of its text, or, for lists and maps, that of the key before it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Bool(bool),
    List(Vec<(usize, Node)>),
    Map(Vec<(Key, Node)>),
    Null,
    /// A number that no key takes; the words say which kind.
    Number(&'static str),
    Text(Box<str>),
    Whole(u64),
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: Box<str>,
    pub(super) place: Place,
    /// It stood there before; what counts is the first.
    pub(super) repeated: bool,
}

impl Node {
    /// What stands at a step.
    pub(super) fn step(&self, step: &Step) -> Option<&Self> {
        match (&self.value, step) {
            (Value::Map(entries), Step::Key(name)) => {
                entries.iter().find_map(|(key, node)| (key.text == *name).then_some(node))
            }
            (Value::List(items), Step::Item(wanted)) => {
                items.iter().find_map(|(number, node)| (number == wanted).then_some(node))
            }
            _ => None,
        }
    }

    /// The place of what stands at a path, or of the nearest thing above it; the whole file has none.
    pub(super) fn place_of(&self, path: &Path) -> Option<Place> {
        let (mut node, mut place) = (self, None);
        for step in path.steps() {
            node = match node.step(step) {
                Some(next) => next,
                None => break,
            };
            place = Some(node.place);
        }
        place
    }

    /// Takes out what stands at a path.
    pub(super) fn prune(&mut self, path: &[Step]) {
        match path {
            [] => self.value = Value::Map(Vec::new()),
            [last] => self.remove(last),
            [first, rest @ ..] => {
                if let Some(node) = self.step_mut(first) {
                    node.prune(rest);
                }
            }
        }
    }

    fn remove(&mut self, step: &Step) {
        match (&mut self.value, step) {
            (Value::Map(entries), Step::Key(name)) => entries.retain(|(key, _)| key.text != *name),
            (Value::List(items), Step::Item(wanted)) => {
                items.retain(|(number, _)| number != wanted);
            }
            _ => {}
        }
    }

    fn step_mut(&mut self, step: &Step) -> Option<&mut Self> {
        match (&mut self.value, step) {
            (Value::Map(entries), Step::Key(name)) => {
                entries.iter_mut().find_map(|(key, node)| (key.text == *name).then_some(node))
            }
            (Value::List(items), Step::Item(wanted)) => {
                items.iter_mut().find_map(|(number, node)| (number == wanted).then_some(node))
            }
            _ => None,
        }
    }
}

/// Reads a text. Keys that stand twice are problems that do not end the reading; the first of them counts.
pub(super) fn read(text: &str) -> Result<(Node, Vec<Problem>), Problem> {
    shallow(text)?;
    let reading = Reading::default();
    let seed = Branch { reading: &reading, path: Path::default(), place: Place::START };
    match seed.deserialize(serde_yaml::Deserializer::from_str(text)) {
        Ok(node) => Ok((node, reading.repeated.into_inner())),
        Err(error) => Err(reading.alias.take().unwrap_or_else(|| not_yaml(&error, text))),
    }
}

/// Far more than a configuration needs.
const DEEPEST: usize = 500;

/// What the parser costs grows with the square of the nesting, so that has a bound before it begins. Brackets are
/// counted wherever they stand except in lines of comment: this may count too many, never too few.
fn shallow(text: &str) -> Result<(), Problem> {
    let mut depth = 0_usize;
    let lines = lines(text).zip(1..);
    for (line, number) in lines.filter(|(line, _)| !line.trim_start().starts_with('#')) {
        let opened = line.matches(['[', '{']).count()
            + line.matches("- -").count()
            + line.matches("? ?").count();
        depth = (depth + opened).saturating_sub(line.matches([']', '}']).count());
        if depth.max(opened) > DEEPEST {
            let place = Place { line: number, column: 1 };
            return Err(Problem::new(Code::NotYaml, "not YAML: too many brackets")
                .at(place)
                .hide());
        }
    }
    Ok(())
}

const NO_TAGS: &str = "tags (`!name`) mean nothing here";
const A_KEY: &str = "a key must be plain text";

fn not_yaml(error: &serde_yaml::Error, text: &str) -> Problem {
    let message = error.to_string();
    if message.contains("more than one document") {
        return Problem::new(Code::SecondDocument, "a second document begins in this file")
            .at(second_document(text));
    }
    // The errors made here come with the keys on the way to them, and in a key may be anything.
    let message = [NO_TAGS, A_KEY]
        .into_iter()
        .find(|known| message.contains(known))
        .or_else(|| message.split(" at line ").next())
        .unwrap_or_default();
    let place = error.location().map_or(Place::START, |location| Place {
        line: location.line(),
        column: location.column(),
    });
    let line = place.line.checked_sub(1).and_then(|above| lines(text).nth(above));
    let problem = Problem::new(Code::NotYaml, format!("not YAML: {message}")).at(place).hide();
    match slip::advice(message, line.unwrap_or_default()) {
        Some(advice) => problem.hint(advice),
        None => problem,
    }
}

fn second_document(text: &str) -> Place {
    let mut begun = false;
    for (number, line) in lines(text).enumerate() {
        if begun && line.starts_with("---") {
            return Place { line: number + 1, column: 1 };
        }
        begun |= !line.trim().is_empty() && !line.starts_with(['#', '%']);
    }
    Place::START
}

/// What is shared by all branches of one reading.
#[derive(Default)]
struct Reading {
    scalar: RefCell<Option<Value>>,
    last: Cell<Option<Place>>,
    alias: RefCell<Option<Problem>>,
    repeated: RefCell<Vec<Problem>>,
}

impl Reading {
    fn put_aside<E: Error>(&self, value: Value) -> E {
        *self.scalar.borrow_mut() = Some(value);
        E::custom("")
    }

    /// The scalar that was put aside, and the place that came with its refusal. Places only grow, except through an
    /// alias; those are refused, because what counts should stand where a reviewer reads it.
    fn collect<E: Error>(&self, error: E) -> Result<Node, E> {
        let Some(value) = self.scalar.borrow_mut().take() else {
            return Err(error);
        };
        let place = place_in(&error.to_string());
        if self.last.get().is_some_and(|last| place <= last) {
            let problem = Problem::new(Code::Alias, "an alias (`*name`) stands for a value here");
            let last = self.last.get().unwrap_or(place);
            *self.alias.borrow_mut() = Some(
                problem
                    .at(last)
                    .hide()
                    .hint("write the value out: what counts should stand where it is read"),
            );
            return Err(error);
        }
        self.last.set(Some(place));
        Ok(Node { place, value })
    }
}

/// The end of an error's text; it says nothing for the very first character.
fn place_in(message: &str) -> Place {
    let numbers = || {
        let (_, place) = message.rsplit_once(" at line ")?;
        let (line, column) = place.split_once(" column ")?;
        Some(Place { line: line.parse().ok()?, column: column.parse().ok()? })
    };
    numbers().unwrap_or(Place::START)
}

#[derive(Clone)]
struct Branch<'a> {
    reading: &'a Reading,
    path: Path,
    place: Place,
}

impl<'de> DeserializeSeed<'de> for Branch<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let reading = self.reading;
        match deserializer.deserialize_any(self) {
            Err(error) => reading.collect(error),
            grown => grown,
        }
    }
}

impl<'de> Visitor<'de> for Branch<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Err(self.reading.put_aside(Value::Bool(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Err(self.reading.put_aside(Value::Whole(value)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
        Err(self.reading.put_aside(Value::Number("a negative number")))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        Err(self.reading.put_aside(Value::Number("a fraction")))
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Node, E> {
        Err(self.reading.put_aside(Value::Number("a huge number")))
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Node, E> {
        Err(self.reading.put_aside(Value::Number("a huge number")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Err(self.reading.put_aside(Value::Text(text.into())))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Err(self.reading.put_aside(Value::Null))
    }

    /// An empty file.
    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(self.grown(Value::Map(Vec::new())))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Node, A::Error> {
        Err(A::Error::custom(NO_TAGS))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.at(Step::Item(items.len()), None))? {
            items.push((items.len(), item));
        }
        Ok(self.grown(Value::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let (mut entries, mut places) = (Vec::new(), HashMap::new());
        while let Some(mut key) = map.next_key_seed(KeySeed(self.reading))? {
            let step = Step::Key(key.text.clone());
            let node = map.next_value_seed(self.at(step, Some(key.place)))?;
            let first = *places.entry(key.text.clone()).or_insert(key.place);
            if first != key.place {
                key.repeated = true;
                self.repeated(&key, first);
            }
            entries.push((key, node));
        }
        Ok(self.grown(Value::Map(entries)))
    }
}

impl Branch<'_> {
    fn at(&self, step: Step, place: Option<Place>) -> Self {
        Self {
            reading: self.reading,
            path: self.path.then(step),
            place: place.unwrap_or(self.place),
        }
    }

    /// A map inside a list has no key before it; its first own key is near enough.
    fn grown(self, value: Value) -> Node {
        let inside_list = matches!(self.path.steps().last(), Some(Step::Item(_)));
        let mut place = self.place;
        if let (true, Value::Map(entries)) = (inside_list, &value) {
            place = entries.first().map_or(place, |(key, _)| key.place);
        }
        Node { place, value }
    }

    fn repeated(&self, key: &Key, first: Place) {
        let path = self.path.then(Step::Key(key.text.clone()));
        let name = if is_plain(&key.text) { quoted(&key.text) } else { "of this name".into() };
        let problem = Problem::new(Code::RepeatedKey, format!("the key {name} stands here twice"))
            .at(key.place)
            .on(path.whole_secret().to_string())
            .hint(format!("the first is in line {}", first.line));
        self.reading.repeated.borrow_mut().push(problem);
    }
}

struct KeySeed<'a>(&'a Reading);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        let reading = self.0;
        let Err(error) = deserializer.deserialize_str(self) else {
            return Err(D::Error::custom("a key without a place"));
        };
        let Node { place, value } = reading.collect(error)?;
        let Value::Text(text) = value else {
            return Err(D::Error::custom("a key is text"));
        };
        Ok(Key { text, place, repeated: false })
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(A_KEY)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        Err(self.0.put_aside(Value::Text(text.into())))
    }
}
