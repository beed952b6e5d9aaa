//! The links that a pipeline takes from and drives into, as they are seen by who starts and stops several pipelines.

use std::sync::{Arc, Mutex, PoisonError};

use crate::name::Name;
use crate::named::debug_by_name;

/// A link, whatever goes through it.
pub(crate) trait Joins: Send + Sync {
    fn name(&self) -> &Name;

    /// It does not end, until [`Joins::let_end`] was called as often.
    fn keep_open(&self);

    fn let_end(&self);

    /// Nothing more can be put.
    fn close(&self);

    /// Whether it has had a sink.
    fn has_begun(&self) -> bool;

    /// Whether it has had an input.
    fn was_taken_from(&self) -> bool;

    /// Whether there is a pipeline that takes from it.
    fn is_taken_from(&self) -> bool;
}

/// The links of a pipeline, and of those that are its inputs.
#[derive(Default)]
pub struct Links(Mutex<Vec<End>>);

debug_by_name!(Links);

/// One end of a link.
#[derive(Clone)]
pub(crate) struct End {
    pub(crate) link: Arc<dyn Joins>,
    /// Something is driven into it; else it is taken from.
    pub(crate) is_sink: bool,
}

impl Links {
    pub(crate) fn add(&self, link: Arc<dyn Joins>, is_sink: bool) {
        self.extend([End { link, is_sink }]);
    }

    pub(crate) fn all(&self) -> Vec<End> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Those of a pipeline that becomes an input.
    pub(crate) fn extend(&self, ends: impl IntoIterator<Item = End>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(ends);
    }
}
