//! A server that speaks as much of Elasticsearch's protocol as is needed here, and is often busy. It keeps documents in a file.

mod child;
mod http;
mod moods;
mod store;

pub use child::Child;
pub use http::serve;
