//! Dead letters on their way back, whatever interrupts that.

#![cfg(all(feature = "sqlite", feature = "journal"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use brigade::prelude::*;
use pipeline_connectors::database::Sqlite;
use pipeline_connectors::journal;
use pipeline_connectors::queue::{Replayed, SqliteLetters, SqliteQueue};
use pipeline_connectors::sink::Table;
use pipeline_runtime::ErrorKind;
use pipeline_runtime::Name;
use pipeline_runtime::journal::{
    Begin, Begun, Finish, Frame, Journal, JournalError, Restore, Restored,
};
use pipeline_runtime::queue::{
    Admin as _, Ask, Attributes, DeadLetter, DeadLetters as _, Outgoing, Profile, Queue,
    QueueError, Receipt, Received, Unsettled,
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(30);

/// What works on orders: a stage that is recorded, one that fails at first, and a table of what is done.
struct Shop {
    orders: SqliteQueue,
    journal: journal::SqliteJournal,
    letters: SqliteLetters,
    done: Table,
    dir: TempDir,
    calls: Arc<Calls>,
}

#[derive(Default)]
struct Calls {
    first: AtomicUsize,
    second: AtomicUsize,
    fails: AtomicBool,
    /// While it is there the second stage waits for it.
    gate: Option<Semaphore>,
}

impl Calls {
    fn first(&self, order: &str) -> usize {
        self.first.fetch_add(1, SeqCst);
        order.len()
    }

    async fn second(&self, length: usize) -> Result<usize, &'static str> {
        self.second.fetch_add(1, SeqCst);
        if self.fails.load(SeqCst) {
            return Err("the oven is cold");
        }
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        Ok(length * 10)
    }
}

impl Shop {
    /// Queue, journal and letters in files of their own, or in one.
    fn open(files: [&str; 3], gate: Option<Semaphore>) -> Self {
        let dir = TempDir::new().unwrap();
        let [orders, journal, letters] = files.map(|name| dir.path().join(name));
        let rows = Sqlite::open(&journal).unwrap();
        let done = rows.table("done").column("tens", "INTEGER").create();
        let quick = Sqlite::at(letters).busy_timeout(Duration::from_millis(10));
        Self {
            orders: Sqlite::open(orders)
                .unwrap()
                .queue("orders")
                .lease(PATIENCE)
                .open()
                .unwrap(),
            journal: Sqlite::open(journal).unwrap().journal().open().unwrap(),
            letters: quick.open().unwrap().letters().open().unwrap(),
            done: done.open().unwrap(),
            dir,
            calls: Arc::new(Calls {
                gate,
                ..Calls::default()
            }),
        }
    }

    /// Works until nothing is left to do.
    async fn work(&self) {
        let deliveries = self.orders.clone().deliveries();
        let deliveries = deliveries.wait(Duration::ZERO).until_idle();
        let (journal, calls) = (self.journal.clone(), Arc::clone(&self.calls));
        pipeline! {
            [deliveries, queue::dead_letters(self.letters.clone())]
            journal = journal;
            use calls;
            push_task(order),
            let length = calls.first(order) with { once },
            :async let tens = calls.second(*length).await? with { once },
            map(|m| (i64::try_from(m.tens).unwrap(),)),
            :drive self.journal.completing(&self.done).unwrap(),
        }
        .run()
        .await
        .unwrap();
    }

    /// Orders fail, and are letters.
    async fn fail(&self, orders: &[&str]) {
        let order = |text: &&str| Outgoing::new((*text).to_owned()).id(*text);
        let sent = self.orders.send(orders.iter().map(order).collect()).await;
        assert!(sent.unwrap().is_empty());
        self.calls.fails.store(true, SeqCst);
        self.work().await;
        self.calls.fails.store(false, SeqCst);
        assert_eq!(self.letters.count().await.unwrap(), orders.len() as u64);
    }

    async fn replay(&self) -> Replayed {
        let replay = self.letters.replay(&self.orders).journal(&self.journal);
        replay.run().await.unwrap()
    }

    fn rows(&self, file: &str) -> usize {
        let count = "SELECT count(*) FROM done";
        let raw = Connection::open(self.dir.path().join(file)).unwrap();
        raw.query_row(count, [], |row| row.get(0)).unwrap()
    }
}

/// Where a replay breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaks {
    AfterRestoring,
    AfterSending,
    BeforeRemoving,
}

