//! The forms: one file each with its grammar, check, expansion and user documentation.

pub(crate) mod batch;
pub(crate) mod by;
pub(crate) mod commit;
pub(crate) mod dedup;
pub(crate) mod filter;
pub(crate) mod filter_map;
pub(crate) mod flat_map;
pub(crate) mod fold;
pub(crate) mod forget;
mod form;
pub(crate) mod let_;
pub(crate) mod map;
pub(crate) mod mapduce;
pub(crate) mod pop_task;
pub(crate) mod push_task;
pub(crate) mod skip;
mod state;
pub(crate) mod stateful;
pub(crate) mod tap;
pub(crate) mod through;
pub(crate) mod weigh;

pub(crate) use form::{Form, Key, Kind, Place};

/// The forms that are written `name(arguments)`, in the order of the documentation.
static KINDS: &[&Kind] = &[
    &map::KIND,
    &filter::KIND,
    &filter_map::KIND,
    &flat_map::KIND,
    &tap::KIND,
    &batch::KIND,
    &dedup::KIND,
    &stateful::KIND,
    &fold::KIND,
    &push_task::KIND,
    &mapduce::KIND,
    &forget::KIND,
    &pop_task::KIND,
    &through::KIND,
];

pub(crate) fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// How they are written.
#[cfg(test)]
pub(crate) fn usages() -> impl Iterator<Item = &'static str> {
    KINDS.iter().flat_map(|kind| kind.usage.iter().copied())
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}
