//! Dead letters in a file, and their way back.

mod replay;
mod rows;
mod schema;
mod select;
mod store;

pub(in crate::sqlite) use schema::are_there;
pub use store::{SqliteLetters, SqliteLettersBuilder};
