//! A failure as a stack of frames, on one line.

use std::fmt;

use super::cause::Cause;

/// The frames that a task had passed when it failed; [`Failure::stack`](super::Failure::stack) makes it, `Display`
/// writes it.
pub struct Stack<'a> {
    pub(super) frames: &'a [&'static str],
    pub(super) stage: &'a str,
    pub(super) cause: &'a Cause,
    pub(super) attempts: u32,
}

impl fmt::Display for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_frames(f, self.frames)?;
        write_failed(f, self.stage, self.cause, self.attempts)
    }
}

impl fmt::Debug for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Frames that were passed.
pub(crate) fn write_frames(
    f: &mut fmt::Formatter<'_>,
    frames: impl IntoIterator<Item: fmt::Display>,
) -> fmt::Result {
    frames
        .into_iter()
        .try_for_each(|frame| write!(f, "{frame} → "))
}

/// The end of a stack that has failed.
pub(crate) fn write_failed(
    f: &mut fmt::Formatter<'_>,
    stage: &str,
    cause: impl fmt::Display,
    attempts: u32,
) -> fmt::Result {
    write!(f, "FAILED at {stage} ({}", OneLine(cause))?;
    if attempts > 1 {
        write!(f, ", attempt {attempts}")?;
    }
    f.write_str(")")
}

/// Writes a value with its line breaks escaped.
pub(super) struct OneLine<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;

        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for (index, line) in text.split('\n').enumerate() {
                    if index > 0 {
                        self.0.write_str("\\n")?;
                    }
                    self.0.write_str(line)?;
                }
                Ok(())
            }
        }
        write!(Escaping(f), "{}", self.0)
    }
}
