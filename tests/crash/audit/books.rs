//! What is asked of the places, in SQL that any program could ask.

use std::collections::HashSet;

/// Reads what there is. What returns an `Option` is `None` while that cannot be read: somebody holds the file (a worker
/// that is stopped lets go only when it goes on, which is up to who asks), or the server is away.
pub(crate) trait Books {
    /// Sees to it that the database itself notes what is looked for later.
    fn prepare(&mut self);

    /// How many messages are in the queue, or, where nobody can look into it, have no row.
    fn left(&mut self, messages: u32) -> Option<u32>;

    /// What was recorded since the last time, as `task/key`; what was seen may come again.
    fn recorded(&mut self) -> Option<Vec<String>>;

    /// The rows, in the order in which they were written.
    fn rows(&mut self) -> Vec<u32>;

    fn letters(&mut self) -> Vec<String>;

    /// The deliveries that the queue knows of in the end, where it may have forgotten some: a server that is killed forgets the
    /// last leases, and whose lease was forgotten has none.
    fn taken(&mut self) -> Option<HashSet<Taken>>;

    /// Where the queue has groups: what became of their messages in which order, with the group and the message.
    fn turns(&mut self) -> Vec<Turn>;
}

/// A delivery to a worker.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Taken {
    pub(crate) process: String,
    pub(crate) message: String,
    pub(crate) count: u32,
}

/// A message of a group is taken by a worker, or is gone.
pub(crate) struct Turn {
    pub(crate) group: String,
    pub(crate) message: String,
    pub(crate) is_gone: bool,
}
