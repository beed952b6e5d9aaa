//! What a message in a database can carry.

use pipeline_runtime::queue::Body;

/// The body of a message in a database: a `String` or a `Vec<u8>`.
#[diagnostic::on_unimplemented(
    message = "a queue in a database holds no `{Self}`",
    note = "its bodies are `String` or `Vec<u8>`; with the feature `json`, `queue.json::<T>()` makes JSON of any type of serde's"
)]
pub trait QueueBody: Body + sealed::Sealed {
    /// How the database names the type.
    #[doc(hidden)]
    const KIND: &'static str;
    #[doc(hidden)]
    fn stored(&self) -> Stored<'_>;
}

/// A body as the database keeps it.
#[derive(Debug, Clone, Copy)]
pub enum Stored<'a> {
    /// As text.
    Text(&'a str),
    /// As bytes.
    Bytes(&'a [u8]),
}

impl QueueBody for String {
    const KIND: &'static str = "text";
    fn stored(&self) -> Stored<'_> {
        Stored::Text(self)
    }
}

impl QueueBody for Vec<u8> {
    const KIND: &'static str = "bytes";
    fn stored(&self) -> Stored<'_> {
        Stored::Bytes(self)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for String {}
    impl Sealed for Vec<u8> {}
}
