//! What every journal promises.

use std::sync::Arc;

use futures::future::join_all;
use pipeline_runtime::journal::{
    Begin, Begun, Ending, Finish, Forget, Frame, Journal, Recorded, Restore, Restored, TaskName,
};

use super::checks::Checks;

/// Checks a journal: what is recorded is known when the task begins again, by task and key, whatever is in it; recording
/// again replaces; many may record at the same time; of two that have begun a task only the last may record and finish it;
/// a task that is done stays so for its message, and is new for another; scopes are apart.
///
/// `make` makes an empty journal each time it is called, that remembers for a while which tasks are done.
///
/// # Panics
///
/// If something does not hold; the message names each check that fails, and says what it found.
pub async fn journal<J: Journal>(make: impl AsyncFn() -> J) {
    let mut checks = Checks::default();
    macro_rules! check {
        ($($check:ident;)*) => {$(
            let journal = make().await;
            checks.add(stringify!($check), || async move { $check(&journal).await });
        )*};
    }
    check! {
        answers_in_order;
        keeps_every_value;
        replaces;
        records_for_many;
        records_all_or_nothing;
        fences;
        gives_no_epoch_twice;
        keeps_what_is_done;
        knows_new_messages;
        drops;
        keeps_scopes_apart;
        restores;
    }
    checks.run().await;
}

/// Checks a journal that is durable: what is recorded, done, and which epochs were given is known when it is opened again.
///
/// `open` opens the same journal each time it is called; it is empty the first time.
///
/// # Panics
///
/// If that does not hold.
pub async fn durable_journal<J: Journal>(open: impl AsyncFn() -> J) {
    let first = open().await;
    let a = begin(&first, "a").await;
    let b = begin(&first, "b").await;
    record(&first, &[("a", &a, "post", b"1"), ("b", &b, "post", b"2")]).await;
    let c = begin(&first, "c").await;
    finish(&first, "c", c.epoch, Ending::Done).await;
    drop(first);
    let second = open().await;
    assert!(
        begin_or_done(&second, "c", None).await.is_none(),
        "it has forgotten what is done"
    );
    for (task, before, value) in [("a", a, b"1"), ("b", b, b"2")] {
        let again = begin(&second, task).await;
        assert_eq!(again.frames, [("post".to_owned(), value.to_vec())]);
        assert!(
            again.epoch > before.epoch,
            "an epoch is given again after a restart"
        );
    }
}

/// A task under way.
struct Open {
    epoch: u64,
    /// By key: the order in which they are told does not matter.
    frames: Vec<(String, Vec<u8>)>,
}

async fn answers_in_order(journal: &impl Journal) {
    let b = begin(journal, "b").await;
    assert_eq!(b.frames, [], "a new task has frames");
    let c = begin(journal, "c").await;
    record(
        journal,
        &[
            ("b", &b, "x", b"1"),
            ("c", &c, "y", b"2"),
            ("b", &b, "z", b"3"),
        ],
    )
    .await;
    let tasks = ["c", "a", "b", "c"]
        .map(|task| beginning(task, None))
        .to_vec();
    let begun = journal.begin(tasks).await.expect("it does not begin");
    let keys = begun.into_iter().map(|begun| {
        let frames = opened(begun).expect("nothing is done").frames;
        let keys: Vec<_> = frames.iter().map(|(key, _)| key.clone()).collect();
        keys.join(" ")
    });
    assert_eq!(
        keys.collect::<Vec<_>>(),
        ["y", "", "x z", "y"],
        "it does not answer for each task in order"
    );
    let nothing = journal.begin(Vec::new()).await;
    assert!(nothing.expect("it does not begin nothing").is_empty());
    record(journal, &[]).await;
}

async fn keeps_every_value(journal: &impl Journal) {
    let large = vec![0xa5; journal.limit().min(1024 * 1024)];
    let all: Vec<u8> = (0..=255).collect();
    let long = "k".repeat(500);
    let names = ["a", "", " ", "a'b\"c`", "ä→🚚", "a/b", "%", "NULL", &long];
    for name in names {
        let task = begin(journal, name).await;
        for (key, value) in [("empty", &[][..]), ("all", &all), (name, b"1")] {
            record(journal, &[(name, &task, key, value)]).await;
        }
    }
    let task = begin(journal, "large").await;
    record(journal, &[("large", &task, "large", &large)]).await;
    for name in names {
        let mut expected = [
            ("empty".to_owned(), Vec::new()),
            ("all".to_owned(), all.clone()),
            (name.to_owned(), b"1".to_vec()),
        ];
        expected.sort();
        assert_eq!(
            begin(journal, name).await.frames,
            expected,
            "of task {name:?}"
        );
    }
    assert!(
        begin(journal, "large").await.frames[0].1 == large,
        "a large value is another one"
    );
}

