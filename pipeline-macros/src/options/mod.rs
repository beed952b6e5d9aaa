//! The options of `with { … }`: one file each with what it takes, where it means something, and what it emits.

pub(crate) mod buffer;
pub(crate) mod by;
pub(crate) mod groups;
pub(crate) mod held;
pub(crate) mod lossy;
pub(crate) mod most;
pub(crate) mod name;
pub(crate) mod once;
mod pool;
pub(crate) mod rate;
pub(crate) mod retry;
mod spec;
pub(crate) mod timeout;
pub(crate) mod unordered;
pub(crate) mod weight;
mod window;
pub(crate) mod within;

pub(crate) use spec::{Emit, Given, Host, Misfit, Options, Spec, Takes, Value};

/// All of them, in the order of the documentation.
static OPTIONS: &[&Spec] = &[
    &name::SPEC,
    &buffer::SPEC,
    &window::SPEC,
    &unordered::SPEC,
    &by::SPEC,
    &timeout::SPEC,
    &retry::SPEC,
    &rate::SPEC,
    &pool::SPEC,
    &once::SPEC,
    &groups::SPEC,
    &weight::SPEC,
    &held::SPEC,
    &most::SPEC,
    &within::SPEC,
    &lossy::SPEC,
];

pub(crate) fn named(name: &str) -> Option<&'static Spec> {
    OPTIONS.iter().copied().find(|spec| spec.name == name)
}

/// How they are written.
#[cfg(test)]
pub(crate) fn usages() -> impl Iterator<Item = String> {
    OPTIONS.iter().map(|spec| spec.usage())
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|spec| spec.name)
}