/// A queue or a journal that does what it is asked, and then says that it could not be reached.
struct CutOff<P>(P, Breaks);

impl Queue for CutOff<SqliteQueue> {
    type Body = String;

    fn name(&self) -> Name {
        self.0.name()
    }
    fn profile(&self) -> Profile {
        self.0.profile()
    }
    async fn receive(&self, ask: Ask) -> Result<Vec<Received<String>>, QueueError> {
        self.0.receive(ask).await
    }
    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        self.0.ack(receipts).await
    }
    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.0.nack(receipts, delay).await
    }
    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        self.0.extend(receipts, lease).await
    }
    async fn send(&self, messages: Vec<Outgoing<String>>) -> Result<Vec<Unsettled>, QueueError> {
        let sent = self.0.send(messages).await;
        if self.1 == Breaks::AfterSending {
            return Err(QueueError::away("the answer was cut off"));
        }
        sent
    }
}

impl Journal for CutOff<journal::SqliteJournal> {
    fn name(&self) -> Name {
        self.0.name()
    }
    async fn begin(&self, tasks: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        self.0.begin(tasks).await
    }
    async fn record(&self, frames: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
        self.0.record(frames).await
    }
    async fn finish(&self, tasks: Vec<Finish>) -> Result<(), JournalError> {
        self.0.finish(tasks).await
    }
    async fn restore(&self, tasks: Vec<Restore>) -> Result<Vec<Restored>, JournalError> {
        let restored = self.0.restore(tasks).await;
        if self.1 == Breaks::AfterRestoring {
            return Err(JournalError::away("the answer was cut off"));
        }
        restored
    }
}

impl Shop {
    /// A replay that breaks off.
    async fn broken(&self, breaks: Breaks, file: &str) {
        let orders = CutOff(self.orders.clone(), breaks);
        let journal = CutOff(self.journal.clone(), breaks);
        let raw = Connection::open(self.dir.path().join(file)).unwrap();
        if breaks == Breaks::BeforeRemoving {
            // Letters can be read, and not removed.
            raw.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
        let replay = self.letters.replay(&orders).journal(&journal);
        let error = replay.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Away, "{error}");
        assert_eq!(self.letters.count().await.unwrap(), 1, "{breaks:?}");
    }
}

const APART: [&str; 3] = ["orders.db", "journal.db", "letters.db"];
const ALL: [Breaks; 3] = [
    Breaks::AfterRestoring,
    Breaks::AfterSending,
    Breaks::BeforeRemoving,
];

#[tokio::test]
async fn a_replay_that_breaks_off_between_any_two_steps_and_is_done_again_runs_and_writes_nothing_twice()
 {
    for breaks in ALL {
        // The message may have been worked on meanwhile, where it was sent.
        for works in [false, true] {
            let shop = Shop::open(APART, None);
            shop.fail(&["plums"]).await;
            shop.broken(breaks, "letters.db").await;
            if works {
                shop.work().await;
            }
            let was_done = works && breaks != Breaks::AfterRestoring;
            let replayed = shop.replay().await;
            let counts = (replayed.sent, replayed.already_done);
            let expected = if was_done { (0, 1) } else { (1, 0) };
            assert_eq!(counts, expected, "{breaks:?} {works}");
            shop.work().await;
            let calls = &shop.calls;
            let calls = (calls.first.load(SeqCst), calls.second.load(SeqCst));
            assert_eq!(calls, (1, 2), "{breaks:?} {works}");
            assert_eq!(shop.rows("journal.db"), 1);
            assert_eq!(shop.letters.count().await.unwrap(), 0);
            assert_eq!(shop.replay().await.sent, 0);
        }
    }
}

#[tokio::test]
async fn a_replay_that_is_done_again_takes_no_task_from_who_works_on_it() {
    for breaks in [Breaks::AfterSending, Breaks::BeforeRemoving] {
        let shop = Arc::new(Shop::open(APART, Some(Semaphore::new(0))));
        shop.fail(&["plums"]).await;
        shop.broken(breaks, "letters.db").await;
        let worker = Arc::clone(&shop);
        let working = tokio::spawn(async move { worker.work().await });
        let in_the_midst = async {
            while shop.calls.second.load(SeqCst) < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, in_the_midst).await.unwrap();
        assert_eq!(shop.replay().await.sent, 1, "it is queued already");
        shop.calls.gate.as_ref().unwrap().add_permits(100);
        working.await.unwrap();
        assert_eq!(shop.calls.first.load(SeqCst), 1);
        assert_eq!(shop.calls.second.load(SeqCst), 2, "it ran twice");
        assert_eq!(shop.rows("journal.db"), 1);
    }
}

