//! Stages that are recorded: what runs again and what does not.

mod fakes;
mod once;