async fn replaces(journal: &impl Journal) {
    let a = begin(journal, "a").await;
    record(journal, &[("a", &a, "x", b"1"), ("a", &a, "y", b"2")]).await;
    record(journal, &[("a", &a, "x", b"3")]).await;
    let expected = [
        ("x".to_owned(), b"3".to_vec()),
        ("y".to_owned(), b"2".to_vec()),
    ];
    assert_eq!(
        begin(journal, "a").await.frames,
        expected,
        "recording again does not replace"
    );
}

async fn records_for_many(journal: &impl Journal) {
    let names: Vec<String> = (0..100).map(|number| format!("task {number}")).collect();
    join_all(names.iter().map(|name| async move {
        for key in ["x", "y", "z"] {
            let task = begin(journal, name).await;
            record(journal, &[(name, &task, key, name.as_bytes())]).await;
            assert!(
                begin(journal, name)
                    .await
                    .frames
                    .iter()
                    .any(|(recorded, _)| recorded == key),
                "what was just recorded of {name} is not there"
            );
        }
    }))
    .await;
    for name in &names {
        assert_eq!(begin(journal, name).await.frames.len(), 3, "of {name}");
    }
}

/// A caller that goes away leaves a batch whole.
async fn records_all_or_nothing(journal: &impl Journal) {
    let last = begin(journal, "later").await;
    for round in 0..50 {
        let (one, other) = (format!("{round} a"), format!("{round} b"));
        let tasks = [begin(journal, &one).await, begin(journal, &other).await];
        let frames = vec![
            frame(&one, tasks[0].epoch, "x", b"1"),
            frame(&other, tasks[1].epoch, "x", b"2"),
        ];
        drop(futures::poll!(Box::pin(journal.record(frames))));
        // A later answer comes after it, whatever became of it.
        record(journal, &[("later", &last, "x", b"3")]).await;
        let recorded = [
            begin(journal, &one).await.frames.len(),
            begin(journal, &other).await.frames.len(),
        ];
        assert!(
            recorded == [0, 0] || recorded == [1, 1],
            "a batch was recorded in part"
        );
    }
}

/// Of two deliveries of one task the one that began last has it.
async fn fences(journal: &impl Journal) {
    let old = begin(journal, "a").await;
    record(journal, &[("a", &old, "x", b"1")]).await;
    let other = begin(journal, "b").await;
    let new = begin(journal, "a").await;
    assert!(
        new.epoch > old.epoch,
        "a later beginning has no greater epoch"
    );
    let frames = vec![
        frame("a", old.epoch, "x", b"old"),
        frame("b", other.epoch, "x", b"2"),
        frame("a", old.epoch, "y", b"old"),
        frame("a", new.epoch, "z", b"3"),
    ];
    let fenced = journal.record(frames).await.expect("it does not record");
    assert_eq!(
        fenced,
        [0, 2],
        "what is recorded under an older epoch is not fenced"
    );
    for ending in [Ending::Done, Ending::Dropped] {
        finish(journal, "a", old.epoch, ending).await;
    }
    let expected = [
        ("x".to_owned(), b"1".to_vec()),
        ("z".to_owned(), b"3".to_vec()),
    ];
    assert_eq!(
        begin(journal, "a").await.frames,
        expected,
        "a task was changed under an older epoch"
    );
    assert_eq!(
        begin(journal, "b").await.frames.len(),
        1,
        "a neighbour of what was fenced"
    );
    let never = journal.record(vec![frame("never", 1, "x", b"1")]).await;
    assert_eq!(
        never.expect("it does not record"),
        [0],
        "a task that has not begun is recorded"
    );
}

