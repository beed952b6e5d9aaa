//! The archive that reports are sent to: something outside, which knows nothing of tasks and journals.

mod client;
mod server;

pub use client::Archive;
pub use server::{Server, Shelf};

/// Under this header a request says which upload it is, so that a repetition is known as one.
const TOKEN: &str = "idempotency-key";
