//! Errors of any type.

use std::error::Error;
use std::fmt;

/// A boxed error, as the cause of a failure holds it.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// An error and what it comes from, on one line, each once: many an error ends with the words of its source already.
pub(super) struct Chain<'a>(pub(super) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        let mut last = text_of(*error)?;
        f.write_str(&last)?;
        let mut source = error.source();
        while let Some(cause) = source {
            let text = text_of(cause)?;
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
            source = cause.source();
        }
        Ok(())
    }
}

/// As `to_string`, but an error that cannot be written is no panic.
fn text_of(error: &dyn Error) -> Result<String, fmt::Error> {
    use fmt::Write as _;

    let mut text = String::new();
    write!(text, "{error}")?;
    Ok(text)
}
