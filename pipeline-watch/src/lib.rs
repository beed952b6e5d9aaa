//! Watching pipelines while they run: a page in the browser, metrics for Prometheus, probes, and controls behind a token.
//!
//! [`Page`] says how it is used.

mod assets;
mod error;
mod metrics;
mod page;
mod routes;
mod served;
mod server;
mod serving;
mod state;
mod tap;
#[cfg(test)]
mod tests;
mod token;
mod watched;

pub use error::ServeError;
pub use metrics::Metrics;
pub use page::Page;
pub use routes::Routes;
pub use served::Served;
#[cfg(unix)]
pub use served::ServedUnix;
pub use tap::Tap;
