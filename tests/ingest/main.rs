//! The ingest example as its user meets it: the built program, real files, real sockets, a real database.

#![allow(unreachable_pub, reason = "a test has no outside")]

mod bad_input;
mod connections;
mod corpora;
mod output;
mod stopping;
mod support;
