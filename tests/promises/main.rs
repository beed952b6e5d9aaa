//! One test or more for each promise of the runtime; `tests/README.md` says which.

mod batches;
mod bounds;
mod concurrency;
mod failures;
mod fakes;
mod order;
mod shutdown;
mod start;
mod survivors;
mod timing;
