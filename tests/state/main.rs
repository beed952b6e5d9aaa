//! Stages that keep something of the items that they have seen: promises 62 and 66.

mod batch_by;
mod batch_bytes;
mod dedup;
#[path = "../promises/fakes.rs"]
#[expect(dead_code, reason = "each of the tests takes what it needs")]
mod fakes;
mod fold;
#[path = "../support/noted.rs"]
mod noted;
mod property;
#[path = "../deliveries/fakes.rs"]
#[expect(dead_code, reason = "each of the tests takes what it needs")]
mod queues;
mod stateful;
