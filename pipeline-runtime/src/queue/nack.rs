//! A delivery that is given back, and why.

use std::fmt;
use std::sync::Arc;

use super::Receipt;
use crate::failure::{BRIEF, brief};

/// A delivery that is given back, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nack {
    /// Stands for the delivery.
    pub receipt: Receipt,
    /// The failure, no longer than [`Nack::LONGEST`]; `None` where there was none, and what the queue knows of an earlier one
    /// stays.
    pub error: Option<Arc<str>>,
}

impl Nack {
    /// So many bytes of an error are kept.
    pub const LONGEST: usize = BRIEF;

    /// Of a delivery that has not failed.
    #[must_use]
    pub fn new(receipt: Receipt) -> Self {
        Self {
            receipt,
            error: None,
        }
    }

    /// The same of one that has failed so. Of a long text the beginning is kept.
    #[must_use]
    pub fn error(mut self, error: impl fmt::Display) -> Self {
        self.error = Some(brief(&error));
        self
    }
}
