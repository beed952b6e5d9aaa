//! The example `reports` as its user runs it: with processes that are killed, on both queues, and with dead letters that
//! are sent back.

mod audit;
mod crash;
mod dead;
mod support;
