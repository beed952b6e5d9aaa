//! What a message in the file can carry.

use pipeline_runtime::queue::Body;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// The body of a message in a SQLite queue: a `String` or a `Vec<u8>`.
#[diagnostic::on_unimplemented(
    message = "a SQLite queue holds no `{Self}`",
    note = "its bodies are `String` or `Vec<u8>`; with the feature `json`, `queue.json::<T>()` makes JSON of any type of serde's"
)]
pub trait QueueBody: Body + sealed::Sealed {
    /// How the file names the type.
    #[doc(hidden)]
    const KIND: &'static str;
    #[doc(hidden)]
    fn stored(&self) -> Stored<'_>;
}

/// A body as a parameter of a statement.
#[derive(Debug)]
pub struct Stored<'a>(ValueRef<'a>);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

impl QueueBody for String {
    const KIND: &'static str = "text";
    fn stored(&self) -> Stored<'_> {
        Stored(ValueRef::Text(self.as_bytes()))
    }
}

impl QueueBody for Vec<u8> {
    const KIND: &'static str = "bytes";
    fn stored(&self) -> Stored<'_> {
        Stored(ValueRef::Blob(self))
    }
}

mod sealed {
    /// And what SQLite can be asked for.
    pub trait Sealed: rusqlite::types::FromSql {}
    impl Sealed for String {}
    impl Sealed for Vec<u8> {}
}
