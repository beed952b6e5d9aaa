//! A row, as serde reads it: a struct or a map by the names of its columns, a tuple by their order, the value of its only
//! column.

use pipeline_runtime::guard;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use tokio_postgres::Row;

use super::cell::{Cell, Problem};
use super::form::Column;

/// Reads a row; a panic of the type's own code is an error of it, too.
pub(super) fn read<R: DeserializeOwned>(row: &Row, columns: &[Column]) -> Result<R, String> {
    let cells = Cells {
        row,
        columns,
        next: 0,
    };
    let read = guard::call(|| R::deserialize(cells).map_err(|Problem(said)| said));
    read.unwrap_or_else(|panicked| Err(format!("its `Deserialize` {panicked}")))
}

struct Cells<'a> {
    row: &'a Row,
    columns: &'a [Column],
    next: usize,
}

impl<'a> Cells<'a> {
    /// The only value.
    fn only(&self) -> Result<Cell<'a>, Problem> {
        match self.columns {
            [column] => Cell::read(self.row, 0, column.form),
            columns => Err(Problem(format!(
                "it has {} columns, and one is asked for; read a struct or a tuple, or name the column",
                columns.len()
            ))),
        }
    }

    fn next<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        let column = &self.columns[self.next];
        let cell = Cell::read(self.row, self.next, column.form);
        self.next += 1;
        let value = cell.and_then(|cell| seed.deserialize(cell));
        value.map_err(|Problem(said)| Problem(format!("its `{}`: {said}", column.name)))
    }
}

macro_rules! only {
    ($($method:ident($($name:ident: $of:ty),*))*) => { $(
        fn $method<V: Visitor<'a>>(self, $($name: $of,)* visitor: V) -> Result<V::Value, Problem> {
            self.only()?.$method($($name,)* visitor)
        }
    )* };
}

impl<'a> Deserializer<'a> for Cells<'a> {
    type Error = Problem;

    only! {
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_map(self)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_map(self)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_map(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_seq(self)
    }

    fn deserialize_tuple<V: Visitor<'a>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let columns = self.columns.len();
        if columns != length {
            return Err(Problem(format!(
                "it has {columns} columns, and {length} are asked for; name those to read with `columns`"
            )));
        }
        visitor.visit_seq(self)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    /// A row is there; the value of its only column may not be.
    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.columns {
            [_] => self.only()?.deserialize_option(visitor),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }
}

impl<'a> MapAccess<'a> for Cells<'a> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        let column = self.columns.get(self.next);
        let key = column.map(|column| seed.deserialize(StrDeserializer::new(&column.name)));
        key.transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Problem> {
        self.next(seed)
    }
}

impl<'a> SeqAccess<'a> for Cells<'a> {
    type Error = Problem;

    fn next_element_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Problem> {
        if self.next == self.columns.len() {
            return Ok(None);
        }
        self.next(seed).map(Some)
    }
}
