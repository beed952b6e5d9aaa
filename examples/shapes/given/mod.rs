//! Where shapes come from: lines of files, or made up.

mod generated;
mod lines;

pub use generated::{Generated, generated};
pub use lines::{bare, is_feature, is_shape, key_of};
