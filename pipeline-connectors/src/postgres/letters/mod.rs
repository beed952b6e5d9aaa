//! Dead letters in a database, and their way back.

mod replay;
mod rows;
mod store;

pub use store::{PostgresLetters, PostgresLettersBuilder};
