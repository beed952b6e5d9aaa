//! Stages that are recorded: what runs again and what does not.

mod fakes;
mod fused;
mod graphs;
#[path = "../support/heard.rs"]
mod heard;
mod links;
mod once;
mod queues;
mod settled;
mod stack;
