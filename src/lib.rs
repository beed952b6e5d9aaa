#![doc = include_str!("../README.md")]

pub mod guide;

#[doc(hidden)]
pub use pipeline_macros::__pipeline;
#[doc(hidden)]
pub use pipeline_runtime::private as __private;
pub use pipeline_runtime::{
    Advice, Again, Arrow, Away, BoxError, Budget, Cause, Collect, Driven, ErrorKind, Failure,
    Feedback, FindStageError, Handle, Held, Invalid, Kept, Limit, Name, NotDrained, Origin,
    Pipeline, PipelineStream, Plan, PlanArrow, PlanRow, Raise, Rate, Remedy, Report, Retry, Row,
    Run, Running, Runs, Segment, SetCountError, SetRateError, Shares, Stack, StageId, StageInfo,
    StateBound, Stop, Time, Usage, feedback, link,
};

pub mod source {
    //! Where items come from: the first end of a header, `[input]` or `[input, errors]`.
    //!
    //! | input | items |
    //! |---|---|
    //! | a `Vec`, an array, `0..n`, `0..=n` | its elements |
    //! | [`iter`] | those of any iterator that does not block |
    //! | [`stream`](stream()) | those of any `futures::Stream` |
    //! | a `tokio::sync::mpsc::Receiver` | what is sent, until the last sender is gone |
    //! | an undriven [`Pipeline`](crate::Pipeline) | what it emits |
    //! | [`merge`] | those of several inputs, each of which has a row of its own |
    //! | [`weighed`] | those of an input, which hold a part of a [`Budget`](crate::Budget) of bytes |
    //! | [`open_ended`] | those of sources that are added while it runs |
    //! | [`feedback`](crate::feedback()) | seeds, and what is driven into its sink |
    //! | [`Link::input`](crate::link::Link::input) | what other pipelines drive into the link |
    //! | [`concat()`] | those of one input, and then those of another |
    //! | [`again`] | those of a source that is made again when it breaks |
    //! | `files` (feature `files`) | [`Line`]s of files, plain or compressed |
    //! | `stdin` (feature `stdin`) | [`Line`]s of standard input |
    //! | `tcp` (feature `tcp`) | [`Line`]s of any number of connections |
    //! | `lines_of` (feature `files`, `stdin` or `tcp`) | [`Line`]s of a connection that the program opened, a socket, a pipe, a child's output |
    //! | `PostgresRows` (feature `postgres`) | the rows of a table, or what a query returns |
    //! | your own [`Source`] | what it pulls |
    //!
    //! ```
    //! use brigade::prelude::*;
    //! use brigade::source::{Flow, Pulled, Source, SourceError};
    //!
    //! /// Halves until nothing is left.
    //! struct Halves(u32);
    //!
    //! impl Source for Halves {
    //!     type Item = u32;
    //!     async fn pull(&mut self, _max: usize, out: &mut Pulled<u32>) -> Result<Flow, SourceError> {
    //!         out.push(self.0);
    //!         self.0 /= 2;
    //!         Ok(if self.0 > 0 { Flow::More } else { Flow::End })
    //!     }
    //! }
    //!
    //! # #[tokio::main(flavor = "current_thread")]
    //! # async fn main() -> Result<(), Failure> {
    //! let halves: Vec<u32> = pipeline! { [Halves(40)] filter(|x| x % 2 == 0) }.collect().await?;
    //! assert_eq!(halves, [40, 20, 10, 2]);
    //! # Ok(())
    //! # }
    //! ```
    #[cfg(feature = "_connectors")]
    #[allow(
        unused_imports,
        unreachable_pub,
        reason = "without its features a door is empty"
    )]
    pub use pipeline_connectors::source::*;
    pub use pipeline_runtime::source::*;
}

#[cfg(feature = "conformance")]
pub use pipeline_connectors::conformance;

pub mod journal {
    //! Where stages with `once` are recorded.
    //!
    //! | journal | what is recorded is there |
    //! |---|---|
    //! | `memory` (feature `journal`) | as long as the process, up to a bound |
    //! | `SqliteJournal` (features `journal` and `sqlite`) | in a file, for any number of processes on one machine |
    //! | `PostgresJournal` (features `journal` and `postgres`) | in a PostgreSQL database, for any number of machines |
    //! | your own [`Journal`] | as long as it likes |
    #[cfg(feature = "_connectors")]
    #[allow(
        unused_imports,
        unreachable_pub,
        reason = "without its features a door is empty"
    )]
    pub use pipeline_connectors::journal::*;
    pub use pipeline_runtime::journal::{
        Begin, Begun, Ending, Finish, Forget, Frame, Journal, JournalError, Recorded, Restore,
        Restored, RunningTask, Scoped, TaskName, UNRECORDED,
    };
}

