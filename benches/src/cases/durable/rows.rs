//! Messages whose results are rows of a SQLite table, and those that fail.

use std::time::Duration;

use brigade::database::{Sqlite, Synchronous};
use brigade::prelude::*;
use brigade::queue::{Ask, Outgoing, SqliteQueue};
use brigade::sink::Table;

use super::messages::body;
use crate::case::Sample;
use crate::place::Place;
use crate::rt::{self, Consumer};

/// How many messages are sent at once.
const SENT: usize = 1000;

/// For how long the queue has to be empty.
const WAIT: Duration = Duration::from_millis(1);

/// Exactly once: the transaction of the rows takes their messages out of the queue.
pub(super) fn settled(tasks: u64) -> Sample {
    let place = Place::new();
    let (queue, table) = (queue(&place, "work.db"), table(&place, "work.db", "rows"));
    let rows = queue.settling(&table).expect("they are in one file");
    let messages = queue.clone().deliveries().wait(WAIT).until_idle();
    let pipeline = pipeline! {
        [messages]
        push_task(message),
        map(|m| (m.message.id().to_string(), length(&m.message))),
        :drive rows,
    };
    measure(tasks, &queue, &table, tasks, pipeline.run())
}

/// Exactly once: the transaction of the rows completes their tasks, which a journal remembers.
pub(super) fn completed(tasks: u64) -> Sample {
    let place = Place::new();
    let (queue, table) = (queue(&place, "queue.db"), table(&place, "work.db", "rows"));
    let journal = Sqlite::open(place.file("work.db"))
        .expect("a fresh file")
        .journal()
        .open();
    let journal = journal.expect("a fresh file");
    let rows = journal.completing(&table).expect("they are in one file");
    let messages = queue.clone().deliveries().wait(WAIT).until_idle();
    let pipeline = pipeline! {
        [messages]
        journal = journal;
        push_task(message),
        map(|m| (m.message.id().to_string(), length(&m.message))),
        :drive rows,
    };
    measure(tasks, &queue, &table, tasks, pipeline.run())
}

/// At least once: the rows, and then the acknowledgement.
pub(super) fn acknowledged(tasks: u64) -> Sample {
    let place = Place::new();
    let (queue, table) = (queue(&place, "queue.db"), table(&place, "work.db", "rows"));
    let messages = queue.clone().deliveries().wait(WAIT).until_idle();
    let rows = table.clone();
    let pipeline = pipeline! {
        [messages]
        push_task(message),
        map(|m| (m.message.id().to_string(), length(&m.message))),
        :drive rows,
    };
    measure(tasks, &queue, &table, tasks, pipeline.run())
}

/// Every message fails, and becomes a dead letter.
pub(super) fn dead(tasks: u64) -> Sample {
    let place = Place::new();
    let (queue, table) = (queue(&place, "queue.db"), table(&place, "work.db", "rows"));
    let letters = Sqlite::open(place.file("dead.db"))
        .expect("a fresh file")
        .letters()
        .open()
        .expect("a fresh file");
    let messages = queue.clone().deliveries().wait(WAIT).until_idle();
    let rows = table.clone();
    let pipeline = pipeline! {
        [messages, queue::dead_letters(letters)]
        push_task(message),
        let length = wrong(message)?,
        map(|m| (m.message.id().to_string(), m.length)),
        :drive rows,
    };
    measure(tasks, &queue, &table, 0, pipeline.run())
}

/// Every item fails, and becomes a row of another table; there is no queue.
pub(super) fn rejected(items: u64) -> Sample {
    let place = Place::new();
    let table = table(&place, "work.db", "rows");
    let (rows, rejects) = (table.clone(), self::table(&place, "work.db", "rejects"));
    let rejects = Rejects(rejects);
    let pipeline = pipeline! {
        [0..items, rejects]
        push_task(number),
        :block 2 let length = wrong(&body(*number))?,
        map(|m| (m.number.to_string(), m.length)),
        :drive rows,
    };
    run(items, &table, 0, pipeline.run())
}

/// No item fails.
pub(super) fn accepted(items: u64) -> Sample {
    let place = Place::new();
    let table = table(&place, "work.db", "rows");
    let rows = table.clone();
    let pipeline = pipeline! {
        [0..items]
        push_task(number),
        :block 2 let length = length(&body(*number)),
        map(|m| (m.number.to_string(), m.length)),
        :drive rows,
    };
    run(items, &table, items, pipeline.run())
}

/// Failures as rows.
struct Rejects(Table);

impl sink::Sink<Failure<u64>> for Rejects {
    async fn write(
        &self,
        failures: Vec<Failure<u64>>,
    ) -> Result<sink::Written, sink::SinkError<Failure<u64>>> {
        let row = |failure: &Failure<u64>| {
            let task = failure.task().map_or_else(String::new, u64::to_string);
            (task, failure.cause().to_string())
        };
        let rows: Vec<_> = failures.iter().map(row).collect();
        let written = sink::Sink::<(String, String)>::write(&self.0, rows).await;
        written.map_err(|error| sink::SinkError::new(error.kind(), error.to_string()))
    }
}

fn wrong(text: &str) -> Result<i64, String> {
    Err(format!("{} is wrong", text.len()))
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).expect("bodies are short")
}

fn queue(place: &Place, file: &str) -> SqliteQueue {
    Sqlite::open(place.file(file))
        .expect("a fresh file")
        .queue("jobs")
        .open()
        .expect("a fresh file")
}

fn table(place: &Place, file: &str, name: &str) -> Table {
    let database = Sqlite::at(place.file(file))
        .synchronous(Synchronous::Full)
        .open()
        .expect("a fresh file");
    let table = database.table(name).column("id", "TEXT NOT NULL");
    let table = table.column("length", "").create().open();
    table.expect("a fresh table")
}

/// Sends the messages, and measures a pipeline of which nothing may be left in the queue.
fn measure<R, T, E>(tasks: u64, queue: &SqliteQueue, table: &Table, rows: u64, run: R) -> Sample
where
    R: Future<Output = Result<T, E>> + Send + 'static,
    E: std::fmt::Debug,
{
    let runtime = rt::runtime(2);
    runtime.block_on(async {
        let mut messages = (0..tasks).map(|number| Outgoing::new(body(number)));
        loop {
            let batch: Vec<_> = messages.by_ref().take(SENT).collect();
            if batch.is_empty() {
                break;
            }
            let unsent = queue.send(batch).await;
            assert!(unsent.expect("the queue is there").is_empty());
        }
    });
    let sample = self::run(tasks, table, rows, run);
    let left = runtime.block_on(queue.receive(Ask::new(1, Duration::ZERO)));
    assert!(left.expect("the queue is there").is_empty());
    sample
}

fn run<R, T, E>(items: u64, table: &Table, rows: u64, run: R) -> Sample
where
    R: Future<Output = Result<T, E>> + Send + 'static,
    E: std::fmt::Debug,
{
    let runtime = rt::runtime(2);
    let sample = Consumer::BlockOn.measure_on(&runtime, items, async {
        run.await.expect("the pipeline comes to its end");
    });
    assert_eq!(table.stats().snapshot().inserted, rows);
    sample
}
