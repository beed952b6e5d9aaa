//! The command as people and programs use it: promise 141.

mod letters;
mod postgres;
mod refused;
mod schedules;
mod sqlite;
mod support;
