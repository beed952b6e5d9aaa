//! Messages whose bodies are JSON.

mod admin;
mod queue;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::queue::JsonQueue;
pub(crate) use self::queue::json;
use super::{Body, Outgoing};
use crate::failure::BoxError;
use crate::guard;

/// A body that is JSON: derefs to the value. [`Queue::json`](super::Queue::json) makes a queue of such bodies of any queue;
/// `queue::memory::<Json<Order>>()` holds them itself.
///
/// One that is received keeps its text as well, so that a dead letter has it as it was sent.
///
/// # Panics
///
/// To deref one that holds no such value panics. The stages of a pipeline never see one: it fails before the first of
/// them.
#[derive(Clone)]
pub struct Json<T> {
    value: Result<T, NoJson>,
    /// As it was received.
    text: Option<Arc<[u8]>>,
}

/// A message is no such JSON. Its source is the error of `serde_json`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the message is no JSON of its type: {0}")]
pub struct NoJson(#[source] Arc<serde_json::Error>);

impl<T> Json<T> {
    /// A value to be sent.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            value: Ok(value),
            text: None,
        }
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The text is no such JSON.
    pub fn get(&self) -> Result<&T, &NoJson> {
        self.value.as_ref()
    }

    /// The value alone.
    ///
    /// # Errors
    ///
    /// The text is no such JSON.
    pub fn into_inner(self) -> Result<T, NoJson> {
        self.value
    }
}

impl<T: DeserializeOwned> Json<T> {
    /// Of a text that may be no such JSON.
    fn read(text: Vec<u8>) -> Self {
        let value = guard::call(|| serde_json::from_slice(&text))
            .unwrap_or_else(|panicked| Err(serde::de::Error::custom(panicked)));
        Self {
            value: value.map_err(|error| NoJson(Arc::new(error))),
            text: Some(text.into()),
        }
    }
}

impl<T: Serialize> Json<T> {
    fn text(&self) -> Result<Vec<u8>, BoxError> {
        if let Some(text) = &self.text {
            return Ok(text.to_vec());
        }
        let value = self.value.as_ref().map_err(NoJson::clone)?;
        let text = serde_json::to_string(value)?;
        // SQS takes no such characters. JSON has them only in strings, where they can be written so.
        let text = text
            .replace('\u{fffe}', r"\ufffe")
            .replace('\u{ffff}', r"\uffff");
        Ok(text.into_bytes())
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.value {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> From<T> for Outgoing<Json<T>> {
    fn from(value: T) -> Self {
        Self::new(Json::new(value))
    }
}

impl<T: fmt::Debug> fmt::Debug for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Ok(value) => value.fmt(f),
            Err(error) => error.fmt(f),
        }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Body for Json<T> {
    /// The text that it was received as; of a value that JSON cannot hold, nothing.
    fn to_bytes(&self) -> Vec<u8> {
        self.text().unwrap_or_default()
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, BoxError> {
        let body = Self::read(bytes);
        match body.value {
            Ok(_) => Ok(body),
            Err(error) => Err(error.into()),
        }
    }

    fn unreadable(&self) -> Option<BoxError> {
        let error = self.value.as_ref().err()?;
        Some(error.clone().into())
    }
}
