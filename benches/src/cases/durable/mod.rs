//! Tasks from a queue whose stages are recorded.

mod apalis;
mod brigade;
mod by_hand;
mod messages;
mod rows;

use crate::case::{Case, Contender, Goal, Sample, Size, Table};

const RECORDED: &str = "brigade, two `once`";
const PLAIN: &str = "brigade, nothing recorded";
const FORGOTTEN: &str = "brigade, nothing recorded, acknowledged when received";
const RECORDED_AND_FORGOTTEN: &str = "brigade, two `once`, acknowledged when received";
const JOURNALED: &str = "brigade, a journal and nothing recorded";
const SETTLED: &str = "rows that settle their messages";
const COMPLETED: &str = "rows that complete their tasks";
const ACKNOWLEDGED: &str = "rows, and then acknowledged";
const DEAD: &str = "dead letters";
const ACCEPTED: &str = "rows of items";
const REJECTED: &str = "rejects of items";
const A_STEP: &str = "job table, one transaction a step";

/// Messages of a queue go through two stages, and are acknowledged.
pub fn case(size: Size) -> Case {
    let note = "An item is a message of a queue. Its length is taken, and multiplied by ten in an `:async 64` stage that \
                yields once; then it is acknowledged. Where that is said, both results are recorded in a journal, so \
                that neither is made again after a crash. Messages are sent before it is measured; at the end the queue \
                must be empty, and the results must add up. In files everything waits for the disk \
                (`synchronous = FULL`): what counts is how many tasks share one `fsync`, and how fast that is. \"One \
                transaction a step\" is the durable execution that is easy to write: to take the task, to keep the \
                result of a step, and to delete the task is a transaction each.";
    Case::new("durable", "Durable tasks", note)
        .table(in_memory(size))
        .table(in_files(size))
        .table(into_a_table(size))
}

fn in_memory(size: Size) -> Table {
    Table::new("in memory")
        .baseline(FORGOTTEN)
        .contender(contender(
            RECORDED,
            "memory queue, memory journal",
            size.items(600_000),
            brigade::recorded_in_memory,
        ))
        .contender(contender(
            PLAIN,
            "memory queue, leases, acknowledged when done",
            size.items(1_000_000),
            brigade::plain_in_memory,
        ))
        .contender(contender(
            FORGOTTEN,
            "the same queue and stages; what is received is acknowledged at once, in batches",
            size.items(1_000_000),
            brigade::forgotten_in_memory,
        ))
        .contender(contender(
            RECORDED_AND_FORGOTTEN,
            "the same, and each task has the id of its message",
            size.items(600_000),
            brigade::recorded_and_forgotten_in_memory,
        ))
        .goal(Goal::at_most(RECORDED, 1e9 / 300_000.0).wording("300,000 tasks/s with two `once`"))
        .goal(Goal::within(RECORDED, RECORDED_AND_FORGOTTEN, 1.1))
        .goal(Goal::within(PLAIN, FORGOTTEN, 1.1))
}

fn in_files(size: Size) -> Table {
    Table::new("in SQLite files, with `fsync`")
        .baseline(A_STEP)
        .contender(contender(
            RECORDED,
            "SQLite queue, SQLite journal",
            size.items(100_000),
            brigade::recorded_in_files,
        ))
        .contender(contender(
            PLAIN,
            "SQLite queue",
            size.items(100_000),
            brigade::plain_in_files,
        ))
        .contender(contender(
            JOURNALED,
            "SQLite queue, SQLite journal: each task begins and ends in it",
            size.items(100_000),
            brigade::journaled_in_files,
        ))
        .contender(
            contender(
                "apalis, one index dropped",
                "apalis-sqlite, batches of 1,000; acknowledged when done",
                size.items(50_000),
                apalis::tuned,
            )
            .crates(&["apalis", "apalis-sqlite"]),
        )
        .contender(
            contender(
                "apalis",
                "the same as it comes: each batch looks through all that is done; 5,000 tasks",
                size.items(5_000),
                apalis::as_it_comes,
            )
            .crates(&["apalis", "apalis-sqlite"]),
        )
        .contender(contender(
            "job table, 256 at once",
            "one thread, rusqlite; both steps, then all 256 are deleted; nothing recorded",
            size.items(100_000),
            by_hand::batches,
        ))
        .contender(contender(
            A_STEP,
            "one thread, rusqlite; both results are recorded",
            size.items(500),
            by_hand::steps,
        ))
        .goal(Goal::at_most(RECORDED, 1e9 / 20_000.0).wording("20,000 tasks/s with two `once`"))
        .goal(Goal::faster(RECORDED, A_STEP, 50.0))
}

fn into_a_table(size: Size) -> Table {
    Table::new("into a SQLite table, with `fsync`")
        .baseline(COMPLETED)
        .contender(contender(
            SETTLED,
            "exactly once: queue and table are one file, a transaction writes the rows and removes their messages",
            size.items(100_000),
            rows::settled,
        ))
        .contender(contender(
            COMPLETED,
            "exactly once: a transaction writes the rows and completes their tasks in a journal; then acknowledged",
            size.items(100_000),
            rows::completed,
        ))
        .contender(contender(
            ACKNOWLEDGED,
            "at least once",
            size.items(100_000),
            rows::acknowledged,
        ))
        .contender(contender(
            DEAD,
            "every message fails, and becomes a dead letter in a file",
            size.items(100_000),
            rows::dead,
        ))
        .contender(contender(
            ACCEPTED,
            "no queue; a key is made in `:block 2`",
            size.items(200_000),
            rows::accepted,
        ))
        .contender(contender(
            REJECTED,
            "the same, but that each fails, and becomes a row of another table at the errors end",
            size.items(200_000),
            rows::rejected,
        ))
        .goal(Goal::faster(SETTLED, COMPLETED, 1.5))
        .goal(Goal::within(DEAD, ACKNOWLEDGED, 2.0).wording("letters at half the speed of rows"))
        .goal(Goal::within(REJECTED, ACCEPTED, 2.0).wording("rejects at half the speed of rows"))
}

fn contender(name: &str, what: &'static str, tasks: u64, run: fn(u64) -> Sample) -> Contender {
    Contender::new(name, what, move || run(tasks))
}
