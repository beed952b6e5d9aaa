//! What can be written into a table.

use rusqlite::types::{ToSql, Value};

/// A row of a table: hands over its values in the order of the table's columns.
///
/// Tuples of up to twelve values and arrays are rows; [`Values`] is one whose length is known only at run time.
///
/// # Examples
///
/// ```
/// # use pipeline_connectors::sink::{Binder, TableRow};
/// struct Post {
///     id: i64,
///     text: String,
///     language: Option<String>,
/// }
///
/// impl TableRow for Post {
///     fn bind(&self, row: &mut Binder<'_>) -> rusqlite::Result<()> {
///         row.values(&[&self.id, &self.text, &self.language])
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of a table",
    note = "implement `TableRow` for it, or make it a tuple of values, such as `(i64, String)`"
)]
pub trait TableRow: Send + 'static {
    /// Hands all its values to `row`.
    fn bind(&self, row: &mut Binder<'_>) -> rusqlite::Result<()>;
}

/// Takes the values of one row.
pub struct Binder<'a>(&'a mut dyn FnMut(&dyn ToSql) -> rusqlite::Result<()>);

impl<'a> Binder<'a> {
    pub(super) fn new(take: &'a mut dyn FnMut(&dyn ToSql) -> rusqlite::Result<()>) -> Self {
        Self(take)
    }

    /// Takes the value of the next column.
    pub fn value(&mut self, value: &dyn ToSql) -> rusqlite::Result<()> {
        (self.0)(value)
    }

    /// Takes the values of the next columns.
    pub fn values(&mut self, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
        values.iter().try_for_each(|value| self.value(*value))
    }
}

impl std::fmt::Debug for Binder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Binder")
    }
}

/// A row whose length is known only at run time.
#[derive(Debug, Clone, PartialEq)]
pub struct Values(pub Vec<Value>);

impl TableRow for Values {
    fn bind(&self, row: &mut Binder<'_>) -> rusqlite::Result<()> {
        self.0.iter().try_for_each(|value| row.value(value))
    }
}

impl<T: ToSql + Send + 'static, const N: usize> TableRow for [T; N] {
    fn bind(&self, row: &mut Binder<'_>) -> rusqlite::Result<()> {
        self.iter().try_for_each(|value| row.value(value))
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: ToSql + Send + 'static, $($rest: ToSql + Send + 'static),*> TableRow for ($first, $($rest,)*) {
            fn bind(&self, row: &mut Binder<'_>) -> rusqlite::Result<()> {
                #[expect(non_snake_case, reason = "the types name the values")]
                let ($first, $($rest,)*) = self;
                row.values(&[$first, $($rest),*])
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}
tuples!(A B C D E F G H I J K L);