#[tokio::test]
async fn in_the_file_of_the_queue_a_letter_is_sent_and_removed_in_one_transaction() {
    let shop = Shop::open(["shop.db"; 3], None);
    shop.fail(&["plums", "figs"]).await;
    // It breaks off before it is committed.
    let raw = Connection::open(shop.dir.path().join("shop.db")).unwrap();
    raw.execute_batch(
        "CREATE TRIGGER no BEFORE DELETE ON brigade_dead_letter WHEN old.id = 'figs'
        BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    .unwrap();
    let replay = shop.letters.replay(&shop.orders).journal(&shop.journal);
    let error = replay.run().await.unwrap_err();
    assert!(error.to_string().contains("no"), "{error}");
    assert_eq!(shop.orders.stats().await.unwrap().ready, 0, "one was sent");
    assert_eq!(shop.letters.count().await.unwrap(), 2);
    raw.execute_batch("DROP TRIGGER no").unwrap();
    assert_eq!(shop.replay().await.sent, 2);
    shop.work().await;
    assert_eq!(shop.rows("shop.db"), 2);
    assert_eq!(shop.calls.first.load(SeqCst), 2);
    assert_eq!(shop.letters.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_letter_that_fails_again_at_once_is_moved_once_and_counts_its_replays() {
    for files in [APART, ["shop.db"; 3]] {
        let shop = Shop::open(files, None);
        shop.fail(&["plums"]).await;
        shop.calls.fails.store(true, SeqCst);
        for replays in 1..=3 {
            assert_eq!(shop.replay().await.sent, 1);
            shop.work().await;
            let letters = shop.letters.get("plums").await.unwrap();
            assert_eq!((letters.len(), letters[0].replays), (1, replays));
        }
        assert_eq!(shop.calls.first.load(SeqCst), 1, "it is recorded");
    }
}

#[tokio::test]
async fn letters_are_chosen_by_the_path_of_their_stage_or_by_its_end() {
    let shop = Shop::open(APART, None);
    let letters = ["lower", "words/lower", "long/words/lower", "words_lower"];
    let letters = letters.map(|stage| {
        let mut letter = DeadLetter::new(stage, stage.into());
        letter.stage = stage.to_owned();
        letter
    });
    let chosen = async |stage: &str| {
        shop.letters.write(letters.to_vec()).await.unwrap();
        let replay = shop.letters.replay(&shop.orders).stage(stage);
        replay.run().await.unwrap().sent
    };
    assert_eq!(chosen("long/words/lower").await, 1);
    assert_eq!(chosen("words/lower").await, 2);
    assert_eq!(chosen("lower").await, 3);
    // Text, and no pattern.
    for none in ["ower", "%", "_ords/lower", "/lower", ""] {
        assert_eq!(chosen(none).await, 0, "{none}");
    }
}

#[tokio::test]
async fn letters_are_chosen_by_what_is_known_of_them() {
    let shop = Shop::open(APART, None);
    shop.fail(&["plums", "figs", "pears"]).await;
    let replay = || shop.letters.replay(&shop.orders).journal(&shop.journal);
    let hour = Duration::from_secs(3600);
    for none in [
        replay().stage("length"),
        replay().cause("the oven is hot"),
        replay().ids(["apples"]),
        replay().older_than(hour),
        replay().limit(0),
    ] {
        assert_eq!(none.run().await.unwrap().sent, 0);
    }
    let one = replay().ids(["figs", "apples"]).stage("tens");
    assert_eq!(one.run().await.unwrap().sent, 1);
    let late = replay().cause("oven").older_than(Duration::ZERO);
    let late = late.limit(1).delay(hour).run().await.unwrap();
    assert_eq!(late.sent, 1);
    assert!(
        shop.letters.get("plums").await.unwrap().is_empty(),
        "it is first"
    );
    let stats = shop.orders.stats().await.unwrap();
    assert_eq!((stats.ready, stats.total() - stats.ready), (1, 1));
}

#[tokio::test]
async fn a_letter_goes_back_into_its_group_with_its_priority_and_its_attributes() {
    for files in [APART, ["shop.db"; 3]] {
        let shop = Shop::open(files, None);
        shop.calls.fails.store(true, SeqCst);
        let plums = Outgoing::new("plums".to_owned()).id("plums").group("fruit");
        let plums = plums.attribute("tenant", "ä7").priority(-7);
        shop.orders.send(vec![plums]).await.unwrap();
        shop.work().await;
        assert_eq!(shop.replay().await.sent, 1);
        let received = shop
            .orders
            .receive(Ask::new(1, Duration::ZERO))
            .await
            .unwrap();
        assert_eq!(received[0].group.as_deref(), Some("fruit"));
        assert_eq!(received[0].attributes, Attributes::from([("tenant", "ä7")]));
        assert_eq!(received[0].priority, -7);
    }
}

#[tokio::test]
async fn a_value_that_can_no_longer_be_read_is_made_again() {
    for by_key in [true, false] {
        let shop = Shop::open(APART, None);
        shop.fail(&["plums"]).await;
        // As an earlier version of the program would have recorded it.
        let mut letters = shop.letters.oldest(1).await.unwrap();
        letters[0].frames[1].value = Some(b"\xa4five".to_vec());
        shop.letters.write(letters).await.unwrap();
        shop.replay().await;
        shop.work().await;
        assert_eq!(shop.rows("journal.db"), 0, "it was read");
        let replay = shop.letters.replay(&shop.orders).journal(&shop.journal);
        let replay = if by_key {
            replay.without_frame("length")
        } else {
            replay.until("length")
        };
        assert_eq!(replay.run().await.unwrap().sent, 1);
        shop.work().await;
        assert_eq!(shop.calls.first.load(SeqCst), 2);
        assert_eq!(shop.rows("journal.db"), 1);
    }
}

#[tokio::test]
async fn a_value_over_the_limit_of_the_journal_is_made_again_only_where_its_frame_is_left_out() {
    let mut shop = Shop::open(APART, None);
    // No number takes less than a byte.
    let journal = Sqlite::open(shop.dir.path().join("journal.db"))
        .unwrap()
        .journal()
        .value_limit(0);
    shop.journal = journal.open().unwrap();
    shop.fail(&["plums"]).await;
    let calls = || {
        (
            shop.calls.first.load(SeqCst),
            shop.calls.second.load(SeqCst),
        )
    };
    assert_eq!(calls(), (1, 1));
    assert_eq!(shop.replay().await.sent, 1);
    shop.work().await;
    let letters = shop.letters.get("plums").await.unwrap();
    assert_eq!((letters.len(), letters[0].stage.as_str()), (1, "length"));
    let cause = &letters[0].cause;
    assert!(cause.contains("could not be recorded"), "{cause}");
    assert_eq!(calls(), (1, 1), "what it did is done");
    let replay = shop.letters.replay(&shop.orders).journal(&shop.journal);
    let replay = replay.without_frame("length");
    assert_eq!(replay.run().await.unwrap().sent, 1);
    shop.work().await;
    assert_eq!((calls(), shop.rows("journal.db")), ((2, 2), 1));
    assert_eq!(shop.letters.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_letter_that_is_no_body_of_the_queue_stays_and_the_others_go() {
    for files in [APART, ["shop.db"; 3]] {
        let shop = Shop::open(files, None);
        shop.fail(&["plums", "figs"]).await;
        let mut letters = shop.letters.get("plums").await.unwrap();
        letters[0].original = vec![0xff];
        shop.letters.write(letters).await.unwrap();
        let replayed = shop.replay().await;
        assert_eq!((replayed.sent, replayed.unsent.len()), (1, 1));
        assert_eq!(replayed.unsent[0].id, "plums");
        assert_eq!(shop.letters.count().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_letter_whose_message_is_still_leased_is_not_lost() {
    for files in [APART, ["shop.db"; 3]] {
        let shop = Shop::open(files, None);
        let plums = Outgoing::new("plums".to_owned()).id("plums");
        shop.orders.send(vec![plums]).await.unwrap();
        let first = shop
            .orders
            .receive(Ask::new(1, Duration::ZERO))
            .await
            .unwrap();
        let letter = DeadLetter::new("plums", b"plums".to_vec());
        shop.letters.write(vec![letter]).await.unwrap();
        assert_eq!(shop.replay().await.sent, 1);
        let acked = shop.orders.ack(vec![first[0].receipt.clone()]).await;
        assert!(acked.unwrap().is_empty());
        assert_eq!(shop.orders.stats().await.unwrap().ready, 1);
    }
}
