//! Errors of any type.

use std::error::Error;
use std::fmt;

use crate::guard;

/// A boxed error, as the cause of a failure holds it.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// An error and what it comes from, on one line, each once: many an error ends with the words of its source already.
pub(super) struct Chain<'a>(pub(super) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        let mut last = guard::text(error);
        f.write_str(&last)?;
        let mut source = guard::source(*error);
        while let Some(cause) = source {
            let text = guard::text(cause);
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
            source = guard::source(cause);
        }
        Ok(())
    }
}
