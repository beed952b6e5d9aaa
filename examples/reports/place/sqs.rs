//! The queue is SQS, or what speaks its protocol; all else is in files.

use brigade::BoxError;
use brigade::database::SqliteSchedules;
use brigade::journal::{Completing, SqliteJournal};
use brigade::queue::{self, DeadLetter, SqliteLetters, SqsQueue};
use brigade::service::Broadcast;
use tokio::process::Command;

use super::files::{FileBooks, Files};
use super::{LEASE, Place, Tools};
use crate::args;
use crate::home::Home;

const WHICH: &str = "which SQS? start a server, `pip install ministack && ministack`, and say \
    `--sqs http://127.0.0.1:4566` with AWS_ACCESS_KEY_ID=test and AWS_SECRET_ACCESS_KEY=test; for AWS itself \
    `--sqs https://sqs.REGION.amazonaws.com`";

#[derive(Debug)]
pub struct Sqs {
    files: Files,
    url: String,
    name: String,
}

impl Sqs {
    pub fn at(asked: &args::Place) -> Result<Self, BoxError> {
        Ok(Self {
            files: Files::at(asked),
            url: asked.sqs.clone().ok_or(WHICH)?,
            name: asked.name.clone(),
        })
    }
}

impl Place for Sqs {
    type Queue = SqsQueue;
    type Journal = SqliteJournal;
    type Letters = SqliteLetters;
    type Rows = Completing;
    type Totals = Completing;
    type Schedules = SqliteSchedules;
    type Books = FileBooks;

    fn home(&self) -> &Home {
        &self.files.0
    }

    async fn begin(&self) -> Result<SqsQueue, BoxError> {
        self.files.begin_all_but_the_queue()?;
        let queue = self.queue().await?;
        let make = queue.client().create_queue().queue_name(&self.name);
        make.send().await?;
        let (name, count) = (&self.name, self.left().await?);
        if count > 0 {
            let problem =
                format!("the queue `{name}` has {count} messages; name another with `--name`");
            return Err(problem.into());
        }
        Ok(queue)
    }

    async fn is_begun(&self) -> Result<bool, BoxError> {
        self.files.is_there()
    }

    async fn queue(&self) -> Result<SqsQueue, BoxError> {
        let queue = queue::sqs(&self.name).endpoint(&self.url).lease(LEASE);
        Ok(queue.open().await)
    }

    async fn tools(&self) -> Result<Tools<Self>, BoxError> {
        self.files.open_all()
    }

    async fn outside(&self) -> Result<Broadcast<u32>, BoxError> {
        self.files.tell_outside()
    }

    /// AWS calls it approximate: what it says may be a minute old.
    async fn left(&self) -> Result<u64, BoxError> {
        let queue = self.queue().await?;
        let asked = queue
            .client()
            .get_queue_attributes()
            .queue_url(queue.url().await?)
            .attribute_names("All".into());
        let answer = asked.send().await?;
        let attributes = answer.attributes.unwrap_or_default();
        let counts = attributes
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("ApproximateNumberOfMessages"));
        Ok(counts
            .filter_map(|(_, count)| count.parse::<u64>().ok())
            .sum())
    }

    async fn letters(&self) -> Result<Vec<DeadLetter>, BoxError> {
        self.files.letters().await
    }

    async fn replay(&self, ids: &[String]) -> Result<(), BoxError> {
        self.files.replay_to(&self.queue().await?, ids).await
    }

    async fn books(&self) -> Result<FileBooks, BoxError> {
        self.files.open_books()
    }

    fn tell(&self, worker: &mut Command) {
        self.files.tell(worker);
        worker.args(["--queue", "sqs", "--sqs", &self.url, "--name", &self.name]);
    }
}
