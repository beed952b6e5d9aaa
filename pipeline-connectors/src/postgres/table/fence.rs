//! What a transaction has to hold before it writes.

use pipeline_service::lease::{Lease, Stale};
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::postgres::answer::answered;
use crate::postgres::error::Failed;
use crate::postgres::line::Value;

/// A lease that must not have been granted to anybody else, in a place of leases.
#[derive(Debug, Clone)]
pub(in crate::postgres) struct Fence {
    /// That of the tables of the leases, quoted.
    pub(in crate::postgres) schema: String,
    /// What tells those tables from any others.
    pub(in crate::postgres) home: String,
    pub(in crate::postgres) lease: Lease,
}

impl Fence {
    /// Nobody else is granted the lease before the transaction ends, which it does in time, whatever becomes of this program;
    /// unless somebody has been already. Not behind a savepoint: to go back there would let go of it.
    pub(in crate::postgres) async fn hold(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<Result<(), Stale>, Failed> {
        let Self {
            schema,
            home,
            lease,
        } = self;
        let (name, limit) = (&**lease.name(), self.limit());
        let token = i64::try_from(lease.token()).unwrap_or_default();
        let sql = format!("SELECT {schema}.lease_fence($1, $2, $3, $4)");
        let values: [Value<'_>; 4] = [
            (home, Type::TEXT),
            (&name, Type::TEXT),
            (&token, Type::INT8),
            (&limit, Type::INT8),
        ];
        let row = answered(transaction.query_typed_one(&sql, &values)).await?;
        let current: i64 = row.try_get(0).map_err(|error| Failed::from(&error))?;
        if current == token && token > 0 {
            return Ok(Ok(()));
        }
        let current = current.unsigned_abs();
        Ok(Err(Stale::new(
            lease.name().clone(),
            lease.token(),
            current,
        )))
    }

    /// For how many milliseconds a statement may take, or a pause between two: two thirds of the time of the lease.
    fn limit(&self) -> i64 {
        let limit = self.lease.ttl() * 2 / 3;
        i64::try_from(limit.as_millis()).map_or(i64::from(i32::MAX), |limit| {
            limit.clamp(1, i64::from(i32::MAX))
        })
    }
}
