//! Values of rows.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use pipeline_runtime::BoxError;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The same, borrowed from a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// `NULL`.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

/// What can be a value of a row: numbers, `bool`, text, bytes, `Option`s of them, and what holds one.
///
/// # Examples
///
/// ```
/// use pipeline_connectors::sink::{ToValue, ValueRef};
/// use pipeline_runtime::BoxError;
///
/// enum Language {
///     English,
///     Other(String),
/// }
///
/// impl ToValue for Language {
///     fn to_value(&self) -> Result<ValueRef<'_>, BoxError> {
///         match self {
///             Self::English => "en".to_value(),
///             Self::Other(name) => name.to_value(),
///         }
///     }
/// }
///
/// assert_eq!(Language::English.to_value()?, ValueRef::Text("en"));
/// # Ok::<(), BoxError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value of a row",
    note = "implement `ToValue` for it, or make it a number, a text or bytes"
)]
pub trait ToValue {
    /// As what it is kept.
    ///
    /// # Errors
    ///
    /// If it cannot be kept, as a `u64` that is no `i64`: the row fails.
    fn to_value(&self) -> Result<ValueRef<'_>, BoxError>;
}

impl ToValue for Value {
    fn to_value(&self) -> Result<ValueRef<'_>, BoxError> {
        Ok(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        })
    }
}

impl ToValue for ValueRef<'_> {
    fn to_value(&self) -> Result<ValueRef<'_>, BoxError> {
        Ok(*self)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Result<ValueRef<'_>, BoxError> {
        self.as_ref().map_or(Ok(ValueRef::Null), T::to_value)
    }
}

impl<T: ToValue + ToOwned + ?Sized> ToValue for Cow<'_, T> {
    fn to_value(&self) -> Result<ValueRef<'_>, BoxError> {
        T::to_value(self)
    }
}

macro_rules! values {
    ($($type:ty: $value:ident => $made:expr;)*) => { $(
        impl ToValue for $type {
            fn to_value(&self) -> Result<ValueRef<'_>, BoxError> {
                let $value = self;
                Ok($made)
            }
        }
    )* };
}

values! {
    i8: number => ValueRef::Integer((*number).into());
    i16: number => ValueRef::Integer((*number).into());
    i32: number => ValueRef::Integer((*number).into());
    i64: number => ValueRef::Integer(*number);
    isize: number => ValueRef::Integer((*number).try_into()?);
    u8: number => ValueRef::Integer((*number).into());
    u16: number => ValueRef::Integer((*number).into());
    u32: number => ValueRef::Integer((*number).into());
    u64: number => ValueRef::Integer((*number).try_into()?);
    usize: number => ValueRef::Integer((*number).try_into()?);
    f32: number => ValueRef::Real((*number).into());
    f64: number => ValueRef::Real(*number);
    bool: truth => ValueRef::Integer((*truth).into());
    str: text => ValueRef::Text(text);
    String: text => ValueRef::Text(text);
    [u8]: bytes => ValueRef::Blob(bytes);
    Vec<u8>: bytes => ValueRef::Blob(bytes);
}

impl<const N: usize> ToValue for [u8; N] {
    fn to_value(&self) -> Result<ValueRef<'_>, BoxError> {
        Ok(ValueRef::Blob(self))
    }
}

macro_rules! holders {
    ($($type:ty),*) => { $(
        impl<T: ToValue + ?Sized> ToValue for $type {
            fn to_value(&self) -> Result<ValueRef<'_>, BoxError> {
                T::to_value(self)
            }
        }
    )* };
}

holders!(&T, Box<T>, Rc<T>, Arc<T>);

macro_rules! from {
    ($($type:ty => $case:ident),*) => { $(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$case(value.into())
            }
        }
    )* };
}

from!(i32 => Integer, i64 => Integer, u32 => Integer, f64 => Real, &str => Text, String => Text, Vec<u8> => Blob);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_value_is_that_value_and_what_does_not_fit_is_an_error() {
        let text: &dyn ToValue = &Some(Cow::Borrowed("a"));
        assert_eq!(text.to_value().unwrap(), ValueRef::Text("a"));
        let none: &dyn ToValue = &None::<Arc<str>>;
        assert_eq!(none.to_value().unwrap(), ValueRef::Null);
        assert_eq!([1, 2].to_value().unwrap(), ValueRef::Blob(&[1, 2]));
        assert_eq!(7_u64.to_value().unwrap(), ValueRef::Integer(7));
        assert!(u64::MAX.to_value().is_err());
    }
}
