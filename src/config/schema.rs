//! The JSON schema of `gateway.yaml`, for editors and for CI.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::raw::Gateway;

/// The schema, draft 07: what editors understand. Everything stands where it is used, so that each key keeps its own
/// description and default.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<Gateway>().to_value();
    unwrap_lines(&mut schema);
    schema
}

/// Comments are wrapped, descriptions are not.
fn unwrap_lines(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            map.values_mut().for_each(unwrap_lines);
        }
        Value::Array(items) => items.iter_mut().for_each(unwrap_lines),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}
