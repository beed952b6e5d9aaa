//! A worker: the process that things happen to.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use brigade::database::Sqlite;
use brigade::prelude::*;
use brigade::queue::{Deliveries, Delivery, Outgoing, Queue, SqliteLetters, SqliteQueue};
use brigade::sink::{Sink, Table};
use brigade::{journal, link};

use crate::notes::Notes;
use crate::story::Places;

/// Where the files are; and where there is room for notes.
const DIRECTORY: &str = "BRIGADE_TEST_CRASH";
const NOTES: &str = "BRIGADE_TEST_CRASH_NOTES";
const PLACES: &str = "BRIGADE_TEST_CRASH_PLACES";
const MESSAGES: &str = "BRIGADE_TEST_CRASH_MESSAGES";

/// What SQS's stand-in takes.
pub(crate) const CREDENTIALS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
];

/// No message does any harm, so none may be taken for one that does. A worker is killed or stopped with the same message
/// up to six times in a story: from half of this on it is worked on alone, which so happens too, and so often never.
const POISON: u32 = 12;

/// Who waits for a file waits for as long as its holder may be stopped.
const BUSY: Duration = Duration::from_secs(60);

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
    let places = Places::of(&std::env::var(PLACES).unwrap());
    let desk = Desk::open(&directory, places);
    let notes = Arc::new(Notes::open(&notes));
    let ended = match places {
        Places::QueueElsewhere => {
            let rows = desk.journal.completing(&desk.table).unwrap();
            let ended = work(jobs(&directory, places), desk, notes, rows).await;
            ended.to_string()
        }
        Places::OneFile | Places::SmallDisk => {
            let queue = jobs(&directory, places);
            let rows = queue.settling(&desk.table).unwrap();
            work(queue, desk, notes, rows).await.to_string()
        }
        Places::Linked => {
            let queue = jobs(&directory, places);
            let rows = queue.settling(&desk.table).unwrap();
            work_linked(queue, desk, notes, rows).await
        }
        #[cfg(feature = "sqs")]
        Places::Sqs => {
            let rows = desk.journal.completing(&desk.table).unwrap();
            let ended = work(sqs(&directory).await, desk, notes, rows).await;
            ended.to_string()
        }
        #[cfg(not(feature = "sqs"))]
        Places::Sqs => unreachable!("there is no such story"),
    };
    panic!("a worker does not end by itself: {ended}");
}

/// What a worker works with, all of it with the defaults that matter: those of the retention.
struct Desk {
    journal: journal::SqliteJournal,
    letters: SqliteLetters,
    table: Table,
}

impl Desk {
    fn open(directory: &Path, places: Places) -> Self {
        let [_, table, journal, letters] = places.files(directory);
        let database = Sqlite::at(table).busy_timeout(BUSY).open().unwrap();
        let table = database.table("rows").column("number", "INTEGER NOT NULL");
        Self {
            journal: Sqlite::at(journal)
                .busy_timeout(BUSY)
                .open()
                .unwrap()
                .journal()
                .open()
                .unwrap(),
            letters: Sqlite::open(letters).unwrap().letters().open().unwrap(),
            // No key: a row that is written twice is there twice.
            table: table.create().open().unwrap(),
        }
    }
}

fn jobs(directory: &Path, places: Places) -> SqliteQueue {
    let [queue, ..] = places.files(directory);
    let file = Sqlite::at(queue).busy_timeout(BUSY).open().unwrap();
    file.queue("jobs").lease(places.lease()).open().unwrap()
}

#[cfg(feature = "sqs")]
async fn sqs(directory: &Path) -> queue::SqsQueue {
    let [place, ..] = Places::Sqs.files(directory);
    let place = std::fs::read_to_string(place).unwrap();
    let (endpoint, name) = place.split_once(' ').unwrap();
    let queue = queue::sqs(name).endpoint(endpoint);
    queue.lease(Places::Sqs.lease()).open().await
}

