//! What every journal promises.

use std::sync::Arc;

use futures::future::join_all;
use pipeline_runtime::journal::{Frame, Journal, Recorded};

/// Checks a journal: what is recorded is loaded afterwards, by task and key, whatever is in it; recording again replaces;
/// many may record at the same time; a finished task leaves the others alone; one that begins again stays until it is
/// finished again.
///
/// `make` makes an empty journal each time it is called.
///
/// # Panics
///
/// If one of these does not hold; the message says which.
pub async fn journal<J: Journal>(make: impl AsyncFn() -> J) {
    answers_in_order(&make().await).await;
    keeps_every_value(&make().await).await;
    replaces(&make().await).await;
    records_for_many(&make().await).await;
    records_all_or_nothing(&make().await).await;
    finishes(&make().await).await;
    begins_again(&make().await).await;
}

/// Checks a journal that is durable: what is recorded is there when it is opened again.
///
/// `open` opens the same journal each time it is called; it is empty the first time.
///
/// # Panics
///
/// If that does not hold.
pub async fn durable_journal<J: Journal>(open: impl AsyncFn() -> J) {
    let frames = vec![frame("a", "post", b"1"), frame("b", "post", b"2")];
    record(&open().await, frames).await;
    let again = open().await;
    assert_eq!(
        load(&again, "a").await,
        [("post".to_owned(), b"1".to_vec())]
    );
    assert_eq!(
        load(&again, "b").await,
        [("post".to_owned(), b"2".to_vec())]
    );
}

async fn answers_in_order(journal: &impl Journal) {
    assert_eq!(load(journal, "new").await, [], "a new task has frames");
    record(
        journal,
        vec![
            frame("b", "x", b"1"),
            frame("c", "y", b"2"),
            frame("b", "z", b"3"),
        ],
    )
    .await;
    let tasks = ["c", "a", "b", "c"].map(Arc::from).to_vec();
    let loaded = journal.load(tasks).await.expect("it does not load");
    let keys: Vec<_> = loaded
        .into_iter()
        .map(sorted)
        .map(|frames| keys(&frames))
        .collect();
    assert_eq!(
        keys,
        ["y", "", "x z", "y"],
        "it does not answer for each task in order"
    );
    assert!(
        journal
            .load(Vec::new())
            .await
            .expect("it does not load nothing")
            .is_empty()
    );
    record(journal, Vec::new()).await;
}

async fn keeps_every_value(journal: &impl Journal) {
    let large = vec![0xa5; journal.limit().min(1024 * 1024)];
    let all: Vec<u8> = (0..=255).collect();
    let long = "k".repeat(500);
    let names = ["a", "", " ", "a'b\"c`", "ä→🚚", "a/b", "%", "NULL", &long];
    let mut frames = Vec::new();
    for name in names {
        for (key, value) in [("empty", &[][..]), ("all", &all), (name, b"1")] {
            frames.push(frame(name, key, value));
        }
    }
    frames.push(frame("large", "large", &large));
    record(journal, frames).await;
    for name in names {
        let mut expected = [
            ("empty".to_owned(), Vec::new()),
            ("all".to_owned(), all.clone()),
            (name.to_owned(), b"1".to_vec()),
        ];
        expected.sort();
        assert_eq!(load(journal, name).await, expected, "of task {name:?}");
    }
    assert!(
        load(journal, "large").await[0].1 == large,
        "a large value is another one"
    );
}

async fn replaces(journal: &impl Journal) {
    record(journal, vec![frame("a", "x", b"1"), frame("a", "y", b"2")]).await;
    record(journal, vec![frame("a", "x", b"3")]).await;
    let expected = [
        ("x".to_owned(), b"3".to_vec()),
        ("y".to_owned(), b"2".to_vec()),
    ];
    assert_eq!(
        load(journal, "a").await,
        expected,
        "recording again does not replace"
    );
}

