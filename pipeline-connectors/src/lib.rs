//! Sources and sinks of brigade that talk to something outside, each behind its feature.
//!
//! | feature | what |
//! |---|---|
//! | `files` | [`files()`]: lines of files; xz, zstd, gzip and bzip2 are decompressed |
//! | `stdin` | [`stdin()`]: the same from standard input |
//! | `tcp` | [`tcp()`]: lines that any number of TCP connections send |
//! | `journal` | [`journal`]: where stages with `once` are recorded; in memory, and with `sqlite` in a file |
//! | `sqlite` | [`sqlite()`]: rows into the tables of a SQLite database; [`queue::sqlite()`]: a queue in one |
//! | `sqs` | [`queue::sqs()`]: queues of Amazon SQS |
//!
//! The sources emit [`Line`](pipeline_runtime::source::Line)s and hold two bounds: on the length of a line, and on the
//! bytes that were read and have not yet left the pipeline's first stage. What cannot become an item is a failure that
//! says where, and the rest goes on. [`conformance`] has tests for sources, sinks, queues and journals of your own.

pub mod conformance;
#[cfg(feature = "journal")]
pub mod journal;
#[cfg(any(feature = "sqlite", feature = "sqs"))]
pub mod queue;

#[cfg(any(feature = "_lines", feature = "sqlite"))]
mod descriptors;
#[cfg(feature = "_lines")]
mod lines;
#[cfg(feature = "_reader")]
mod reader;

#[cfg(feature = "files")]
mod files;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "stdin")]
mod stdin;
#[cfg(feature = "tcp")]
mod tcp;

#[cfg(feature = "files")]
pub use files::{Files, files};
#[cfg(feature = "_lines")]
pub use lines::{BYTE_BOUND, LINE_LIMIT, LineError, LineErrorKind};
#[cfg(feature = "_reader")]
pub use reader::{DECODER_MEMORY, Progress, ProgressSnapshot, ReadError, ReadErrorKind};
#[cfg(feature = "sqlite")]
#[doc(hidden)]
pub use sqlite::Claiming;
#[cfg(feature = "sqlite")]
pub use sqlite::{
    Binder, Database, OpenError, OpenErrorKind, Row, RowError, Sqlite, Synchronous, Table,
    TableBuilder, TableSnapshot, TableStats, ToSql, Value, Values, WriteError, sqlite,
};
#[cfg(feature = "stdin")]
pub use stdin::{Stdin, stdin};
#[cfg(feature = "tcp")]
pub use tcp::{BindError, LastLine, Listen, Tcp, TcpSnapshot, TcpStats, tcp};
