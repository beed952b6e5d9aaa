//! What a pipeline that runs stands on: its tasks and threads, how they are stopped, and the tokio runtime around them.

pub(crate) mod context;
pub(crate) mod control;
pub(crate) mod idle;
pub(crate) mod links;
pub(crate) mod patience;
pub(crate) mod paused;
