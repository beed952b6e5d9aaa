//! Where shapes come from: lines of files, rows of a table, or made up.

mod generated;
mod lines;
#[cfg(feature = "postgres")]
pub mod rows;

use brigade::source::Line;

pub use generated::{Generated, generated};
pub use lines::{bare, is_feature, is_shape, key_of};

/// What comes from there.
pub trait Given: Send + 'static {
    /// How long its text is.
    fn bytes(&self) -> usize;

    /// It as a line with a shape on it.
    fn line(self) -> Line;
}

impl Given for Line {
    fn bytes(&self) -> usize {
        self.len()
    }

    fn line(self) -> Line {
        self
    }
}
