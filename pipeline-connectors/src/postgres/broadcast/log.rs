//! The events of a broadcast, in a database.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_runtime::private::held;
use pipeline_service::event_log::{Batch, Entry, EventLog, LogError, Page};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::postgres::error::Failed;
use crate::postgres::handle::Postgres;
use crate::postgres::line::Value;
use crate::postgres::watch::Bell;

/// How often it is read where nothing is notified.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct ServerLog {
    db: Postgres,
    number: i32,
    broadcast: String,
    /// For messages.
    place: Name,
    keep: i64,
    bell: Arc<Bell>,
}

impl ServerLog {
    pub(super) fn new(
        db: Postgres,
        number: i32,
        broadcast: String,
        place: Name,
        keep: u64,
    ) -> Self {
        Self {
            bell: db.watch().bells.of(told_as(number)),
            db,
            number,
            broadcast,
            place,
            keep: i64::try_from(keep).unwrap_or(i64::MAX),
        }
    }

    /// The number of a broadcast, and the last that it has given.
    pub(super) async fn find(db: &Postgres, name: &str) -> Result<(i32, u64), Failed> {
        let open = format!("SELECT * FROM {}.broadcast_open($1)", db.schema());
        let rows = db
            .transacting()
            .query_alone(&open, &[(&name, Type::TEXT)])
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| Failed::away("it has made no broadcast"))?;
        let read = |row: &Row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.unsigned_abs()));
        read(row).map_err(|error: tokio_postgres::Error| Failed::from(&error))
    }

    async fn add(&self, batch: &Batch) -> Result<(), Failed> {
        let sql = format!(
            "SELECT {}.broadcast_append($1, $2, $3, $4, $5, $6, $7)",
            self.db.schema()
        );
        let number = signed(batch.number);
        let steps: Vec<_> = batch
            .entries
            .iter()
            .map(|entry| signed(entry.numbers()))
            .collect();
        let bodies: Vec<_> = batch
            .entries
            .iter()
            .map(|entry| match entry {
                Entry::Event(body) => Some(&**body),
                Entry::Lost(_) => None,
            })
            .collect();
        let values: [Value<'_>; 7] = [
            (&self.number, Type::INT4),
            (&self.broadcast, Type::TEXT),
            (&batch.writer, Type::TEXT),
            (&number, Type::INT8),
            (&steps, Type::INT8_ARRAY),
            (&bodies, Type::TEXT_ARRAY),
            (&self.keep, Type::INT8),
        ];
        let line = self.db.transacting();
        line.query_alone(&sql, &values).await?;
        self.db.watch().tell(told_as(self.number));
        Ok(())
    }

    async fn page(&self, after: u64, most: usize) -> Result<Page, Failed> {
        let sql = format!(
            "SELECT * FROM {}.broadcast_read($1, $2, $3)",
            self.db.schema()
        );
        let (after, most) = (signed(after), i64::try_from(most).unwrap_or(i64::MAX));
        let values: [Value<'_>; 3] = [
            (&self.number, Type::INT4),
            (&after, Type::INT8),
            (&most, Type::INT8),
        ];
        let rows = self.db.receiving().query(&sql, &values).await?;
        // Where there is no row somebody has emptied the table.
        read(&rows).map_err(|error| Failed::from(&error))
    }
}

impl EventLog for ServerLog {
    fn name(&self) -> Name {
        self.place.clone()
    }

    async fn append(&self, batch: Arc<Batch>) -> Result<(), LogError> {
        let added = held("the broadcast", self.add(&batch)).await;
        added.map_err(|failed| LogError::new(failed.said))
    }

    async fn read(&self, after: u64, most: usize) -> Result<Page, LogError> {
        let page = held("the broadcast", self.page(after, most)).await;
        page.map_err(|failed| LogError::new(failed.said))
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        // From now on.
        let rung = self.bell.listen();
        async move {
            let _ = timeout(LOOK, rung).await;
        }
    }
}

/// Queues and broadcasts are told in one way: what programs that know no broadcasts hear of them is of no queue.
fn told_as(number: i32) -> i32 {
    -number
}

fn read(rows: &[Row]) -> Result<Page, tokio_postgres::Error> {
    let mut page = Page::default();
    for row in rows {
        page.last = row.try_get::<_, i64>(0)?.unsigned_abs();
        if let Some(number) = row.try_get::<_, Option<i64>>(1)? {
            page.events.push((number.unsigned_abs(), row.try_get(2)?));
        }
    }
    Ok(page)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
