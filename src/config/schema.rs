//! The JSON schema of `gateway.yaml`, for editors and for CI.

use schemars::generate::SchemaSettings;

use super::raw::Gateway;

/// The schema, draft 07: what editors understand. Everything stands where it is used, so that each key keeps its own
/// description and default.
pub fn schema() -> serde_json::Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Gateway>().to_value()
}
