//! Tasks that come from a queue: what is redelivered resumes, what is acknowledged is finished.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::database::Sqlite;
use brigade::journal::{self, Forget, Journal};
use brigade::prelude::*;
use brigade::queue::{Ask, Outgoing};

use crate::fakes::{Failing, Letters, Notes, PATIENCE, sent, until};

/// How often two stages ran, and how often the second fails.
#[derive(Default)]
struct Stages {
    first: AtomicUsize,
    second: AtomicUsize,
    failures: AtomicUsize,
}

impl Stages {
    fn failing(times: usize) -> Arc<Self> {
        Arc::new(Self {
            failures: times.into(),
            ..Self::default()
        })
    }

    fn first(&self, text: &str) -> usize {
        self.first.fetch_add(1, SeqCst);
        text.len()
    }

    async fn second(&self, length: usize) -> Result<usize, &'static str> {
        tokio::task::yield_now().await;
        self.second.fetch_add(1, SeqCst);
        let fails = self
            .failures
            .try_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        match fails {
            Ok(_) => Err("not now"),
            Err(_) => Ok(length * 10),
        }
    }

    fn counts(&self) -> (usize, usize) {
        (self.first.load(SeqCst), self.second.load(SeqCst))
    }
}

/// In real time: virtual time runs on while the threads of a blocking stage work.
#[tokio::test]
async fn a_redelivered_task_resumes_and_is_finished_when_it_is_acknowledged() {
    let (notes, stages) = (Notes::new(), Stages::failing(2));
    let messages = sent(&[("a", "xx"), ("b", "yyy")]).await;
    let written = Arc::new(Mutex::new(Vec::new()));
    let running = pipeline! {
        [messages.clone().deliveries(), queue::nacks(Duration::from_millis(10))]
        journal = Arc::clone(&notes);
        use stages, written;
        push_task(message),
        :block 2 let length = stages.first(message) with { once },
        :async 2 let tens = stages.second(*length).await? with { once },
        map(|m| (m.task_id().to_string(), m.tens)),
        :drive sink::each(move |row: (String, usize)| written.lock().unwrap().push(row)),
    }
    .spawn();
    until("both are finished", || notes.finished() == ["a", "b"]).await;
    running.drain(PATIENCE).await.unwrap();
    written.lock().unwrap().sort();
    assert_eq!(
        *written.lock().unwrap(),
        [("a".into(), 20), ("b".into(), 30)]
    );
    assert_eq!(
        stages.counts(),
        (2, 4),
        "the first stage is recorded, the second failed twice"
    );
    assert!(messages.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_away_is_waited_for_and_no_letter_is_written() {
    let (notes, stages, letters) = (
        Notes::failing(Failing::Away),
        Stages::failing(0),
        Letters::default(),
    );
    let messages = sent(&[("a", "xx")]).await;
    let deliveries = messages.clone().deliveries();
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        journal = Arc::clone(&notes);
        use stages;
        push_task(message),
        let length = stages.first(message) with { once },
        map(|m| m.length),
        :drive sink::each(|_length| {}),
    }
    .spawn();
    // Hours: its lease is kept meanwhile, and it is not given back.
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    let waiting = stats.snapshot();
    assert_eq!((waiting.received, waiting.in_flight), (1, 1));
    *notes.fails.lock().unwrap() = None;
    tokio::time::sleep(PATIENCE).await;
    until("it is done", || stats.snapshot().acked == 1).await;
    running.drain(PATIENCE).await.unwrap();
    assert!(letters.written().is_empty());
    assert_eq!((stats.snapshot().received, stages.counts().0), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_holds_what_is_recorded_and_replays_into_the_stage_that_failed() {
    let (notes, stages, letters) = (Notes::new(), Stages::failing(1), Letters::default());
    let messages = sent(&[("a", "xx")]).await;
    let running = pipeline! {
        [messages.clone().deliveries(), queue::dead_letters(letters.clone())]
        journal = Arc::clone(&notes);
        use stages;
        push_task(message, id = |message| format!("message {}", message.id())),
        let upper = message.to_uppercase(),
        let length = stages.first(upper) with { once },
        :async let tens = stages.second(*length).await?,
        map(|m| m.tens),
        :drive sink::each(|_tens| {}),
    }
    .spawn();
    until("the letter is written", || !letters.written().is_empty()).await;
    until("the dead task is finished", || {
        notes.finished() == ["message a"]
    })
    .await;
    let letter = letters.written()[0].clone();
    let known = |frame: &queue::DeadFrame| (frame.key.clone(), frame.value.is_some());
    let frames: Vec<_> = letter.frames.iter().map(known).collect();
    let expected = [("message", false), ("upper", false), ("length", true)];
    assert_eq!(frames, expected.map(|(key, known)| (key.to_owned(), known)));
    assert_eq!(letter.frames[2].read::<usize>().unwrap(), Some(2));
    assert_eq!(letter.frames[1].read::<String>().unwrap(), None);
    assert!(letter.frames[2].read::<String>().is_err());
    assert_eq!(
        (letter.stage.as_str(), letter.cause.as_str()),
        ("tens", "not now")
    );

    // The journal has forgotten the task meanwhile.
    notes.frames.lock().unwrap().clear();
    notes
        .restore(vec![letter.restore(Forget::nothing())])
        .await
        .unwrap();
    let message = letter.message().unwrap();
    assert!(messages.send(vec![message]).await.unwrap().is_empty());
    until("the replayed task is finished", || {
        notes.finished() == ["message a", "message a"]
    })
    .await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(stages.counts(), (1, 2));
    assert_eq!(letters.written().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_in_parts_is_finished_with_the_last_of_them() {
    let notes = Notes::new();
    let messages = sent(&[("a", "1 2 3")]).await;
    let (written, mut rows) = tokio::sync::mpsc::channel(1);
    let running = pipeline! {
        [messages.deliveries()]
        journal = Arc::clone(&notes);
        push_task(message),
        let words = message.split(' ').map(str::to_owned).collect::<Vec<_>>() with { once },
        flat_map(|m| m.words),
        :drive written,
    }
    .spawn();
    for expected in ["1", "2", "3"] {
        assert!(notes.finished().is_empty());
        assert_eq!(rows.recv().await.as_deref(), Some(expected));
    }
    until("it is finished", || notes.finished() == ["a"]).await;
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tasks_of_one_message_are_finished_together() {
    let notes = Notes::new();
    let messages = sent(&[("a", "1 2 3")]).await;
    let (written, mut rows) = tokio::sync::mpsc::channel(1);
    let running = pipeline! {
        [messages.deliveries()]
        journal = Arc::clone(&notes);
        flat_map(|message| message.split(' ').map(str::to_owned).collect::<Vec<_>>()),
        push_task(word, id = |word| word),
        let length = word.len() with { once },
        map(|m| m.length),
        :drive written,
    }
    .spawn();
    for _ in 0..3 {
        assert!(
            notes.finished().is_empty(),
            "the message may still come again"
        );
        assert_eq!(rows.recv().await, Some(1));
    }
    until("all are finished", || notes.finished() == ["1", "2", "3"]).await;
    running.drain(PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn of_several_tasks_of_a_dead_message_the_letter_has_the_failed_one_and_none_is_forgotten() {
    let (notes, letters) = (Notes::new(), Letters::default());
    let messages = sent(&[("a", "1 22 333"), ("b", "4444")]).await;
    let running = pipeline! {
        [messages.clone().deliveries(), queue::dead_letters(letters.clone())]
        journal = Arc::clone(&notes);
        flat_map(|message| message.split(' ').map(str::to_owned).collect::<Vec<_>>()),
        push_task(word, id = |word| word),
        let length = word.len() with { once },
        map(|m| if m.length == 3 { Err("too long") } else { Ok(m.length) })?,
        :drive sink::each(|_length| {}),
    }
    .spawn();
    until("both messages are over", || {
        messages.is_empty() && notes.finished() == ["4444"]
    })
    .await;
    running.drain(PATIENCE).await.unwrap();
    let letters = letters.written();
    assert_eq!(letters.len(), 1);
    let (id, task) = (letters[0].id.as_str(), letters[0].task.as_str());
    assert_eq!((id, task), ("a", "333"));
    let length = letters[0].frames.last().unwrap();
    assert_eq!(
        (length.key.as_str(), length.read().unwrap()),
        ("length", Some(3))
    );
    assert_eq!(notes.finished(), ["4444"], "the letter has one task only");
}

#[tokio::test(start_paused = true)]
async fn the_task_of_a_batch_is_in_the_letters_of_all_its_messages() {
    let (notes, letters) = (Notes::new(), Letters::default());
    let messages = sent(&[("a", "1"), ("b", "2")]).await;
    let running = pipeline! {
        [messages.clone().deliveries(), queue::dead_letters(letters.clone())]
        journal = Arc::clone(&notes);
        batch(2),
        push_task(pair, id = |pair| format!("{}+{}", pair[0].id(), pair[1].id())),
        let total = pair.iter().map(|one| one.len()).sum::<usize>() with { once },
        map(|_m| Err::<usize, _>("not now"))?,
        :drive sink::each(|_total| {}),
    }
    .spawn();
    until("the task is finished", || notes.finished() == ["a+b"]).await;
    assert!(messages.is_empty(), "finished before its messages were");
    running.drain(PATIENCE).await.unwrap();
    let letters = letters.written();
    let known = letters.iter().map(|letter| {
        let total = letter.frames.last().unwrap().read::<usize>().unwrap();
        (letter.id.as_str(), letter.task.as_str(), total)
    });
    let known: Vec<_> = known.collect();
    assert_eq!(known, [("a", "a+b", Some(2)), ("b", "a+b", Some(2))]);
}

#[tokio::test(start_paused = true)]
async fn messages_without_a_name_are_no_other_queues_tasks() {
    let notes = Notes::new();
    let mut lengths = Vec::new();
    for text in ["1", "22"] {
        let messages = queue::memory();
        let unsent = messages.send(vec![Outgoing::new(text.to_owned())]).await;
        assert!(unsent.unwrap().is_empty());
        let collected: Vec<_> = pipeline! {
            [messages.deliveries().wait(Duration::ZERO).until_idle()]
            journal = Arc::clone(&notes);
            push_task(message),
            let length = message.len() with { once },
            map(|m| m.length),
        }
        .collect()
        .await
        .unwrap();
        lengths.extend(collected);
    }
    assert_eq!(lengths, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_dropped_unfinished_keeps_its_frames() {
    let notes = Notes::new();
    let messages = sent(&[("a", "1")]).await;
    let running = pipeline! {
        [messages.clone().deliveries()]
        journal = Arc::clone(&notes);
        push_task(message),
        let length = message.len() with { once },
        :async let never = std::future::pending::<u8>().await,
        map(|m| m.never),
        :drive sink::each(|_never| {}),
    }
    .spawn();
    until("it is recorded", || notes.recorded() == ["a/length"]).await;
    running.abort().await;
    assert!(notes.finished().is_empty());
    assert_eq!(
        messages
            .receive(Ask::new(1, Duration::ZERO))
            .await
            .unwrap()
            .len(),
        1,
        "it comes again"
    );
}

#[tokio::test]
async fn without_a_queue_a_task_is_finished_when_its_item_is_done() {
    let notes = Notes::new();
    let report = pipeline! {
        [0..4u32]
        journal = Arc::clone(&notes);
        push_task(n, id = |n| n),
        let twice = n * 2 with { once },
        filter(|m| m.twice != 2),
        :drive sink::each(|_| ()),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(report.stage("sink").unwrap().done, 3);
    assert_eq!(notes.finished(), ["0", "1", "2", "3"]);
}

/// How often the stage was called, and what it made or read, in two pipelines that see the same id. Neither finishes its
/// task, so that what is recorded stays.
#[cfg(feature = "sqlite")]
async fn lengths<J: Journal + Clone + 'static>(
    journal: &J,
    texts: [&str; 2],
) -> [(usize, usize); 2] {
    let directory = tempfile::tempdir().unwrap();
    let mut made = [(0, 0); 2];
    for (index, text) in texts.into_iter().enumerate() {
        let file = directory.path().join(format!("{index}.db"));
        let messages = Sqlite::open(file)
            .unwrap()
            .queue::<String>("jobs")
            .open()
            .unwrap();
        let message = Outgoing::new(text.to_owned()).id("a");
        assert!(messages.send(vec![message]).await.unwrap().is_empty());
        let calls = Arc::new(AtomicUsize::new(0));
        let (counted, (read, mut lengths)) = (Arc::clone(&calls), tokio::sync::mpsc::channel(1));
        let running = pipeline! {
            [messages.deliveries()]
            journal = journal.clone();
            use counted, read;
            push_task(message),
            let length = { counted.fetch_add(1, SeqCst); message.len() } with { once },
            :async tap(async |m| {
                read.send(m.length).await.unwrap();
                std::future::pending::<()>().await;
            }),
            :drive sink::each(|_message| {}),
        }
        .spawn();
        let length = tokio::time::timeout(PATIENCE, lengths.recv()).await;
        running.abort().await;
        made[index] = (calls.load(SeqCst), length.unwrap().unwrap());
    }
    made
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn two_pipelines_over_one_journal_do_not_read_each_others_values() {
    let directory = tempfile::tempdir().unwrap();
    let file = Sqlite::open(directory.path().join("tasks.db"))
        .unwrap()
        .journal()
        .open();
    let apart = [(1, 1), (1, 2)];
    assert_eq!(lengths(&file.unwrap(), ["1", "22"]).await, apart);
    assert_eq!(lengths(&journal::memory(), ["1", "22"]).await, apart);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn two_pipelines_under_one_scope_of_a_journal_read_each_others_values() {
    let directory = tempfile::tempdir().unwrap();
    let file = Sqlite::open(directory.path().join("tasks.db"))
        .unwrap()
        .journal()
        .open();
    let shared = [(1, 1), (0, 1)];
    let file = file.unwrap().scope("x");
    assert_eq!(lengths(&file, ["1", "22"]).await, shared);
    let memory = journal::memory().scope("x");
    assert_eq!(lengths(&memory, ["1", "22"]).await, shared);
}
