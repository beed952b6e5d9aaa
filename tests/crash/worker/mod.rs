//! A worker: the process that things happen to.

mod files;
mod job;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqs")]
mod sqs;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brigade::queue::{Outgoing, Queue};

use crate::notes::Notes;
use crate::places::Places;

/// Where the files are; and where there is room for notes.
const DIRECTORY: &str = "BRIGADE_TEST_CRASH";
const NOTES: &str = "BRIGADE_TEST_CRASH_NOTES";
const PLACES: &str = "BRIGADE_TEST_CRASH_PLACES";

/// What SQS's stand-in takes.
pub(crate) const CREDENTIALS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
];

/// What a worker is started with.
pub(crate) fn environment(
    directory: &Path,
    notes: &Path,
    places: Places,
) -> [(&'static str, PathBuf); 3] {
    [
        (DIRECTORY, directory.into()),
        (NOTES, notes.into()),
        (PLACES, places.name().into()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the tests kill"]
async fn worker() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let notes = std::env::var_os(NOTES).map(PathBuf::from).unwrap();
    let notes = Arc::new(Notes::open(&notes));
    let places = Places::of(&std::env::var(PLACES).unwrap());
    let ended = match places {
        Places::OneFile | Places::Linked | Places::QueueElsewhere | Places::SmallDisk => {
            files::work(&directory, places, notes).await
        }
        #[cfg(feature = "sqs")]
        Places::Sqs => sqs::work(&directory, notes).await,
        #[cfg(feature = "postgres")]
        Places::PostgresSettling | Places::PostgresCompleting | Places::Hosts => {
            postgres::work(&directory, places, notes).await
        }
        #[cfg(not(all(feature = "sqs", feature = "postgres")))]
        _ => unreachable!("there is no such story"),
    };
    panic!("a worker does not end by itself: {ended}");
}

/// Makes the places, and puts so many messages on the queue.
pub(crate) fn prepare(directory: &Path, places: Places, messages: u32) {
    #[cfg(feature = "sqs")]
    if places == Places::Sqs {
        return sqs::prepare(directory, messages);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        #[cfg(feature = "postgres")]
        if places.is_postgres() {
            return postgres::prepare(directory, places, messages).await;
        }
        files::prepare(directory, places, messages).await;
    });
}

async fn send(queue: &impl Queue<Body = String>, places: Places, messages: u32) {
    let numbers: Vec<_> = (0..messages).collect();
    for some in numbers.chunks(1000) {
        let message = |number: &u32| {
            let message = Outgoing::new(number.to_string()).id(number.to_string());
            match places.group(*number) {
                Some(group) => message.group(group),
                None => message,
            }
        };
        let unsent = queue.send(some.iter().map(message).collect()).await;
        assert!(unsent.unwrap().is_empty());
    }
}
