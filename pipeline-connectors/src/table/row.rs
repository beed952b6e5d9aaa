//! What can be written into a table.

use pipeline_runtime::{BoxError, guard};

use super::{ToValue, Value, ValueRef};

/// A row of a table: hands over its values in the order of the table's columns.
///
/// Tuples of up to twelve values and arrays are rows; [`Values`] is one whose length is known only at run time.
///
/// # Examples
///
/// ```
/// # use pipeline_connectors::sink::{Binder, TableRow};
/// # use pipeline_runtime::{BoxError, guard};
/// struct Post {
///     id: i64,
///     text: String,
///     language: Option<String>,
/// }
///
/// impl TableRow for Post {
///     fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError> {
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
    fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError>;
}

/// Takes the values of one row.
pub struct Binder<'a>(&'a mut dyn FnMut(ValueRef<'_>) -> Result<(), BoxError>);

impl Binder<'_> {
    /// Takes the value of the next column.
    pub fn value(&mut self, value: &dyn ToValue) -> Result<(), BoxError> {
        (self.0)(value.to_value()?)
    }

    /// Takes the values of the next columns.
    pub fn values(&mut self, values: &[&dyn ToValue]) -> Result<(), BoxError> {
        values.iter().try_for_each(|value| self.value(*value))
    }
}

impl std::fmt::Debug for Binder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Binder")
    }
}

/// Hands the row's values over; what it says of its own code is told by `refused`, a panic as it is.
pub(crate) fn bind<E: From<String>>(
    row: &impl TableRow,
    take: &mut dyn FnMut(ValueRef<'_>) -> Result<(), BoxError>,
    refused: impl FnOnce(BoxError) -> E,
) -> Result<(), E> {
    // What it says of its values is its own code, too.
    let bound = guard::call(|| row.bind(&mut Binder(take)).map_err(refused));
    bound.unwrap_or_else(|panicked| Err(format!("its `bind` {panicked}").into()))
}

/// How much of a text in a row's key is shown, in characters.
const SHOWN: usize = 100;

/// A value, as a message shows it.
pub(super) fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{:?}…", &text[..end]),
            None => format!("{text:?}"),
        },
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// A row whose length is known only at run time.
#[derive(Debug, Clone, PartialEq)]
pub struct Values(pub Vec<Value>);

impl TableRow for Values {
    fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError> {
        self.0.iter().try_for_each(|value| row.value(value))
    }
}

impl<T: ToValue + Send + 'static, const N: usize> TableRow for [T; N] {
    fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError> {
        self.iter().try_for_each(|value| row.value(value))
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: ToValue + Send + 'static, $($rest: ToValue + Send + 'static),*> TableRow for ($first, $($rest,)*) {
            fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError> {
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

/// What is said of a row that has too many values, or too few.
pub(crate) fn miscounted(values: usize, columns: usize) -> String {
    let many = |count, what| {
        if count == 1 {
            format!("1 {what}")
        } else {
            format!("{count} {what}s")
        }
    };
    format!(
        "it has {} for {}",
        many(values, "value"),
        many(columns, "column")
    )
}
