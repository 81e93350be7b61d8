//! Values that can be typed in more than one form. Each has a visitor of its own: serde's untagged enums would lose
//! the place of a mistake.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::raw_journal::To;
use super::raw_routes::UpstreamMap;

/// A value that is made from text, a list or a map; what is not overridden is refused.
pub(super) trait Forms: Sized {
    const EXPECTED: &'static str;

    fn from_text<E: Error>(text: &str) -> Result<Self, E>;

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;

    fn from_list<'de, A: SeqAccess<'de>>(_: A) -> Result<Self, A::Error> {
        let found = serde::de::Unexpected::Seq;
        Err(Error::invalid_type(found, &Self::EXPECTED))
    }
}

struct FormVisitor<T>(PhantomData<T>);

impl<'de, T: Forms> Visitor<'de> for FormVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}

macro_rules! forms {
    ($($form:ty),*) => {$(
        impl<'de> Deserialize<'de> for $form {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(FormVisitor(PhantomData))
            }
        }
    )*};
}
forms!(Demand, SecretRef, Secrets, To, Upstream);

/// Where a secret is; never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SecretRef {
    Credential(String),
    Env(String),
    File(String),
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SecretMap {
    credential: Option<String>,
    env: Option<String>,
    file: Option<String>,
}

const ONE_OF: &str = "one of {file: PATH}, {env: NAME} and {credential: NAME}";

/// What is told about a reference to two places, or to none.
pub(super) const NOT_ONE: &str =
    "a secret is exactly one of {file: PATH}, {env: NAME} and {credential: NAME}";

impl Forms for SecretRef {
    const EXPECTED: &'static str = ONE_OF;

    fn from_text<E: Error>(_: &str) -> Result<Self, E> {
        Err(E::custom("a secret must not be written here"))
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        match SecretMap::deserialize(MapAccessDeserializer::new(map))? {
            #[rustfmt::skip]
            SecretMap { credential: Some(name), env: None, file: None } => Ok(Self::Credential(name)),
            #[rustfmt::skip]
            SecretMap { credential: None, env: Some(name), file: None } => Ok(Self::Env(name)),
            #[rustfmt::skip]
            SecretMap { credential: None, env: None, file: Some(path) } => Ok(Self::File(path)),
            SecretMap { .. } => Err(Error::custom(NOT_ONE)),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Credential(name) => map.serialize_entry("credential", name)?,
            Self::Env(name) => map.serialize_entry("env", name)?,
            Self::File(path) => map.serialize_entry("file", path)?,
        }
        map.end()
    }
}

fn reference(key: &str, description: &str) -> serde_json::Value {
    serde_json::json!({
        "type": "object", "additionalProperties": false, "required": [key],
        "properties": {key: {"type": "string", "description": description}},
    })
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"oneOf": [
            reference("file", "The path of a file; one trailing newline is cut off."),
            reference("env", "The name of an environment variable."),
            reference("credential", "The name of a file in $CREDENTIALS_DIRECTORY, as systemd passes them."),
        ]})
    }
}

/// `webhook_secret`: one, or several while rotating.
#[derive(Clone, Debug)]
pub(super) enum Secrets {
    One(SecretRef),
    Several(Vec<SecretRef>),
}

impl SecretRef {
    /// The file that it names, where it names one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(file) => Some(file.into()),
            Self::Credential(_) | Self::Env(_) => None,
        }
    }
}

impl Secrets {
    pub(super) fn refs(&self) -> &[SecretRef] {
        match self {
            Self::One(secret) => std::slice::from_ref(secret),
            Self::Several(secrets) => secrets,
        }
    }
}

impl Forms for Secrets {
    const EXPECTED: &'static str = "a secret, or a list of them";

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        SecretRef::from_text(text).map(Self::One)
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        SecretRef::from_map(map).map(Self::One)
    }

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self::Several)
    }
}

impl Serialize for Secrets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(secret) => secret.serialize(serializer),
            Self::Several(secrets) => secrets.serialize(serializer),
        }
    }
}

impl JsonSchema for Secrets {
    fn schema_name() -> Cow<'static, str> {
        "Secrets".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = SecretRef::json_schema(generator);
        json_schema!({"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]})
    }
}

/// One of `resources`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    Deny,
    Room,
    SignatureOnly(Because),
}

#[derive(
    Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, JsonSchema,
)]
#[serde(deny_unknown_fields, default, expecting = "a map with because")]
#[schemars(extend("required" = ["because"]))]
pub(super) struct Because {
    /// Why the signature alone is enough; part of every record.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) because: String,
}

#[derive(Default, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["signature_only"]))]
struct DemandMap {
    /// The signature alone is enough; nobody asks who is in the room.
    #[schemars(with = "Because")]
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_only: Option<Because>,
}

const DEMANDS: &[&str] = &["room", "deny"];

impl Forms for Demand {
    const EXPECTED: &'static str = "`room`, `deny` or {signature_only: {because: TEXT}}";

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        match text {
            "deny" => Ok(Self::Deny),
            "room" => Ok(Self::Room),
            "signature_only" => Err(E::custom(
                "`signature_only` needs its reason\n{signature_only: {because: TEXT}}",
            )),
            other => Err(E::unknown_variant(other, DEMANDS)),
        }
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let map = DemandMap::deserialize(MapAccessDeserializer::new(map))?;
        map.signature_only
            .map(Self::SignatureOnly)
            .ok_or_else(|| Error::custom(format!("it must be {}", Self::EXPECTED)))
    }
}

impl Serialize for Demand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Deny => serializer.serialize_str("deny"),
            Self::Room => serializer.serialize_str("room"),
            Self::SignatureOnly(because) => {
                let signature_only = Some(because.clone());
                DemandMap { signature_only }.serialize(serializer)
            }
        }
    }
}

impl JsonSchema for Demand {
    fn schema_name() -> Cow<'static, str> {
        "Demand".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"enum": DEMANDS}, DemandMap::json_schema(generator)]})
    }
}

/// `upstream`
#[derive(Debug, Default)]
pub(super) struct Upstream {
    pub(super) map: UpstreamMap,
    /// Whether only the URL was typed.
    pub(super) short: bool,
}

impl Forms for Upstream {
    const EXPECTED: &'static str = "a URL, or a map with url";

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        let url = Some(text.to_owned());
        Ok(Self { map: UpstreamMap { url, ..UpstreamMap::default() }, short: true })
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let map = UpstreamMap::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self { map, short: false })
    }
}

impl Serialize for Upstream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.map.serialize(serializer)
    }
}

impl JsonSchema for Upstream {
    fn schema_name() -> Cow<'static, str> {
        "Upstream".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = UpstreamMap::json_schema(generator);
        json_schema!({"anyOf": [{"type": "string", "pattern": "^(https?://|unix:/)"}, map]})
    }
}