/// Not to a task that was forgotten either: somebody may still have the old one.
async fn gives_no_epoch_twice(journal: &impl Journal) {
    let old = begin(journal, "a").await;
    finish(journal, "a", old.epoch, Ending::Dropped).await;
    let new = begin(journal, "a").await;
    assert!(
        new.epoch > old.epoch,
        "an epoch is given again to a task that was dropped"
    );
    let late = journal.record(vec![frame("a", old.epoch, "x", b"1")]).await;
    assert_eq!(
        late.expect("it does not record"),
        [0],
        "a dropped task is recorded"
    );
}

async fn keeps_what_is_done(journal: &impl Journal) {
    for (task, message) in [("a", None), ("b", Some("7"))] {
        let open = begin_or_done(journal, task, message)
            .await
            .expect("it is new");
        record(journal, &[(task, &open, "x", b"1")]).await;
        finish(journal, task, open.epoch, Ending::Done).await;
        finish(journal, task, open.epoch, Ending::Done).await;
        for number in 0..100 {
            let other = format!("{task} {number}");
            let open = begin(journal, &other).await;
            finish(journal, &other, open.epoch, Ending::Done).await;
        }
        assert!(
            begin_or_done(journal, task, message).await.is_none(),
            "a task that is done begins again"
        );
        let late = journal
            .record(vec![frame(task, open.epoch, "y", b"2")])
            .await;
        assert_eq!(
            late.expect("it does not record"),
            [0],
            "a task that is done is recorded"
        );
    }
    finish(journal, "unknown", 1, Ending::Done).await;
    assert_eq!(begin(journal, "unknown").await.frames, []);
}

async fn knows_new_messages(journal: &impl Journal) {
    let first = begin_or_done(journal, "a", Some("1"))
        .await
        .expect("it is new");
    record(journal, &[("a", &first, "x", b"1")]).await;
    finish(journal, "a", first.epoch, Ending::Done).await;
    let second = begin_or_done(journal, "a", Some("2")).await;
    let second = second.expect("a new message is taken for the one of its name that is done");
    assert_eq!(
        second.frames,
        [],
        "a new message has the frames of one that is done"
    );
    let late = journal
        .record(vec![frame("a", first.epoch, "y", b"2")])
        .await;
    assert_eq!(
        late.expect("it does not record"),
        [0],
        "the old message records for the new"
    );
    finish(journal, "a", second.epoch, Ending::Done).await;
    assert!(
        begin_or_done(journal, "a", None).await.is_none(),
        "a message without a number is taken for a new one"
    );
}

async fn drops(journal: &impl Journal) {
    let tasks = ["a", "b", "c"];
    let mut open = Vec::new();
    for task in tasks {
        let begun = begin(journal, task).await;
        record(journal, &[(task, &begun, "x", b"1")]).await;
        open.push(begun);
    }
    finish(journal, "a", open[0].epoch, Ending::Dropped).await;
    finish(journal, "c", open[2].epoch, Ending::Dropped).await;
    let mut left = Vec::new();
    for task in tasks {
        left.push(begin(journal, task).await.frames.len());
    }
    let open = begin_or_done(journal, "d", Some("1"))
        .await
        .expect("it is new");
    record(journal, &[("d", &open, "x", b"1")]).await;
    finish(journal, "d", open.epoch, Ending::Dropped).await;
    assert!(
        begin_or_done(journal, "d", Some("1")).await.is_none(),
        "a message that was given up on begins again, by the same number"
    );
    let again = begin_or_done(journal, "d", Some("2")).await;
    let again = again.expect("a task that was given up on cannot be replayed");
    assert_eq!(again.frames, [], "what is recorded of a dropped task stays");
    assert_eq!(
        left,
        [0, 1, 0],
        "of three tasks the first and the last were dropped"
    );
}

async fn keeps_scopes_apart(journal: &impl Journal) {
    let of = |scope: &str| Begin {
        task: TaskName::new(scope, "a"),
        message: None,
    };
    let begun = journal.begin(vec![of("one"), of("two")]).await;
    let begun = begun.expect("it does not begin").into_iter();
    let epochs: Vec<_> = begun.filter_map(opened).map(|open| open.epoch).collect();
    let frames = vec![Frame {
        task: TaskName::new("one", "a"),
        epoch: epochs[0],
        key: "x".into(),
        value: b"1"[..].into(),
    }];
    let fenced = journal.record(frames).await.expect("it does not record");
    assert!(fenced.is_empty());
    let end = Finish {
        task: TaskName::new("two", "a"),
        epoch: epochs[1],
        ending: Ending::Done,
    };
    journal.finish(vec![end]).await.expect("it does not finish");
    let again = journal.begin(vec![of("one"), of("two")]).await;
    let again = again.expect("it does not begin").into_iter().map(opened);
    let again: Vec<_> = again
        .map(|open| open.map(|open| open.frames.len()))
        .collect();
    assert_eq!(again, [Some(1), None], "tasks of two scopes are one");
}

