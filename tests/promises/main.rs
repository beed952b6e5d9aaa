//! One test or more for each promise of the runtime; `tests/README.md` says which.

#[path = "../support/absent.rs"]
mod absent;
mod advice;
mod auto_traits;
mod away;
mod batched_failures;
mod batches;
mod bounds;
mod causes;
mod concurrency;
mod conservation;
mod failures;
mod fakes;
mod foreign;
#[path = "../support/heard.rs"]
mod heard;
mod mix;
mod multiplied;
mod order;
mod paths;
mod rate;
mod rate_chains;
mod reports;
mod runtimes;
mod shutdown;
mod sinks;
mod start;
mod survivors;
mod timing;
mod values;
mod virtual_time;
