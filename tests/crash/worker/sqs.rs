//! A worker whose queue is SQS, and whose table is a file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use brigade::queue::{self, Queue as _};

use super::files::Desk;
use super::job::work as rows_of;
use super::{CREDENTIALS, DIRECTORY, environment, send};
use crate::notes::Notes;
use crate::places::Places;

const MESSAGES: &str = "BRIGADE_TEST_CRASH_MESSAGES";

pub(super) async fn work(directory: &Path, notes: Arc<Notes>) -> String {
    let Desk {
        journal,
        letters,
        table,
    } = Desk::open(directory, Places::Sqs);
    let rows = journal.completing(&table).unwrap();
    rows_of(jobs(directory).await, journal, letters, notes, rows).await
}

async fn jobs(directory: &Path) -> queue::SqsQueue {
    let [place, ..] = Places::Sqs.files(directory);
    let place = std::fs::read_to_string(place).unwrap();
    let (endpoint, name) = place.split_once(' ').unwrap();
    let queue = queue::sqs(name).endpoint(endpoint);
    queue.lease(Places::Sqs.lease()).open().await
}

pub(super) fn prepare(directory: &Path, messages: u32) {
    Desk::open(directory, Places::Sqs);
    // In a process of its own, for it finds its credentials in the environment.
    let mut sender = Command::new(std::env::current_exe().unwrap());
    let sent = sender
        .args(["worker::sqs::sender", "--exact", "--ignored"])
        .envs(environment(directory, directory, Places::Sqs))
        .envs(CREDENTIALS)
        .env(MESSAGES, messages.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&sent.stdout);
    assert!(sent.status.success(), "the messages are not sent: {said}");
}

#[tokio::test]
#[ignore = "the process that sends messages to SQS"]
async fn sender() {
    let Some(messages) = std::env::var_os(MESSAGES) else {
        return;
    };
    let directory = std::env::var_os(DIRECTORY).map(PathBuf::from).unwrap();
    let queue = jobs(&directory).await;
    let name = queue.name();
    let name = name.strip_prefix("sqs:").unwrap();
    let made = queue.client().create_queue().queue_name(name).send().await;
    made.unwrap();
    let messages = messages.to_str().unwrap().parse().unwrap();
    send(&queue, Places::Sqs, messages).await;
}
