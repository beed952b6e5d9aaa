//! Tests that any [`Source`](pipeline_runtime::source::Source), [`Sink`](pipeline_runtime::sink::Sink),
//! [`Queue`](pipeline_runtime::queue::Queue) or [`Journal`](pipeline_runtime::journal::Journal) must pass, and, with the
//! feature `service`, any place of leases or schedules; call them from a test of your own.
//!
//! ```
//! use pipeline_connectors::conformance;
//! use pipeline_runtime::source::{Flow, Pulled, Source, SourceError};
//!
//! struct Countdown(u32);
//!
//! impl Source for Countdown {
//!     type Item = u32;
//!     async fn pull(&mut self, _max: usize, out: &mut Pulled<u32>) -> Result<Flow, SourceError> {
//!         if self.0 == 0 {
//!             return Ok(Flow::End);
//!         }
//!         out.push(self.0);
//!         self.0 -= 1;
//!         Ok(Flow::More)
//!     }
//! }
//!
//! # futures::executor::block_on(async {
//! conformance::source(async || Countdown(3), &[3, 2, 1]).await;
//! # });
//! ```

mod checks;
mod journal;
#[cfg(feature = "service")]
mod leases;
mod queue;
mod sink;
mod source;

pub use journal::{durable_journal, journal};
#[cfg(feature = "service")]
pub use leases::{leases, schedules};
pub use queue::{Lacks, admin, queue};
pub use sink::{sink, sink_reports_failures};
pub use source::source;
