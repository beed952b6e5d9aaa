//! What a journal is asked, and what it answers.

use std::sync::Arc;

use crate::ticket::{Ending, Recorded, TaskName};

/// A task that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// Its name.
    pub task: TaskName,
    /// What tells its message from another of the same name, if it comes from one and the queue can tell.
    pub message: Option<Arc<str>>,
}

/// What is known of a task that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is under way.
    Open {
        /// Greater than any that the task had before.
        epoch: u64,
        /// What is recorded of it.
        frames: Vec<Recorded>,
    },
    /// It was done before: there is nothing to do.
    Done,
}

/// What one `once` stage made for one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The task.
    pub task: TaskName,
    /// Under which it began.
    pub epoch: u64,
    /// The key of the stage.
    pub key: Arc<str>,
    /// The value, encoded; [`UNRECORDED`] stands for one that could not be recorded.
    pub value: Arc<[u8]>,
}

/// A task that comes to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// The task.
    pub task: TaskName,
    /// Under which it began.
    pub epoch: u64,
    /// How it ends.
    pub ending: Ending,
}

/// The value of a frame that was made and could not be recorded: it was too large, or cannot be encoded. No encoded value
/// is empty.
pub const UNRECORDED: &[u8] = &[];
