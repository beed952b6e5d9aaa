//! What a message carries.

use std::sync::Arc;

use crate::failure::BoxError;

/// What a message of a queue carries. It can be written as bytes and read back, so that a dead letter holds it whatever
/// becomes of the item.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the body of a message",
    note = "a body is a `String`, a `Vec<u8>`, a number, an `Arc` of a body, `queue::Json` of any type of serde's (feature `json`), or a type that implements `queue::Body`"
)]
pub trait Body: Send + Sync + Sized + 'static {
    /// The body as bytes.
    fn to_bytes(&self) -> Vec<u8>;

    /// The body that [`Body::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// These bytes are none.
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, BoxError>;

    /// Why it is no body of its type, if it is none: then its delivery fails before the first stage.
    #[doc(hidden)]
    fn unreadable(&self) -> Option<BoxError> {
        None
    }
}

impl Body for Vec<u8> {
    fn to_bytes(&self) -> Vec<u8> {
        self.clone()
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, BoxError> {
        Ok(bytes)
    }
}

impl Body for String {
    fn to_bytes(&self) -> Vec<u8> {
        self.clone().into_bytes()
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, BoxError> {
        Ok(Self::from_utf8(bytes)?)
    }
}

impl<B: Body> Body for Arc<B> {
    fn to_bytes(&self) -> Vec<u8> {
        B::to_bytes(self)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, BoxError> {
        B::from_bytes(bytes).map(Self::new)
    }

    fn unreadable(&self) -> Option<BoxError> {
        B::unreadable(self)
    }
}

macro_rules! written_in_digits {
    ($($number:ty)*) => {$(
        impl Body for $number {
            fn to_bytes(&self) -> Vec<u8> {
                self.to_string().into_bytes()
            }

            fn from_bytes(bytes: Vec<u8>) -> Result<Self, BoxError> {
                Ok(String::from_utf8(bytes)?.parse()?)
            }
        }
    )*};
}

written_in_digits! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_back_from_its_bytes() {
        let text = Arc::new("zwölf".to_owned());
        assert_eq!(Arc::<String>::from_bytes(text.to_bytes()).unwrap(), text);
        assert_eq!(i64::from_bytes((-7_i64).to_bytes()).unwrap(), -7);
        assert!(u8::from_bytes(b"256".to_vec()).is_err());
        assert!(String::from_bytes(vec![0xff]).is_err());
    }
}
