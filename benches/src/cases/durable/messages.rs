//! What the tasks are given, and what must come of it.

/// The body of a message.
pub(super) fn body(number: u64) -> String {
    format!("message {number}")
}

/// What all results add up to.
pub(super) fn expected(tasks: u64) -> u64 {
    (0..tasks)
        .map(|number| 10 * body(number).len() as u64)
        .sum()
}
