//! How values are recorded: as `MessagePack` with named fields, which keeps every float and every key of a map, and can
//! be read without the type.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::BoxError;

/// A buffer larger than this is not kept for the next value.
const KEPT: usize = 1024 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The value as bytes; an error if there are more than `limit`.
pub(crate) fn encode<V: Serialize>(value: &V, limit: usize) -> Result<Arc<[u8]>, BoxError> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        let bytes = encode_into(buffer, value, limit);
        if buffer.capacity() > KEPT {
            *buffer = Vec::new();
        }
        bytes
    })
}

fn encode_into<V: Serialize>(
    buffer: &mut Vec<u8>,
    value: &V,
    limit: usize,
) -> Result<Arc<[u8]>, BoxError> {
    let mut serializer = rmp_serde::Serializer::new(&mut *buffer).with_struct_map();
    value.serialize(&mut serializer)?;
    let size = buffer.len();
    if size > limit {
        return Err(format!("it takes {size} bytes, and the journal takes {limit} at most").into());
    }
    Ok(Arc::from(&**buffer))
}

/// The value back.
pub(crate) fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, BoxError> {
    Ok(rmp_serde::from_slice(bytes)?)
}
