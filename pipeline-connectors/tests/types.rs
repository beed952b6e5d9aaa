//! Which of the public types can be sent and shared.

#![cfg(all(
    feature = "files",
    feature = "stdin",
    feature = "tcp",
    feature = "sqlite",
    feature = "sqs"
))]

use pipeline_connectors::queue::{
    DeadLetterQueue, LettersError, Replay, ReplayError, Replayed, SqliteDeadLetters, SqliteQueue,
    SqliteQueueBuilder, SqsQueue, SqsQueueBuilder,
};
use pipeline_connectors::{
    BindError, Database, Files, LineError, Listen, OpenError, Progress, ProgressSnapshot,
    ReadError, RowError, Sqlite, Stdin, Table, TableBuilder, TableSnapshot, TableStats, Tcp,
    TcpSnapshot, TcpStats, Values, WriteError,
};

fn may_go_anywhere<T: Send + Sync + Unpin + 'static>() {}

macro_rules! all_go_anywhere {
    ($($type:ty),* $(,)?) => {
        #[test]
        fn every_public_type_can_be_sent_shared_and_moved() {
            $(may_go_anywhere::<$type>();)*
        }
    };
}

all_go_anywhere!(
    BindError,
    Database,
    DeadLetterQueue<SqliteQueue>,
    Files,
    LettersError,
    LineError,
    Listen<String>,
    OpenError,
    Progress,
    ProgressSnapshot,
    ReadError,
    Replay<'static, SqliteQueue>,
    ReplayError,
    Replayed,
    RowError,
    Sqlite,
    SqliteDeadLetters,
    SqliteQueue,
    SqliteQueue<Vec<u8>>,
    SqliteQueueBuilder,
    SqsQueue,
    SqsQueueBuilder,
    Stdin,
    Table,
    TableBuilder,
    TableSnapshot,
    TableStats,
    Tcp,
    TcpSnapshot,
    TcpStats,
    Values,
    WriteError,
);
