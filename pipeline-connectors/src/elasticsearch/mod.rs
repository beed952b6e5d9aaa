//! Documents into Elasticsearch, OpenSearch, and what speaks their `_bulk`.

mod address;
mod answer;
mod body;
mod build;
mod client;
mod core;
mod error;
mod gather;
mod index;
mod request;
mod sink;
mod stats;
mod stream;
#[cfg(feature = "elasticsearch-tls")]
mod tls;
mod transport;
mod writing;

pub use build::{ElasticsearchBuilder, elasticsearch};
pub use error::{BulkError, DocumentError, ElasticsearchError};
pub use sink::Elasticsearch;
pub use stats::{BulkSnapshot, BulkStats};