pub mod sink {
    //! Where items go: what stands behind `:drive`, and the errors end of a header.
    //!
    //! | sink | an item |
    //! |---|---|
    //! | a `tokio::sync::mpsc::Sender` | is sent; a receiver that is gone stops the pipeline |
    //! | [`each`], [`each_async`] | is handed to a function; `:drive n` makes `n` calls at the same time |
    //! | [`each_mut`] | is handed to a function that changes what it captures, one call at a time |
    //! | [`lines`], [`lines_to`] | is a line of a file, or of any writer |
    //! | [`collect`](collect()) | is kept for whoever has a clone of the sink |
    //! | [`Link::sink`](crate::link::Link::sink) | goes on in another pipeline, with its ticket |
    //! | [`discard`] | is dropped: the stages have done all there is to do |
    //! | [`futures_sink`] | goes into any `futures::Sink` |
    //! | `Table` (feature `sqlite`) | is a row of a table, or a batch of rows in one transaction |
    //! | `elasticsearch` (feature `elasticsearch`) | is a document of an index, or a batch of documents |
    //! | your own [`Sink`] | is written |
    //!
    //! The errors end takes [`Failure`](crate::Failure)s. `sink::each(|failure| …)` is the one that cannot fill up
    //! behind your back.
    //!
    //! ```
    //! use brigade::prelude::*;
    //! use brigade::sink::{Sink, SinkError, Written};
    //!
    //! /// Takes whole batches; what is odd fails alone.
    //! struct Evens;
    //!
    //! impl Sink<u32> for Evens {
    //!     async fn write(&self, items: Vec<u32>) -> Result<Written, SinkError<u32>> {
    //!         let mut written = Written::all();
    //!         for (index, item) in items.iter().enumerate().filter(|(_, item)| *item % 2 == 1) {
    //!             written.fail(index, format!("{item} is odd"));
    //!         }
    //!         Ok(written)
    //!     }
    //! }
    //!
    //! # #[tokio::main(flavor = "current_thread")]
    //! # async fn main() -> Result<(), Failure> {
    //! let report = pipeline! {
    //!     [0..10u32, sink::each(|failure| println!("{failure}"))]
    //!     map(|x| x + 1),
    //!     :drive Evens,
    //! }
    //! .run()
    //! .await?;
    //! assert_eq!(report.stage("Evens").map(|row| (row.done, row.failed)), Ok((5, 5)));
    //! # Ok(())
    //! # }
    //! ```
    #[cfg(feature = "_connectors")]
    #[allow(
        unused_imports,
        unreachable_pub,
        reason = "without its features a door is empty"
    )]
    pub use pipeline_connectors::sink::*;
    pub use pipeline_runtime::sink::*;
}

pub mod queue {
    //! Queues as inputs: each delivery is acknowledged when the pipeline is done with it, and not before.
    //!
    //! | queue | where the messages are |
    //! |---|---|
    //! | [`memory`] | in the process; for tests, and to decouple parts of a program |
    //! | `SqliteQueue` (feature `sqlite`) | in a file, for any number of processes on one machine |
    //! | `PostgresQueue` (feature `postgres`) | in a PostgreSQL database, for any number of machines |
    //! | `sqs` (feature `sqs`) | at Amazon SQS, or what speaks its protocol, for any number of machines |
    //! | your own [`Queue`] | anywhere |
    //!
    //! A body is text, bytes or a number; with the feature `json`, `queue.json::<Order>()` is any of them with bodies
    //! of any type of serde's. `queue.sink()` makes any of them a sink. Behind a pipeline's errors end,
    //! [`dead_letters()`] keeps what fails in `SqliteLetters` (feature `sqlite`), in `PostgresLetters` (feature `postgres`), in
    //! another queue as JSON
    //! (`dead_letter_queue`, feature `postgres`, `sqlite` or `sqs`), or in [`DeadLetters`] of your own. `replay` of
    //! either store brings it back.
    //!
    //! ```
    //! use brigade::prelude::*;
    //! use std::time::Duration;
    //!
    //! # #[tokio::main(flavor = "current_thread")]
    //! # async fn main() -> Result<(), Failure<queue::Delivery<String>>> {
    //! let orders = queue::memory::<String>();
    //! orders.put("12".to_owned()).await;
    //! orders.put("many".to_owned()).await;
    //!
    //! let deliveries = orders.clone().deliveries();
    //! let stats = deliveries.stats();
    //! let running = pipeline! {
    //!     [deliveries, sink::each(|failure: Failure<_>| failure.ack())]
    //!     push_task(order),
    //!     let count = order.parse::<u32>()?,
    //!     map(|m| m.count),
    //!     :drive sink::each(|count| assert_eq!(count, 12)),
    //! }
    //! .spawn();
    //!
    //! while stats.snapshot().acked < 2 {
    //!     tokio::time::sleep(Duration::from_millis(1)).await;
    //! }
    //! running.drain(Duration::from_secs(5)).await?;
    //! assert!(orders.is_empty());
    //! # Ok(())
    //! # }
    //! ```
    #[cfg(feature = "_connectors")]
    #[allow(
        unused_imports,
        unreachable_pub,
        reason = "without its features a door is empty"
    )]
    pub use pipeline_connectors::queue::*;
    pub use pipeline_runtime::queue::*;
}

pub mod database {
    //! Back ends that are several of these at once: one handle for each, from which its queues, tables, journal and dead
    //! letters are opened.
    //!
    //! | back end | |
    //! |---|---|
    //! | `Postgres` (feature `postgres`) | a database: tables as sinks and as sources, queues for any number of programs on any number of machines, a journal, dead letters |
    //! | `Sqlite` (feature `sqlite`) | a file: tables as sinks, queues for any number of processes on one machine, a journal, dead letters |
    #[cfg(feature = "_connectors")]
    #[allow(
        unused_imports,
        unreachable_pub,
        reason = "without its features a door is empty"
    )]
    pub use pipeline_connectors::database::*;
}

#[cfg(feature = "service")]
pub use pipeline_service as service;
#[cfg(feature = "watch")]
pub use pipeline_watch as watch;

#[doc = include_str!("pipeline.md")]
#[macro_export]
macro_rules! pipeline {
    ($($stages:tt)*) => { $crate::__pipeline! { $crate ; $($stages)* } };
}

pub mod prelude {
    //! What a file with a pipeline in it needs: `use brigade::prelude::*;`.
    pub use crate::queue::{self, Queue as _};
    pub use crate::source::Input as _;
    pub use crate::{Cause, Failure, Pipeline, Rate, Retry, Segment, pipeline, sink, source};
}