async fn records_for_many(journal: &impl Journal) {
    let names: Vec<String> = (0..100).map(|number| format!("task {number}")).collect();
    join_all(names.iter().map(|name| async move {
        for key in ["x", "y", "z"] {
            record(journal, vec![frame(name, key, name.as_bytes())]).await;
            assert!(
                load(journal, name)
                    .await
                    .iter()
                    .any(|(recorded, _)| recorded == key),
                "what was just recorded of {name} is not there"
            );
        }
    }))
    .await;
    for name in &names {
        assert_eq!(load(journal, name).await.len(), 3, "of {name}");
    }
}

/// A caller that goes away leaves a batch whole.
async fn records_all_or_nothing(journal: &impl Journal) {
    for round in 0..50 {
        let (one, other) = (format!("{round} a"), format!("{round} b"));
        let frames = vec![frame(&one, "x", b"1"), frame(&other, "x", b"2")];
        drop(futures::poll!(Box::pin(journal.record(frames))));
        // A later answer comes after it, whatever became of it.
        record(journal, vec![frame("later", "x", b"3")]).await;
        let recorded = [
            load(journal, &one).await.len(),
            load(journal, &other).await.len(),
        ];
        assert!(
            recorded == [0, 0] || recorded == [1, 1],
            "a batch was recorded in part"
        );
    }
}

async fn finishes(journal: &impl Journal) {
    record(
        journal,
        vec![
            frame("a", "x", b"1"),
            frame("b", "x", b"2"),
            frame("c", "x", b"3"),
        ],
    )
    .await;
    for tasks in [&["a", "c"][..], &["a"], &["unknown"], &[]] {
        finish(journal, tasks).await;
    }
    assert_eq!(
        load(journal, "b").await.len(),
        1,
        "a task that is not finished is gone"
    );
    // What is kept of a finished task is the journal's own affair, but it does not get in the way.
    record(journal, vec![frame("a", "y", b"4")]).await;
    let again = load(journal, "a").await;
    assert!(
        again.contains(&("y".to_owned(), b"4".to_vec())),
        "a finished task cannot begin again"
    );
}

/// A finished task that is loaded is under way: what was found of it then does not go with its first end.
async fn begins_again(journal: &impl Journal) {
    record(journal, vec![frame("again", "x", b"1")]).await;
    finish(journal, &["again"]).await;
    let found = load(journal, "again").await;
    for number in 0..100 {
        let other = number.to_string();
        record(journal, vec![frame(&other, "x", b"2")]).await;
        finish(journal, &[&other]).await;
    }
    assert_eq!(
        load(journal, "again").await,
        found,
        "a finished task that has begun again is dropped while it is under way"
    );
}

fn frame(task: &str, key: &str, value: &[u8]) -> Frame {
    Frame {
        task: task.into(),
        key: key.into(),
        value: value.into(),
    }
}

async fn record(journal: &impl Journal, frames: Vec<Frame>) {
    journal.record(frames).await.expect("it does not record");
}

async fn finish(journal: &impl Journal, tasks: &[&str]) {
    let tasks = tasks.iter().copied().map(Arc::from).collect();
    journal.finish(tasks).await.expect("it does not finish");
}

async fn load(journal: &impl Journal, task: &str) -> Vec<(String, Vec<u8>)> {
    let loaded = journal
        .load(vec![task.into()])
        .await
        .expect("it does not load");
    let [frames] = <[_; 1]>::try_from(loaded).expect("it does not answer for each task");
    sorted(frames)
}

/// By key: the order in which frames are loaded does not matter.
fn sorted(frames: Vec<Recorded>) -> Vec<(String, Vec<u8>)> {
    let plain = |frame: Recorded| (frame.key.to_string(), frame.value.to_vec());
    let mut frames: Vec<_> = frames.into_iter().map(plain).collect();
    frames.sort();
    frames
}

fn keys(frames: &[(String, Vec<u8>)]) -> String {
    let keys: Vec<_> = frames.iter().map(|(key, _)| key.as_str()).collect();
    keys.join(" ")
}
