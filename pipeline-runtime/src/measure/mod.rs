//! What is counted and timed while a pipeline runs, and the report that shows it.

pub(crate) mod clock;
pub(crate) mod counts;
pub(crate) mod pace;
pub(crate) mod report;
pub(crate) mod table;
