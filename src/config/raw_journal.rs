//! What may be typed about records.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Error, MapAccess};
use serde::ser::{Serialize, Serializer};

use super::raw::{Bytes, Span};
use super::raw_forms::{Forms, SecretRef};
use super::words::{Size, Spelled};

/// `decision_log`
#[derive(Debug, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct DecisionLog {
    /// Where records go: stdout, or a directory of their own.
    pub(super) to: To,
    /// Whether each record in JSON names the hash of the one before, so that nobody can change, remove or add one
    /// unnoticed. `botwarden audit verify` recomputes it.
    pub(super) chain: bool,
    /// An Ed25519 key, PEM: seals the chain every 5m or 1000 records, so that who can write to the log cannot make one
    /// of their own. null for no seals.
    pub(super) signing_key: Option<SecretRef>,
}

impl Default for DecisionLog {
    fn default() -> Self {
        Self { to: To::Stdout, chain: true, signing_key: None }
    }
}

/// `decision_log.to`
#[derive(Debug)]
pub(super) enum To {
    Stdout,
    Dir(Files),
}

/// `decision_log.to`, as a map
#[derive(Debug, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map with dir")]
#[schemars(extend("required" = ["dir"]))]
pub(super) struct Files {
    /// A directory for nothing else, of one gateway; made if it is not there. Only its owner may read it.
    #[schemars(with = "String", extend("pattern" = r"^\.{0,2}/"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dir: Option<String>,
    /// Files whose last record is older are removed.
    pub(super) keep: Span,
    /// The size from which on a new file begins; each day begins one, too.
    pub(super) rotate_at: Bytes,
}

impl Default for Files {
    fn default() -> Self {
        let keep = Spelled(Duration::from_hours(400 * 24));
        Self { dir: None, keep, rotate_at: Spelled(Size(64 << 20)) }
    }
}

const WORDS: &[&str] = &["stdout"];

impl Forms for To {
    const EXPECTED: &'static str = "`stdout`, or a map with dir";

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        match text {
            "stdout" => Ok(Self::Stdout),
            path if path.contains('/') => {
                Err(E::custom("a directory has a key of its own\n{dir: PATH}"))
            }
            other => Err(E::unknown_variant(other, WORDS)),
        }
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Files::deserialize(MapAccessDeserializer::new(map)).map(Self::Dir)
    }
}

impl Serialize for To {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Stdout => serializer.serialize_str("stdout"),
            Self::Dir(dir) => dir.serialize(serializer),
        }
    }
}

impl JsonSchema for To {
    fn schema_name() -> Cow<'static, str> {
        "To".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let dir = Files::json_schema(generator);
        json_schema!({"anyOf": [{"enum": WORDS}, dir]})
    }
}
