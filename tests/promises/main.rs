//! One test or more for each promise of the runtime; `tests/README.md` says which.

mod auto_traits;
mod batches;
mod bounds;
mod concurrency;
mod conservation;
mod failures;
mod fakes;
mod mix;
mod order;
mod reports;
mod runtimes;
mod shutdown;
mod start;
mod survivors;
mod timing;
mod values;
mod virtual_time;
