//! Inputs: several of one pipeline, merged, one after the other, added while it runs, and fed back; sources that break.

mod again;
mod concat;
#[path = "../deliveries/fakes.rs"]
#[allow(dead_code, reason = "shared with the tests of deliveries")]
mod deliveries;
#[path = "../promises/fakes.rs"]
#[allow(dead_code, reason = "shared with the tests of promises")]
mod fakes;
mod feedback;
mod kept;
mod killed;
mod link;
mod merge;
mod open_ended;
mod pausing;
mod property;
