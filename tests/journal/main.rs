//! Stages that are recorded: what runs again and what does not.

mod crash;
mod fakes;
mod once;
mod queues;
mod stack;
