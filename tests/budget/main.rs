//! What the items of a pipeline hold, by weight.

#[path = "../promises/fakes.rs"]
#[allow(dead_code, reason = "shared with the tests of promises")]
mod fakes;
mod forms;
mod heavy;
mod property;
mod reweighed;
