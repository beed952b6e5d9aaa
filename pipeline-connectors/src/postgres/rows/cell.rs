//! A value of a row, as serde reads it.

use std::fmt;

use serde::de::value::SeqDeserializer;
use serde::de::{Deserializer, Error, IntoDeserializer, Visitor};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::form::Form;

/// Why something is not what is asked for.
#[derive(Debug)]
pub(super) struct Problem(pub(super) String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

impl Error for Problem {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Self(said.to_string())
    }
}

/// A value, and what it stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    value: Raw<'a>,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Raw<'a> {
    Null,
    Whole(i64),
    Real(f64),
    Truth(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Cell<'a> {
    pub(super) fn read(row: &'a Row, index: usize, form: Form) -> Result<Self, Problem> {
        let read = |error: tokio_postgres::Error| Problem(error.to_string());
        let value = match *row.columns()[index].type_() {
            Type::INT2 => row.try_get::<_, Option<i16>>(index).map(whole),
            Type::INT4 => row.try_get::<_, Option<i32>>(index).map(whole),
            Type::INT8 => row.try_get::<_, Option<i64>>(index).map(whole),
            Type::OID => row.try_get::<_, Option<u32>>(index).map(whole),
            Type::FLOAT4 => row.try_get::<_, Option<f32>>(index).map(real),
            Type::FLOAT8 => row.try_get::<_, Option<f64>>(index).map(real),
            Type::BOOL => row
                .try_get::<_, Option<bool>>(index)
                .map(|truth| truth.map_or(Raw::Null, Raw::Truth)),
            Type::BYTEA => row
                .try_get::<_, Option<&[u8]>>(index)
                .map(|bytes| bytes.map_or(Raw::Null, Raw::Bytes)),
            _ => row
                .try_get::<_, Option<&str>>(index)
                .map(|text| text.map_or(Raw::Null, Raw::Text)),
        };
        value.map(|value| Self { value, form }).map_err(read)
    }

    /// Its text, if that is JSON.
    fn json(self) -> Option<&'a str> {
        match (self.value, self.form) {
            (Raw::Text(text), Form::Json | Form::Composed) => Some(text),
            _ => None,
        }
    }

    /// Its text, if that is a number in digits.
    fn digits(self) -> Option<&'a str> {
        match (self.value, self.form) {
            (Raw::Text(text), Form::Number) => Some(text),
            _ => None,
        }
    }

    fn plain<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Raw::Null => visitor.visit_unit(),
            Raw::Whole(number) => visitor.visit_i64(number),
            Raw::Real(number) => visitor.visit_f64(number),
            Raw::Truth(truth) => visitor.visit_bool(truth),
            Raw::Text(text) => visitor.visit_borrowed_str(text),
            Raw::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
        }
    }
}

fn whole(number: Option<impl Into<i64>>) -> Raw<'static> {
    number.map_or(Raw::Null, |number| Raw::Whole(number.into()))
}

fn real(number: Option<impl Into<f64>>) -> Raw<'static> {
    number.map_or(Raw::Null, |number| Raw::Real(number.into()))
}

/// Reads it as JSON where it is that, and as it is where it is not.
macro_rules! json_or_plain {
    ($($method:ident($($name:ident: $of:ty),*))*) => { $(
        fn $method<V: Visitor<'a>>(self, $($name: $of,)* visitor: V) -> Result<V::Value, Problem> {
            match self.json() {
                Some(text) => serde_json::Deserializer::from_str(text)
                    .$method($($name,)* visitor)
                    .map_err(Problem::custom),
                None => self.plain(visitor),
            }
        }
    )* };
}

/// Reads digits as a number of this type.
macro_rules! numbers {
    ($($method:ident: $number:ty => $visit:ident)*) => { $(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
            match self.digits().and_then(|digits| digits.parse::<$number>().ok()) {
                Some(number) => visitor.$visit(number),
                None => self.deserialize_any(visitor),
            }
        }
    )* };
}

impl<'a> Deserializer<'a> for Cell<'a> {
    type Error = Problem;

    json_or_plain! {
        deserialize_bool()
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_char()
        deserialize_identifier()
    }

    numbers! {
        deserialize_i8: i64 => visit_i64
        deserialize_i16: i64 => visit_i64
        deserialize_i32: i64 => visit_i64
        deserialize_i64: i64 => visit_i64
        deserialize_i128: i128 => visit_i128
        deserialize_u8: u64 => visit_u64
        deserialize_u16: u64 => visit_u64
        deserialize_u32: u64 => visit_u64
        deserialize_u64: u64 => visit_u64
        deserialize_u128: u128 => visit_u128
        deserialize_f32: f64 => visit_f64
        deserialize_f64: f64 => visit_f64
    }

    /// Bytes are numbers to who asks for anything, as they are in JSON.
    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match (self.value, self.json()) {
            (Raw::Bytes(_), _) => self.deserialize_seq(visitor),
            (_, Some(text)) => serde_json::Deserializer::from_str(text)
                .deserialize_any(visitor)
                .map_err(Problem::custom),
            _ => self.plain(visitor),
        }
    }

    /// JSON is the text that it is: whoever parses it does so in a stage of many workers.
    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.plain(visitor)
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.plain(visitor)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Raw::Text(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Raw::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_any(visitor)
    }

    /// `RawValue` asks by the name of a struct.
    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.json() {
            Some(text) if name.starts_with("$serde_json::") => {
                serde_json::Deserializer::from_str(text)
                    .deserialize_newtype_struct(name, visitor)
                    .map_err(Problem::custom)
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// A `Vec<u8>` of bytes, too.
    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        match (self.value, self.json()) {
            (Raw::Bytes(bytes), _) => {
                visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied()))
            }
            (_, Some(text)) => serde_json::Deserializer::from_str(text)
                .deserialize_seq(visitor)
                .map_err(Problem::custom),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'a>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match (self.json(), self.value) {
            (Some(text), _) => serde_json::Deserializer::from_str(text)
                .deserialize_enum(name, variants, visitor)
                .map_err(Problem::custom),
            (None, Raw::Text(text)) => visitor.visit_enum(text.into_deserializer()),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }
}
