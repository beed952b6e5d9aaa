//! The kinds of messages that are asked for.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// What is read of a message that is ready, with the counts of the delivery that is about to be.
const COLUMNS: &str =
    "seq, receives + 1, delivery + 1, id, sent, dedup, body, grp, begun, attributes, priority";
const UNPAUSED: &str =
    "NOT EXISTS (SELECT 1 FROM brigade_queue_name WHERE queue = ?2 AND paused > ?3)";
/// So many kinds are looked for each by itself; of more, all that is ready is looked at.
const FEW: usize = 16;

/// Some kinds of messages, or all.
#[derive(Debug, Clone, Default)]
pub(super) struct Kinds(Arc<[Arc<str>]>);

impl Kinds {
    pub(super) fn new(kinds: Arc<[Arc<str>]>) -> Self {
        Self(kinds)
    }

    pub(super) fn are_all(&self) -> bool {
        self.0.is_empty()
    }

    /// All that any of these asks for; nothing if one asks for all.
    pub(super) fn of_any<'a>(all: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let mut together = BTreeSet::new();
        for kinds in all {
            if kinds.are_all() {
                return None;
            }
            together.extend(kinds.0.iter().cloned());
        }
        Some(Self(together.into_iter().collect()))
    }

    pub(super) fn json(&self) -> String {
        serde_json::json!(self.0.iter().map(|kind| &**kind).collect::<Vec<_>>()).to_string()
    }

    /// The statement that reads the first that are ready. Its values are how many, the queue, the time, and
    /// [`values`](Self::values).
    pub(super) fn ready(&self) -> String {
        if self.are_all() || self.0.len() > FEW {
            let of = if self.are_all() {
                ""
            } else {
                "AND kind IN (SELECT value FROM json_each(?4))"
            };
            return format!(
                "SELECT {COLUMNS} FROM brigade_queue INDEXED BY brigade_queue_due
                WHERE queue = ?2 AND due = 0 {of} AND {UNPAUSED}
                ORDER BY priority DESC, seq LIMIT ?1"
            );
        }
        let mut each = String::new();
        for nth in 0..self.0.len() {
            let union = if nth == 0 { "" } else { " UNION ALL " };
            let written = write!(
                each,
                "{union}SELECT * FROM (SELECT seq AS number FROM brigade_queue INDEXED BY brigade_queue_kind
                WHERE queue = ?2 AND kind = ?{} AND due = 0 ORDER BY priority DESC, seq LIMIT ?1)",
                nth + 4
            );
            debug_assert!(written.is_ok(), "a string takes all that is written");
        }
        format!(
            "SELECT {COLUMNS} FROM ({each}) JOIN brigade_queue ON seq = number WHERE {UNPAUSED}
            ORDER BY priority DESC, seq LIMIT ?1"
        )
    }

    /// What the statement has for its kinds.
    pub(super) fn values(&self) -> Vec<String> {
        if self.are_all() {
            Vec::new()
        } else if self.0.len() > FEW {
            vec![self.json()]
        } else {
            self.0.iter().map(ToString::to_string).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::database::Sqlite;
    use crate::queue::SqliteQueue;

    #[test]
    fn what_is_received_is_found_by_an_index_in_its_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("work.db");
        let queue: SqliteQueue = Sqlite::open(&path).unwrap().queue("jobs").open().unwrap();
        let connection = Connection::open(&path).unwrap();
        for count in [0, 1, 3, 40] {
            let kinds = (0..count).map(|n: usize| Arc::from(n.to_string()));
            let kinds = Kinds::new(kinds.collect());
            let plan = format!("EXPLAIN QUERY PLAN {}", kinds.ready());
            let mut plan = connection.prepare(&plan).unwrap();
            let nothing = vec![0; 3 + kinds.values().len()];
            let steps = plan.query_map(rusqlite::params_from_iter(nothing), |row| row.get(3));
            let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
            let sorts = steps
                .iter()
                .filter(|step| step.contains("TEMP B-TREE"))
                .count();
            // What is found of each kind, as much as is asked for, is put in order with the others.
            let most = if count <= FEW { count } else { 0 };
            assert!(sorts <= most, "{steps:?}");
            assert!(
                !steps.iter().any(|step| step.contains("SCAN brigade_queue")),
                "{steps:?}"
            );
        }
        drop(queue);
    }
}
