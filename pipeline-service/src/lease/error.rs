//! What a place of leases says when it cannot be reached.

use std::error::Error;
use std::fmt;

use pipeline_runtime::BoxError;

/// A place of leases, or of ticks, that cannot be reached.
#[derive(Debug)]
pub struct LeaseError(BoxError);

impl LeaseError {
    /// What the place said.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pipeline_runtime::guard::text(&self.0))
    }
}

impl Error for LeaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        pipeline_runtime::guard::source(&*self.0)
    }
}
