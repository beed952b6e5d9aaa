//! What is counted and timed while a pipeline runs, and the report that shows it.

pub(crate) mod advice;
pub(crate) mod bottleneck;
pub(crate) mod clock;
pub(crate) mod counts;
pub(crate) mod cpu;
pub(crate) mod pace;
pub(crate) mod report;
pub(crate) mod row;
pub(crate) mod table;
pub(crate) mod time;
