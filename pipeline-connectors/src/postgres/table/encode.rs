//! Rows, column by column, as the server reads arrays: so that any number of them are sent with one statement.

use std::borrow::Cow;

use bytes::BytesMut;
use pipeline_runtime::BoxError;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::columns::{Column, Takes};
use crate::table::{TableRow, ValueRef, bind, miscounted};

/// The most bytes of a row: what is sent may grow on its way, and the server takes a gigabyte.
const LARGEST_ROW: usize = 512 << 20;

/// Rows, column by column.
#[derive(Debug)]
pub(super) struct Encoded {
    columns: Vec<Values>,
}

/// The values of a column, each behind its length.
#[derive(Debug, Default)]
struct Values {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Encoded {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.iter().map(|_| Values::default()).collect(),
        }
    }

    /// Takes a row, or says what is wrong with it.
    pub(super) fn push(&mut self, columns: &[Column], row: &impl TableRow) -> Result<(), String> {
        let rows = self.rows();
        let pushed = self.try_push(columns, row);
        if pushed.is_err() {
            let values = self.columns.iter_mut();
            values.for_each(|values| values.truncate(rows));
        }
        pushed
    }

    fn try_push(&mut self, columns: &[Column], row: &impl TableRow) -> Result<(), String> {
        let (mut count, mut size) = (0, 0);
        let mut take = |value: ValueRef<'_>| {
            if let (Some(column), Some(values)) = (columns.get(count), self.columns.get_mut(count))
            {
                size += values.push(column, value)?;
            }
            count += 1;
            Ok(())
        };
        bind(row, &mut take, |error| error.to_string())?;
        if count != columns.len() {
            let columns = columns.len();
            return Err(miscounted(count, columns));
        }
        if size > LARGEST_ROW {
            return Err("it is larger than 512 MiB".into());
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> usize {
        self.columns.first().map_or(0, |values| values.ends.len())
    }

    /// How many bytes a row has.
    pub(super) fn size(&self, row: usize) -> usize {
        self.columns.iter().map(|values| values.of(row).len()).sum()
    }

    /// What tells a row from others: nothing where a part of the key is `NULL`, which is like no other.
    pub(super) fn key(&self, row: usize, key: &[usize]) -> Option<Vec<&[u8]>> {
        let parts = key.iter().map(|column| {
            let value = self.columns[*column].of(row);
            (!value.starts_with(&NULL)).then_some(value)
        });
        parts.collect()
    }

    /// Of these rows the values of that column.
    pub(super) fn of<'e>(&'e self, column: usize, element: Type, rows: &'e [usize]) -> Array<'e> {
        Array {
            values: &self.columns[column],
            element,
            rows,
        }
    }
}

/// The length of no value.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

impl Values {
    fn of(&self, row: usize) -> &[u8] {
        let begin = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[begin..self.ends[row]]
    }

    /// Takes a value as the column takes it. How many bytes that is.
    fn push(&mut self, column: &Column, value: ValueRef<'_>) -> Result<usize, BoxError> {
        let name = &column.name;
        let refused =
            |value: String| format!("its `{name}` is {}, and takes no {value}", column.of);
        match (column.takes, value) {
            (_, ValueRef::Null) => Ok(self.end(&NULL, &[])),
            (Takes::Whole(bits), ValueRef::Integer(number)) => {
                let most = i64::MAX >> (64 - bits);
                if !(-most - 1..=most).contains(&number) {
                    return Err(refused(number.to_string()).into());
                }
                Ok(self.value(&number.to_be_bytes()))
            }
            (Takes::Real, ValueRef::Integer(number)) => {
                Ok(self.value(&(number as f64).to_be_bytes()))
            }
            (Takes::Real, ValueRef::Real(number)) => Ok(self.value(&number.to_be_bytes())),
            (Takes::Truth, ValueRef::Integer(number @ 0..=1)) => {
                Ok(self.value(&[u8::from(number == 1)]))
            }
            (Takes::Bytes, ValueRef::Blob(bytes)) => Ok(self.value(bytes)),
            (Takes::Bytes, ValueRef::Text(text)) => Ok(self.value(text.as_bytes())),
            (Takes::Text(longest), value) => {
                let text = match value {
                    ValueRef::Text(text) => Cow::Borrowed(text),
                    ValueRef::Integer(number) => number.to_string().into(),
                    ValueRef::Real(number) => number.to_string().into(),
                    ValueRef::Blob(_) | ValueRef::Null => {
                        return Err(refused("bytes".into()).into());
                    }
                };
                if text.contains('\0') {
                    return Err(format!(
                        "its `{name}` has a NUL, which PostgreSQL cannot keep in a text"
                    )
                    .into());
                }
                // Blanks at its end may be cut off.
                let text = &*text;
                if let Some(longest) = longest.filter(|longest| text.len() > *longest)
                    && text.trim_end_matches(' ').chars().count() > longest
                {
                    let long = text.chars().count();
                    return Err(format!(
                        "its `{name}` is {}, and takes no {long} characters",
                        column.of
                    )
                    .into());
                }
                Ok(self.value(text.as_bytes()))
            }
            (_, ValueRef::Text(_)) => Err(refused("text".into()).into()),
            (_, ValueRef::Blob(_)) => Err(refused("bytes".into()).into()),
            (_, ValueRef::Integer(number)) => Err(refused(number.to_string()).into()),
            (_, ValueRef::Real(number)) => Err(refused(number.to_string()).into()),
        }
    }

    fn value(&mut self, bytes: &[u8]) -> usize {
        // One that does not fit makes the row too large.
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        self.end(&length.to_be_bytes(), bytes)
    }

    fn end(&mut self, length: &[u8], bytes: &[u8]) -> usize {
        self.bytes.extend_from_slice(length);
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        length.len() + bytes.len()
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

/// Some values of a column.
#[derive(Debug)]
pub(super) struct Array<'e> {
    values: &'e Values,
    element: Type,
    rows: &'e [usize],
}

impl ToSql for Array<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        let count = i32::try_from(self.rows.len())?;
        let (dimensions, has_nulls) = (1_i32, 1_i32);
        out.extend_from_slice(&dimensions.to_be_bytes());
        out.extend_from_slice(&has_nulls.to_be_bytes());
        out.extend_from_slice(&self.element.oid().to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        let first = 1_i32;
        out.extend_from_slice(&first.to_be_bytes());
        for row in self.rows {
            out.extend_from_slice(self.values.of(*row));
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
