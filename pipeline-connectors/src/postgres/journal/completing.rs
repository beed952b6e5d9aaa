//! Exactly once: a task's rows and its completion, in one transaction.

use pipeline_runtime::journal::TaskName;
use pipeline_runtime::sink::{Settles, Stake, Written};
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use super::PostgresJournal;
use super::handle::{index, names, number};
use crate::postgres::answer::answered;
use crate::postgres::error::{ConnectError, Failed};
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;
use crate::postgres::table::{Claim, Claiming, Claims, PostgresTable};
use crate::table::{Aside, Settled};

impl PostgresJournal {
    /// The table as a sink of tasks: the rows of a task and its completion are written in one transaction, and only for
    /// the delivery of it that began last. So its rows are there exactly once, whenever a process, a connection or the
    /// server dies, is stopped or cut off, and wherever its queue is.
    ///
    /// It takes rows, or `Vec`s of rows, of a pipeline with `journal = …;` behind its header: an item of one task is
    /// written with it, a `Vec` as [`batch`](https://docs.rs/brigade) made it element by element. All rows of a task must be
    /// one item: of several that came of one task each fails. A task one of whose rows is refused fails, and none of its
    /// rows is written; the others of its transaction are.
    ///
    /// A task that was done before writes nothing, and neither does one that another delivery has by now; the table's
    /// statistics count their rows as `already_done` and `lost`. That a task is done is known as long as the journal
    /// remembers it: [`keep_done`](super::PostgresJournalBuilder::keep_done). Where the queue lies in the same schema,
    /// [`PostgresQueue::settling`](crate::queue::PostgresQueue::settling) needs no memory at all, and is faster.
    ///
    /// # Errors
    ///
    /// If the table is opened from another handle than the journal.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use pipeline_connectors as brigade;
    /// # use brigade::database::Postgres;
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let db = Postgres::connect("host=/run/postgresql user=app dbname=work").await?;
    /// let journal = db.journal().open().await?;
    /// let reports = db.table("reports").column("text", "text").create().open().await?;
    /// // At the end of a pipeline: map(|m| (m.text,)), :drive sink
    /// let sink = journal.completing(&reports)?;
    /// # let _: &dyn Send = &sink;
    /// # Ok(())
    /// # }
    /// ```
    pub fn completing(&self, table: &PostgresTable) -> Result<PostgresCompleting, ConnectError> {
        let db = &self.0.db;
        let claiming = Claiming::new(table, Completes(db.clone()), db, "the journal")?;
        Ok(Settled(claiming))
    }
}

/// A table that completes tasks with their rows; [`PostgresJournal::completing`] makes it.
pub type PostgresCompleting = Settled<Claiming<Completes>>;

/// Completes the tasks of units.
#[derive(Debug, Clone)]
pub struct Completes(Postgres);

impl Claims for Completes {
    const SETTLES: Settles = Settles::Tasks;

    /// The tasks, each with the epoch of its delivery.
    type Stake = Vec<(TaskName, i64)>;

    fn written() -> Written {
        Written::all()
    }

    fn read(&self, stake: &Stake) -> Result<Self::Stake, String> {
        if stake.tasks.is_empty() {
            let problem = "it belongs to no task; name a journal behind the header, `journal = journal;`, and open a task with `push_task`";
            return Err(problem.into());
        }
        let tasks = stake.tasks.iter();
        Ok(tasks
            .map(|(task, epoch)| (task.clone(), number(*epoch)))
            .collect())
    }

    async fn claim(
        &self,
        transaction: &Transaction<'_>,
        stakes: &[&Self::Stake],
    ) -> Result<Vec<Claim>, Failed> {
        let tasks: Vec<_> = stakes.iter().flat_map(|stake| stake.iter()).collect();
        let asked = Asked::of(&tasks);
        let mut became = vec![Became::Fenced; tasks.len()];
        let schema = self.0.schema();
        let complete = format!(
            "UPDATE {schema}.task t SET state = 1, at = statement_timestamp()
            FROM {ASKED} WHERE {THE_SAME} AND t.state = 0 RETURNING a.nth"
        );
        for row in asked.ask(transaction, &complete).await? {
            mark(&mut became, &row, Became::Done)?;
        }
        if became.contains(&Became::Fenced) {
            let before = format!(
                "SELECT a.nth FROM {schema}.task t JOIN {ASKED} ON {THE_SAME} WHERE t.state > 0"
            );
            for row in asked.ask(transaction, &before).await? {
                mark(&mut became, &row, Became::Before)?;
            }
        }
        let mut became = became.into_iter();
        let claims = stakes.iter().map(|stake| {
            let became: Vec<_> = became.by_ref().take(stake.len()).collect();
            let done = became
                .iter()
                .filter(|became| **became == Became::Done)
                .count();
            let why = match became.iter().find(|became| **became != Became::Done) {
                Some(Became::Before) => Aside::Before,
                _ => Aside::Lost,
            };
            Claim::of(done, stake.len(), why)
        });
        Ok(claims.collect())
    }

    fn committed(&self) {}
}

/// What a task came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    Done,
    Before,
    /// Another delivery has begun it.
    Fenced,
}

fn mark(became: &mut [Became], row: &Row, as_what: Became) -> Result<(), Failed> {
    let nth = row.try_get(0).map(index);
    let nth = nth.map_err(|error| Failed::from(&error))?;
    match became.get_mut(nth) {
        Some(became) if *became != Became::Done => *became = as_what,
        _ => {}
    }
    Ok(())
}

/// The tasks that are asked of, by number.
const ASKED: &str = "unnest($1, $2, $3) WITH ORDINALITY AS a (task, scope, epoch, nth)";
const THE_SAME: &str = "t.task = a.task AND t.scope = a.scope AND t.epoch = a.epoch";

/// Tasks, column by column.
struct Asked<'t> {
    ids: Vec<&'t str>,
    scopes: Vec<&'t str>,
    epochs: Vec<i64>,
}

impl<'t> Asked<'t> {
    fn of(tasks: &[&'t (TaskName, i64)]) -> Self {
        let (ids, scopes) = names(tasks.iter().map(|(task, _)| task));
        let epochs = tasks.iter().map(|(_, epoch)| *epoch).collect();
        Self {
            ids,
            scopes,
            epochs,
        }
    }

    async fn ask(&self, transaction: &Transaction<'_>, sql: &str) -> Result<Vec<Row>, Failed> {
        let values: [Value<'_>; 3] = [
            (&self.ids, Type::TEXT_ARRAY),
            (&self.scopes, Type::TEXT_ARRAY),
            (&self.epochs, Type::INT8_ARRAY),
        ];
        answered(transaction.query_typed(sql, &values)).await
    }
}
