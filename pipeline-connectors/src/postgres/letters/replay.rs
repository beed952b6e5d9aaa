//! Letters on their way back.

use pipeline_runtime::private::held;
use pipeline_runtime::queue::{DeadLetter, Outgoing, Queue};
use tokio_postgres::types::Type;

use super::store::PostgresLetters;
use crate::postgres::error::Failed;
use crate::postgres::line::Value;
use crate::postgres::queue::{beside, join};
use crate::replay::{LetterStore, LettersError, Only, Replay, Sealed};

impl PostgresLetters {
    /// Sends letters back to a queue, and removes them here: to be described, and [run](Replay::run).
    ///
    /// It moves the letters that are there when it begins, each once: a message that fails again meanwhile has a new
    /// letter, which tells how often it was replayed before. Each goes back under its id, in the group that it had. With
    /// the [`journal`](Replay::journal) of the pipeline its task goes on behind what is recorded of it.
    ///
    /// Whatever it is interrupted by, do it again: a task that was restored is not taken from who works on it by now; one
    /// that is done is not sent again, as long as the journal remembers it; a message that is still queued is not stored
    /// twice, where the queue can tell. Where the queue lies in the schema of the letters, a message is sent and its letter
    /// removed in one transaction, which needs neither. Without a journal, and with the queue elsewhere, a message may be
    /// sent twice if this is interrupted between sending and removing.
    ///
    /// # Examples
    ///
    /// ```
    /// use pipeline_connectors::queue::PostgresLetters;
    /// use pipeline_runtime::queue::Queue;
    ///
    /// async fn try_again(
    ///     letters: &PostgresLetters,
    ///     orders: &impl Queue,
    /// ) -> Result<(), Box<dyn std::error::Error>> {
    ///     let replayed = letters.replay(orders).stage("locate").cause("timeout").run().await?;
    ///     println!("{} messages sent", replayed.sent);
    ///     Ok(())
    /// }
    /// ```
    pub fn replay<'a, Q: Queue>(&'a self, queue: &'a Q) -> Replay<'a, Self, Q> {
        Replay::of(self, queue)
    }

    async fn move_all(
        &self,
        queue: &str,
        messages: Vec<(i64, Outgoing<Vec<u8>>)>,
        mut sent: Vec<i64>,
    ) -> Result<Vec<(usize, String)>, Failed> {
        let failed = |error: tokio_postgres::Error| Failed::from(&error);
        let schema = self.db.schema();
        let mut alone = self.db.transacting().alone().await?;
        let transaction = alone.transaction().await?;
        let (numbers, messages): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let (queue, refused) = join(&transaction, schema, &self.home, queue, messages).await?;
        let is_sent = |index: &usize| !refused.iter().any(|(refused, _)| refused == index);
        let moved = numbers.iter().enumerate();
        let moved = moved.filter(|(index, _)| is_sent(index));
        sent.extend(moved.map(|(_, number)| *number));
        let remove = format!("DELETE FROM {schema}.letter WHERE seq = ANY ($1)");
        let values: [Value<'_>; 1] = [(&sent, Type::INT8_ARRAY)];
        let removed = transaction.execute_typed(&remove, &values).await;
        removed.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        self.db.watch().tell(queue);
        Ok(refused)
    }
}

impl Sealed for PostgresLetters {}

impl LetterStore for PostgresLetters {
    async fn newest(&self) -> Result<i64, LettersError> {
        let sql = format!(
            "SELECT coalesce(max(seq), 0) FROM {}.letter",
            self.db.schema()
        );
        let rows = self.ask(&sql, &[]).await?;
        let newest = rows.first().map(|row| row.try_get(0)).transpose();
        let newest: Option<i64> = newest.map_err(|error| self.error(Failed::from(&error)))?;
        Ok(newest.unwrap_or_default())
    }

    async fn select(
        &self,
        only: Only,
        most: usize,
    ) -> Result<Vec<(i64, DeadLetter)>, LettersError> {
        self.find(only, most).await
    }

    fn beside<'p>(&self, place: &'p str) -> Option<&'p str> {
        beside(place, &self.home)
    }

    async fn send(
        &self,
        queue: &str,
        messages: Vec<(i64, Outgoing<Vec<u8>>)>,
        done: Vec<i64>,
    ) -> Result<Vec<(usize, String)>, LettersError> {
        let moving = self.move_all(queue, messages, done);
        let moved = held("the dead letters", moving).await;
        moved.map_err(|failed| self.error(failed))
    }

    async fn take_out(&self, numbers: Vec<i64>) -> Result<(), LettersError> {
        let sql = format!(
            "DELETE FROM {}.letter WHERE seq = ANY ($1)",
            self.db.schema()
        );
        self.ask(&sql, &[(&numbers, Type::INT8_ARRAY)]).await?;
        Ok(())
    }
}
