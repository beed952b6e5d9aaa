//! Which of the public types can be sent and shared.

#![cfg(all(
    feature = "elasticsearch",
    feature = "files",
    feature = "stdin",
    feature = "tcp",
    feature = "postgres",
    feature = "sqlite",
    feature = "sqs"
))]

use pipeline_connectors::database::{
    ConnectError, OpenError, Postgres, PostgresBuilder, Sqlite, SqliteBuilder,
};
use pipeline_connectors::queue::{
    DeadLetterQueue, LettersError, PostgresLetters, PostgresLettersBuilder, PostgresQueue,
    PostgresQueueBuilder, Replay, ReplayError, Replayed, SqliteLetters, SqliteLettersBuilder,
    SqliteQueue, SqliteQueueBuilder, SqsQueue, SqsQueueBuilder,
};
use pipeline_connectors::sink::{
    BulkError, BulkSnapshot, BulkStats, DocumentError, Elasticsearch, ElasticsearchBuilder,
    ElasticsearchError, RowError, Table, TableBuilder, TableSnapshot, TableStats, Values,
    WriteError,
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
    BulkError,
    BulkSnapshot,
    BulkStats,
    ConnectError,
    DeadLetterQueue<SqliteQueue>,
    DocumentError,
    Elasticsearch<std::cell::Cell<u8>>,
    ElasticsearchBuilder<std::cell::Cell<u8>>,
    ElasticsearchError,
    Files,
    LettersError,
    LineError,
    Listen<String>,
    OpenError,
    Postgres,
    PostgresBuilder,
    PostgresLetters,
    PostgresLettersBuilder,
    PostgresQueue,
    PostgresQueue<Vec<u8>>,
    PostgresQueueBuilder,
    ReadError,
    ReadSnapshot,
    ReadStats,
    Replay<'static, SqliteLetters, SqliteQueue>,
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
