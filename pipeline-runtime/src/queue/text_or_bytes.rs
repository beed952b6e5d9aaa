//! Bytes that are mostly text, as people like to read them: a string where they are one, else a list of numbers.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum TextOrBytes {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&[u8]> for TextOrBytes {
    fn from(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(bytes.to_vec()),
        }
    }
}

impl From<TextOrBytes> for Vec<u8> {
    fn from(value: TextOrBytes) -> Self {
        match value {
            TextOrBytes::Text(text) => text.into_bytes(),
            TextOrBytes::Bytes(bytes) => bytes,
        }
    }
}

pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    TextOrBytes::from(bytes).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let value = TextOrBytes::deserialize(deserializer).map_err(D::Error::custom)?;
    Ok(value.into())
}

pub(super) mod option {
    //! The same of bytes that may not be there.

    use super::{Deserialize, Deserializer, Serialize, Serializer, TextOrBytes};

    #[expect(clippy::ref_option, reason = "serde calls it with the field")]
    pub(in crate::queue) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes
            .as_deref()
            .map(TextOrBytes::from)
            .serialize(serializer)
    }

    pub(in crate::queue) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<TextOrBytes>::deserialize(deserializer)?.map(Vec::from))
    }
}
