//! Which fields a struct has, by what it asks of serde.

use std::fmt;

use pipeline_runtime::guard;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;

/// The names of the fields, if it is a struct.
pub(super) fn fields<R: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let probed = guard::call(|| R::deserialize(Probe).err());
    probed.ok().flatten().and_then(|Probed(fields)| fields)
}

/// What is asked for, which is never there.
struct Probe;

#[derive(Debug)]
struct Probed(Option<&'static [&'static str]>);

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is read")
    }
}

impl std::error::Error for Probed {}

impl Error for Probed {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Probed;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Probed> {
        Err(Probed(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Probed> {
        Err(Probed(Some(fields)))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Probed> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[expect(dead_code, reason = "only their names are asked for")]
    #[derive(Deserialize)]
    struct Shape {
        id: i64,
        #[serde(rename = "outline")]
        text: String,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only what is in it is asked for")]
    struct Wrapped(Shape);

    #[test]
    fn a_struct_tells_its_fields_and_nothing_else_has_any() {
        assert_eq!(fields::<Shape>(), Some(&["id", "outline"][..]));
        assert_eq!(fields::<Wrapped>(), Some(&["id", "outline"][..]));
        assert_eq!(fields::<(i64, String)>(), None);
        assert_eq!(fields::<serde_json::Value>(), None);
        assert_eq!(fields::<String>(), None);
    }
}
