//! What all instances of a service are told, as it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
}

impl Orders {
    /// A text that cannot be read, as one of a later version, says nothing.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(crate) fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn of(&mut self, process: &str) -> &mut Order {
        self.0.entry(process.to_owned()).or_default()
    }
}
