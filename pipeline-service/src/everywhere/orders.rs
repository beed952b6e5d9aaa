//! What all instances of a service are told, as it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::wrong;

/// By process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Orders(pub(crate) BTreeMap<String, Order>);

/// What a process is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// `None` where nobody has said anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<bool>,
    /// By stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) counts: BTreeMap<String, usize>,
    /// What a later version says besides; it is kept.
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Orders {
    /// None where nobody has said anything. What cannot be read, as that of a later version, is to be left as it is.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let read = serde_json::from_str(text);
        read.map_err(|error| format!("what is kept cannot be read: it is {}", wrong(&error)))
    }

    pub(crate) fn written(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| wrong(&error))
    }

    pub(crate) fn of(&mut self, process: &str) -> &mut Order {
        self.0.entry(process.to_owned()).or_default()
    }
}
