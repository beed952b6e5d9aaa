//! What of ours a schema holds, for who must not make anything to know it.

use pipeline_runtime::private::held;

use super::error::{ConnectError, Refused};
use super::handle::Postgres;
use super::schema::{LEASES_SINCE, found};
use crate::contents::{Contents, QueueName};

impl Postgres {
    /// What of ours the schema holds. Nothing is made. A server that does not answer is waited for, for
    /// [`connect_within`](crate::database::PostgresBuilder::connect_within).
    ///
    /// # Errors
    ///
    /// If the server does not answer in time; if the tables are of another major version, or may not be read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn contents(&self) -> Result<Contents, ConnectError> {
        let patience = self.patience();
        let mut asking = patience.asking();
        loop {
            match held("the tables", self.look()).await {
                Ok(contents) => {
                    asking.answered();
                    return Ok(contents);
                }
                Err(refused) => self.pause(&mut asking, refused).await?,
            }
        }
    }

    async fn look(&self) -> Result<Contents, Refused> {
        let mut contents = Contents::default();
        let (line, schema) = (self.transacting(), self.schema());
        let Some(found) = found(line, schema).await? else {
            return Ok(contents);
        };
        let all = format!("SELECT name, bodies FROM {schema}.queue_name ORDER BY name");
        for row in line.query_alone(&all, &[]).await? {
            let (name, bodies) = (row.try_get(0)?, row.try_get(1)?);
            contents.queues.push(QueueName { name, bodies });
        }
        // They are made together.
        (contents.letters, contents.journal) = (true, true);
        contents.schedules = found.minor >= LEASES_SINCE;
        Ok(contents)
    }
}
