//! What becomes of the deliveries of a queue: promises 34 to 38 and 41.

mod fakes;
mod fates;
