//! What a last line without a line end is.

/// What a last line without a line end is, where the input has ended in an orderly way. After an error it is always a
/// failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LastLine {
    /// A failure: the other end may have been cut off in the middle of it.
    #[default]
    Fail,
    /// A line like the others, as in a file.
    Emit,
}
