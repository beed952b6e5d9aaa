//! Which of the public types can be sent and shared.

#![cfg(all(
    feature = "files",
    feature = "stdin",
    feature = "tcp",
    feature = "sqlite",
    feature = "sqs"
))]

use pipeline_connectors::database::{OpenError, Sqlite, SqliteBuilder};
use pipeline_connectors::queue::{
    DeadLetterQueue, LettersError, Replay, ReplayError, Replayed, SqliteLetters,
    SqliteLettersBuilder, SqliteQueue, SqliteQueueBuilder, SqsQueue, SqsQueueBuilder,
};
use pipeline_connectors::sink::{
    RowError, Table, TableBuilder, TableSnapshot, TableStats, Values, WriteError,
};
use pipeline_connectors::source::{
    BindError, Files, LineError, Listen, ReadError, ReadSnapshot, ReadStats, Stdin, Tcp,
    TcpSnapshot, TcpStats,
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
    DeadLetterQueue<SqliteQueue>,
    Files,
    LettersError,
    LineError,
    Listen<String>,
    OpenError,
    ReadError,
    ReadSnapshot,
    ReadStats,
    Replay<'static, SqliteQueue>,
    ReplayError,
    Replayed,
    RowError,
    Sqlite,
    SqliteBuilder,
    SqliteLetters,
    SqliteLettersBuilder,
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
