//! Sources and sinks of brigade that talk to something outside, each behind its feature.
//!
//! | feature | what |
//! |---|---|
//! | `files` | `source::files`: lines of files; xz, zstd, gzip and bzip2 are decompressed |
//! | `stdin` | `source::stdin`: the same from standard input |
//! | `tcp` | `source::tcp`: lines that any number of TCP connections send |
//! | `journal` | `journal::memory`, where stages with `once` are recorded; with `sqlite` also in a file, with `postgres` in a database |
//! | `sqlite` | `database::Sqlite`: tables as sinks, queues, journals and dead letters in a file |
//! | `postgres` | `database::Postgres`: tables as sinks and as sources, queues, a journal and dead letters in a PostgreSQL database |
//! | `sqs` | `queue::sqs`: queues of Amazon SQS |
//! | `elasticsearch` | `sink::elasticsearch`: documents into Elasticsearch, OpenSearch, and what speaks their `_bulk`; encrypted with `elasticsearch-tls` |
//!
//! There is a door for each role, [`source`], [`sink`], [`queue`] and [`journal`], and [`database`] for what has several.
//!
//! The sources emit [`Line`](pipeline_runtime::source::Line)s and hold two bounds: on the length of a line, and on the
//! bytes that were read and have not yet left the pipeline's first stage. What cannot become an item is a failure that
//! says where, and the rest goes on. [`conformance`] has tests for sources, sinks, queues and journals of your own.

pub mod conformance;
pub mod database;
pub mod journal;
pub mod queue;
pub mod sink;
pub mod source;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod attributes;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod body;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod contents;
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "sqs"))]
mod dead_letter_queue;
#[cfg(any(feature = "_lines", feature = "sqlite"))]
mod descriptors;
#[cfg(feature = "elasticsearch")]
mod elasticsearch;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "_lines")]
#[cfg_attr(
    not(all(feature = "_reader", feature = "tcp")),
    allow(dead_code, reason = "a source of lines uses what it needs of it")
)]
mod lines;
#[cfg(feature = "_lines")]
mod lines_of;
#[cfg(feature = "journal")]
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "_reader")]
mod reader;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod replay;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqs")]
mod sqs;
#[cfg(feature = "stdin")]
mod stdin;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod table;
#[cfg(feature = "tcp")]
mod tcp;
