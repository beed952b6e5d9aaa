//! What travels with a message beside its body.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What travels with a message beside its body: a text for each of some names, as `traceparent`. It is the same at every
/// delivery, goes along into a dead letter, and from there back into the queue.
///
/// A clone is a handle. In the order of their names; a name has one value.
///
/// # Examples
///
/// ```
/// # use pipeline_runtime::queue::Attributes;
/// let attributes = Attributes::from([("tenant", "a7"), ("kind", "order")]);
/// assert_eq!(attributes.get("tenant"), Some("a7"));
/// assert_eq!(attributes.get("colour"), None);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Attributes(Option<Arc<BTreeMap<String, String>>>);

/// What tells of a trace is no longer than this, in bytes.
const LONGEST: usize = 512;

impl Attributes {
    /// The name of the attribute that says of what [kind](crate::queue::Outgoing::kind) a message is.
    pub const KIND: &'static str = "kind";

    /// The name of the attribute that says in which trace a message is, and of which work it is a part, as
    /// [W3C has it](https://www.w3.org/TR/trace-context/). It goes on to what is [sent](crate::queue::Queue::sink) for the
    /// message.
    pub const TRACEPARENT: &'static str = "traceparent";

    /// The name of the attribute with what else is told of a trace. It goes where [`TRACEPARENT`](Self::TRACEPARENT) goes.
    pub const TRACESTATE: &'static str = "tracestate";

    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.get(name).map(String::as_str)
    }

    /// What says in which trace a message is, if it is written as it has to be.
    pub(crate) fn traceparent(&self) -> Option<&str> {
        let is_hex = |part: &str| {
            part.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let traceparent = self.get(Self::TRACEPARENT)?;
        let mut parts = traceparent.split('-');
        // What a later version adds stands behind these four.
        let is_one = [2, 32, 16, 2].into_iter().all(|length| {
            let part = parts.next();
            part.is_some_and(|part| part.len() == length && is_hex(part))
        });
        let is_whole = parts.next().is_none() || !traceparent.starts_with("00");
        (is_one && is_whole && traceparent.len() <= LONGEST).then_some(traceparent)
    }

    /// What else is told of the trace. The standard has nothing longer.
    pub(crate) fn tracestate(&self) -> Option<&str> {
        let tracestate = self.get(Self::TRACESTATE)?;
        (!tracestate.is_empty() && tracestate.len() <= LONGEST).then_some(tracestate)
    }

    /// Sets the value of a name. What other handles know stays as it is.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let all = self.0.get_or_insert_default();
        Arc::make_mut(all).insert(name.into(), value.into());
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().flat_map(|all| all.iter());
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(all: I) -> Self {
        let all = all.into_iter();
        let all = all.map(|(name, value)| (name.into(), value.into()));
        all.collect::<BTreeMap<_, _>>().into()
    }
}

impl<N: Into<String>, V: Into<String>, const LEN: usize> From<[(N, V); LEN]> for Attributes {
    fn from(all: [(N, V); LEN]) -> Self {
        all.into_iter().collect()
    }
}

impl From<BTreeMap<String, String>> for Attributes {
    fn from(all: BTreeMap<String, String>) -> Self {
        Self((!all.is_empty()).then(|| Arc::new(all)))
    }
}

impl From<Attributes> for BTreeMap<String, String> {
    fn from(Attributes(all): Attributes) -> Self {
        all.map_or_else(Self::new, Arc::unwrap_or_clone)
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
