//! Where the messages are, and what comes of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// What lies where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Places {
    /// Queue and table are one database.
    OneFile,
    /// The table is in the journal's.
    QueueElsewhere,
    /// As in one file, where workers are two pipelines that a link joins.
    Linked,
    /// As in one file, with little room.
    SmallDisk,
    /// The queue is SQS, the table in the journal's file.
    Sqs,
    /// All is on one PostgreSQL server. Rows settle their messages, and of tasks that are done nothing is kept.
    PostgresSettling,
    /// The same, where rows complete their tasks, whose messages are acknowledged afterwards.
    PostgresCompleting,
    /// As where rows settle their messages; server and workers are on hosts of their own.
    Hosts,
}

/// Every which message is in a group, and how many groups there are.
const GROUPED: u32 = 16;
const GROUPS: u32 = 16;

impl Places {
    const ALL: [Self; 8] = [
        Self::OneFile,
        Self::Linked,
        Self::QueueElsewhere,
        Self::SmallDisk,
        Self::Sqs,
        Self::PostgresSettling,
        Self::PostgresCompleting,
        Self::Hosts,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneFile => "one-file",
            Self::Linked => "linked",
            Self::QueueElsewhere => "queue-elsewhere",
            Self::SmallDisk => "small-disk",
            Self::Sqs => "sqs",
            Self::PostgresSettling => "postgres-settling",
            Self::PostgresCompleting => "postgres-completing",
            Self::Hosts => "hosts",
        }
    }

    pub(crate) fn of(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|places| places.name() == name).unwrap()
    }

    pub(crate) fn is_postgres(self) -> bool {
        matches!(
            self,
            Self::PostgresSettling | Self::PostgresCompleting | Self::Hosts
        )
    }

    /// A worker has a message for so long, unless it says that it still works on it. SQS knows whole seconds; a server that
    /// starts anew takes a part of one.
    pub(crate) fn lease(self) -> Duration {
        match self {
            Self::OneFile | Self::Linked | Self::QueueElsewhere | Self::SmallDisk => {
                Duration::from_millis(500)
            }
            Self::Sqs | Self::PostgresSettling | Self::PostgresCompleting | Self::Hosts => {
                Duration::from_secs(1)
            }
        }
    }

    /// For how long things happen, if nothing else is said.
    pub(crate) fn span(self) -> Duration {
        match self {
            // One of the hosts is cut off for most of it.
            Self::Hosts => self.lease() * 55,
            _ => self.lease() * 20,
        }
    }

    /// The group that a message is in.
    pub(crate) fn group(self, number: u32) -> Option<String> {
        let is_grouped = self.is_postgres() && number.is_multiple_of(GROUPED);
        is_grouped.then(|| format!("group {}", number / GROUPED % GROUPS))
    }

    /// The files of queue, table, journal and letters. Where they are on a server, the first says where that is.
    pub(crate) fn files(self, directory: &Path) -> [PathBuf; 4] {
        let names = match self {
            Self::OneFile | Self::Linked | Self::SmallDisk => {
                ["work.db", "work.db", "tasks.db", "dead.db"]
            }
            Self::QueueElsewhere => ["queue.db", "work.db", "work.db", "dead.db"],
            Self::Sqs => ["sqs.txt", "work.db", "work.db", "dead.db"],
            Self::PostgresSettling | Self::PostgresCompleting | Self::Hosts => ["server.txt"; 4],
        };
        names.map(|name| directory.join(name))
    }
}
