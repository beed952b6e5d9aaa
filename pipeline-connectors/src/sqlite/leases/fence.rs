//! Who does not hold a lease any more writes nothing.

use pipeline_service::lease::Lease;

use super::held::SqliteLeases;
use crate::sqlite::{Fence, OpenError, OpenErrorKind, Table, same_file};

impl Table {
    /// The same table, which is written only as long as nobody else has been granted the lease: that of a run is
    /// [`Context::lease`](pipeline_service::Context::lease). Its rows can be settled with their messages as well.
    ///
    /// Each transaction looks at the lease when it has the file to itself, so that nobody is granted it before the transaction
    /// ends, also where this program is stopped in the midst of it; then all others wait until it goes on, or is killed. Where
    /// somebody else has been granted it, nothing of the batch is written, and the pipeline stops with an error that says so.
    ///
    /// # Errors
    ///
    /// If the leases are in another file.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("work.db");
    /// # use pipeline_connectors as brigade;
    /// use brigade::database::Sqlite;
    /// use pipeline_service::lease::{Lease, Leases as _};
    /// use std::time::Duration;
    ///
    /// let db = Sqlite::open(&path)?;
    /// let leases = db.leases().open()?;
    /// let table = db.table("copies").column("text", "TEXT").create().open()?;
    /// let ttl = Duration::from_secs(15);
    /// if let Some(token) = leases.claim("writer", "me", ttl).await? {
    ///     let rows = table.fenced(&leases, &Lease::new("writer", token, ttl))?;
    ///     // At the end of a pipeline: :drive rows
    ///     # drop(rows);
    /// }
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn fenced(&self, leases: &SqliteLeases, lease: &Lease) -> Result<Self, OpenError> {
        let (path, there) = (self.database().path(), leases.path());
        if same_file(path, there) {
            return Ok(self.held_by(Fence(lease.clone())));
        }
        let problem = format!("it is not in the file of the leases, {}", there.display());
        let table = self.name().to_owned();
        let kind = OpenErrorKind::Elsewhere { table, problem };
        Err(OpenError::of_file(path, kind))
    }
}
