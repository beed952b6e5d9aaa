//! Who does not hold a lease any more writes nothing.

use pipeline_service::lease::{FenceError, Lease};
use tokio_postgres::Transaction;

use super::held::PostgresLeases;
use crate::postgres::table::{Fence, PostgresTable};

impl PostgresTable {
    /// The same table, which is written only as long as nobody else has been granted the lease: that of a run is
    /// [`Context::lease`](pipeline_service::Context::lease). Its rows can be settled with their messages as well.
    ///
    /// Each transaction locks the lease first, so that nobody is granted it before the transaction ends, also where this
    /// program is stopped, suspended or cut off in the midst of it. While that lasts, the lease can be extended. A statement, and a
    /// pause between two, may last for two thirds of the lease's time; then the server ends the transaction (the whole of which
    /// may last as long from PostgreSQL 17 on), which is rolled back, and written again if the lease is still this one.
    ///
    /// Where somebody else has been granted it, nothing of the batch is written, and the pipeline stops with an error that says
    /// so. The leases have to be in the database of the table, else all writes are such errors.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Postgres;
    /// use pipeline_service::{Leader, Service};
    ///
    /// let db = Postgres::connect("postgres://app:secret@db.example/work").await?;
    /// let leases = db.leases().open().await?;
    /// let table = db.table("copies").column("text", "text").create().open().await?;
    /// let leader = Leader::new(leases.clone(), "writer");
    /// let service = Service::new("copies", ()).process("write", |p| {
    ///     p.led_by(&leader).task(move |cx, _| {
    ///         // At the end of its pipeline: :drive rows
    ///         let rows = table.fenced(&leases, cx.lease().expect("it is led"));
    ///         async move { drop(rows) }
    ///     })
    /// });
    /// # let _ = service;
    /// # Ok(())
    /// # }
    /// ```
    pub fn fenced(&self, leases: &PostgresLeases, lease: &Lease) -> Self {
        self.held_by(leases.of(lease))
    }
}

impl PostgresLeases {
    /// Lets a transaction of yours write only if nobody else has been granted the lease, and nobody be granted it before the
    /// transaction ends. To be called first in it, and before any savepoint: to roll back to one that is older would let go of
    /// the lease.
    ///
    /// It sets `lock_timeout`, `statement_timeout`, `idle_in_transaction_session_timeout`, and from PostgreSQL 17 on
    /// `transaction_timeout`, to two thirds of the lease's time, for the rest of the transaction, where they are not shorter
    /// already: else a program that is stopped in the midst of it would keep others from leading for as long.
    ///
    /// # Errors
    ///
    /// If somebody else has been granted the lease since; if the server does not answer, or the transaction is one of another
    /// database. The transaction is to be rolled back.
    ///
    /// # Cancel safety
    ///
    /// Whether a future that is dropped has locked the lease is not known; the lock ends with the transaction.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(
    /// #     mut client: tokio_postgres::Client,
    /// #     leases: pipeline_connectors::database::PostgresLeases,
    /// #     cx: pipeline_service::Context<()>,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let lease = cx.lease().expect("its process is led");
    /// let transaction = client.transaction().await?;
    /// leases.fence(&transaction, lease).await?;
    /// transaction.execute("UPDATE progress SET at = 12", &[]).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn fence(
        &self,
        transaction: &Transaction<'_>,
        lease: &Lease,
    ) -> Result<(), FenceError> {
        let held = self.of(lease).hold(transaction).await;
        Ok(held.map_err(|failed| self.0.error(&failed))??)
    }

    fn of(&self, lease: &Lease) -> Fence {
        Fence {
            schema: self.0.db.schema().to_string(),
            home: self.0.home.to_string(),
            lease: lease.clone(),
        }
    }
}