fn beginning(task: &str, message: Option<&str>) -> Begin {
    Begin {
        task: TaskName::new("conformance", task),
        message: message.map(Arc::from),
    }
}

fn opened(begun: Begun) -> Option<Open> {
    let Begun::Open { epoch, frames } = begun else {
        return None;
    };
    let plain = |frame: Recorded| (frame.key.to_string(), frame.value.to_vec());
    let mut frames: Vec<_> = frames.into_iter().map(plain).collect();
    frames.sort();
    Some(Open { epoch, frames })
}

async fn begin(journal: &impl Journal, task: &str) -> Open {
    let open = begin_or_done(journal, task, None).await;
    open.unwrap_or_else(|| panic!("the task {task} is done"))
}

async fn begin_or_done(journal: &impl Journal, task: &str, message: Option<&str>) -> Option<Open> {
    let begun = journal.begin(vec![beginning(task, message)]).await;
    let begun = <[_; 1]>::try_from(begun.expect("it does not begin"));
    let [begun] = begun.expect("it does not answer for each task");
    opened(begun)
}

fn frame(task: &str, epoch: u64, key: &str, value: &[u8]) -> Frame {
    Frame {
        task: TaskName::new("conformance", task),
        epoch,
        key: key.into(),
        value: value.into(),
    }
}

async fn record(journal: &impl Journal, frames: &[(&str, &Open, &str, &[u8])]) {
    let frames = frames
        .iter()
        .map(|(task, open, key, value)| frame(task, open.epoch, key, value));
    let fenced = journal.record(frames.collect()).await;
    assert!(
        fenced.expect("it does not record").is_empty(),
        "what is recorded under the newest epoch is fenced"
    );
}

async fn finish(journal: &impl Journal, task: &str, epoch: u64, ending: Ending) {
    let end = Finish {
        task: TaskName::new("conformance", task),
        epoch,
        ending,
    };
    journal.finish(vec![end]).await.expect("it does not finish");
}

async fn restores(journal: &impl Journal) {
    let restore = async |message: &str, frames: &[(&str, &[u8])], forget: &[&str]| {
        let recorded = |(key, value): &(&str, &[u8])| Recorded {
            key: (*key).into(),
            value: (*value).into(),
        };
        let restore = Restore {
            begin: beginning("a", Some(message)),
            frames: frames.iter().map(recorded).collect(),
            forget: Forget::Keys(forget.iter().map(|key| Arc::from(*key)).collect()),
        };
        let restored = journal.restore(vec![restore]).await;
        restored.expect("it does not restore")[0]
    };
    let of = async |message: &str| begin_or_done(journal, "a", Some(message)).await;
    let open = of("1").await.expect("it is new");
    let known = [("a", &open, "post", &b"new"[..]), ("a", &open, "cut", b"x")];
    record(journal, &known).await;
    let letter: [(&str, &[u8]); 2] = [("post", b"old"), ("clean", b"c")];
    assert_eq!(restore("2", &letter, &["cut"]).await, Restored::Open);
    let again = of("2").await.expect("it is open");
    let mut frames = again.frames.clone();
    frames.sort();
    let expected = [("clean", "c"), ("post", "new")];
    assert_eq!(
        frames,
        expected.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec())),
        "what it knows stays, what is missing is added"
    );
    assert_eq!(restore("2", &letter, &["post"]).await, Restored::Open);
    // Under the epoch from before: who works on it still has it.
    record(journal, &[("a", &again, "last", b"l")]).await;
    finish(journal, "a", again.epoch, Ending::Done).await;
    assert_eq!(restore("2", &letter, &[]).await, Restored::Done);
    assert!(of("2").await.is_none(), "what is done is open again");
    assert_eq!(restore("3", &[], &[]).await, Restored::Open);
    let new = of("3").await.expect("it is a new task of an old name");
    assert!(new.frames.is_empty(), "it has what another task recorded");
}