async fn work(
    queue: impl Queue<Body = String>,
    desk: Desk,
    notes: Arc<Notes>,
    rows: impl Sink<Vec<(u32,)>>,
) -> Failure<Delivery<String>> {
    let Desk {
        journal, letters, ..
    } = desk;
    let deliveries = deliveries(queue, &letters);
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters)]
        journal = journal;
        use notes;
        tap(|message| notes.begin(message)),
        push_task(message),
        let number = message.parse::<u32>()?,
        :block 2 let first = { notes.call(message, "first"); slowly(*number) } with { once },
        :async 8 let second = {
            notes.call(message, "second");
            tokio::time::sleep(Duration::from_millis(u64::from(*first % 8))).await;
            *first
        } with { once },
        map(|m| (m.second,)),
        batch(16, Duration::from_millis(20)),
        :drive rows,
    };
    match running.run().await {
        Ok(report) => panic!("it has ended: {report}"),
        Err(failure) => failure,
    }
}

/// The same as two pipelines: what the first has recorded goes on in the second.
async fn work_linked(
    queue: impl Queue<Body = String>,
    desk: Desk,
    notes: Arc<Notes>,
    rows: impl Sink<Vec<(u32,)>>,
) -> String {
    let Desk {
        journal, letters, ..
    } = desk;
    let (handed, then) = (link::<(Delivery<String>, u32)>(8), Arc::clone(&notes));
    let first = pipeline! {
        [deliveries(queue, &letters), queue::dead_letters(letters.clone())]
        journal = journal.clone();
        use notes;
        tap(|message| notes.begin(message)),
        push_task(message),
        let number = message.parse::<u32>()?,
        :block 2 let first = { notes.call(message, "first"); slowly(*number) } with { once },
        map(|m| (m.message, m.first)),
        :drive handed.sink(),
    };
    let second = pipeline! {
        [handed.input(), queue::dead_letters(letters)]
        journal = journal;
        use notes = then;
        push_task(given, id = |given| given.0.id().to_string()),
        :async 8 let second = {
            notes.call(&given.0, "second");
            tokio::time::sleep(Duration::from_millis(u64::from(given.1 % 8))).await;
            given.1
        } with { once },
        map(|m| (m.second,)),
        batch(16, Duration::from_millis(20)),
        :drive rows,
    };
    let (first, second) = tokio::join!(first.run(), second.run());
    format!("{first:?}, {second:?}")
}

/// The deliveries of a queue, of which no message is to be buried.
fn deliveries<Q: Queue<Body = String>>(queue: Q, letters: &SqliteLetters) -> Deliveries<Q> {
    queue
        .deliveries()
        .prefetch(64)
        .wait(Duration::from_secs(1))
        .poison(POISON, letters.clone())
}

fn slowly(number: u32) -> u32 {
    std::thread::sleep(Duration::from_millis(u64::from(number % 5)));
    number
}

/// Makes the files, and puts so many messages on the queue.
pub(crate) fn prepare(directory: &Path, places: Places, messages: u32) {
    Desk::open(directory, places);
    if places == Places::Sqs {
        // In a process of its own, for it finds its credentials in the environment.
        let mut sender = Command::new(std::env::current_exe().unwrap());
        let sent = sender
            .args(["worker::sender", "--exact", "--ignored"])
            .envs(environment(directory, directory, places))
            .envs(CREDENTIALS)
            .env(MESSAGES, messages.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&sent.stdout);
        assert!(sent.status.success(), "the messages are not sent: {said}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(send(&jobs(directory, places), messages));
}

#[cfg(feature = "sqs")]
#[tokio::test]
#[ignore = "the process that sends messages to SQS"]
async fn sender() {
    let Some(messages) = std::env::var_os(MESSAGES) else {
        return;
    };
    let directory = std::env::var_os(DIRECTORY).map(PathBuf::from).unwrap();
    let queue = sqs(&directory).await;
    let name = queue.name();
    let name = name.strip_prefix("sqs:").unwrap();
    let made = queue.client().create_queue().queue_name(name).send().await;
    made.unwrap();
    send(&queue, messages.to_str().unwrap().parse().unwrap()).await;
}

async fn send(queue: &impl Queue<Body = String>, messages: u32) {
    let numbers: Vec<_> = (0..messages).collect();
    for some in numbers.chunks(1000) {
        let message = |number: &u32| Outgoing::new(number.to_string()).id(number.to_string());
        let unsent = queue.send(some.iter().map(message).collect()).await;
        assert!(unsent.unwrap().is_empty());
    }
}
