//! Tests that any [`Source`](pipeline_runtime::source::Source) or [`Sink`](pipeline_runtime::sink::Sink) must pass;
//! call them from a test of your own.
//!
//! ```
//! use pipeline_connectors::conformance;
//! use pipeline_runtime::source;
//!
//! # futures::executor::block_on(async {
//! conformance::source(async || source::iter(0..100), &Vec::from_iter(0..100)).await;
//! # });
//! ```

mod sink;
mod source;

pub use sink::{sink, sink_reports_failures};
pub use source::source;
