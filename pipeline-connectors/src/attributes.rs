//! Attributes of a message as a column keeps them: a JSON object, or nothing where there are none.

use pipeline_runtime::queue::Attributes;

pub(crate) fn to_json(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    Some(serde_json::json!(attributes).to_string())
}

/// What other programs have written may be anything.
pub(crate) fn from_json(json: Option<&str>) -> Result<Attributes, serde_json::Error> {
    json.map_or_else(|| Ok(Attributes::new()), serde_json::from_str)
}
