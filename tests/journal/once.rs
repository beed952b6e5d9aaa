//! What is recorded is not run again; what cannot be recorded fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use brigade::prelude::*;

use crate::fakes::{Failing, Notes};

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Post {
    text: String,
    weight: f64,
}

/// Counts calls, by stage.
#[derive(Default)]
struct Calls {
    parse: AtomicUsize,
    load: AtomicUsize,
    send: AtomicUsize,
}

impl Calls {
    fn counts(&self) -> [usize; 3] {
        [&self.parse, &self.load, &self.send].map(|calls| calls.load(SeqCst))
    }

    fn parse(&self, line: &str) -> Result<Post, std::num::ParseFloatError> {
        self.parse.fetch_add(1, SeqCst);
        Ok(Post {
            text: line.to_owned(),
            weight: line.parse::<f64>()? / 3.0,
        })
    }

    fn load(&self, post: &Post) -> Vec<u8> {
        self.load.fetch_add(1, SeqCst);
        post.text.clone().into_bytes()
    }

    async fn send(&self, bytes: &[u8]) -> Result<usize, String> {
        self.send.fetch_add(1, SeqCst);
        tokio::task::yield_now().await;
        Ok(bytes.len())
    }
}

async fn run(
    notes: &Arc<Notes>,
    calls: &Arc<Calls>,
    lines: Vec<&'static str>,
) -> Result<Vec<(Post, usize)>, Failure<&'static str>> {
    let (notes, calls) = (Arc::clone(notes), Arc::clone(calls));
    pipeline! {
        [lines]
        journal = notes;
        use calls;
        push_task(line, id = |line| *line),
        let post = calls.parse(line)? with { once },
        :block 2 let bytes = calls.load(post) with { once },
        :async 8 let sent = calls.send(bytes).await? with { once },
        map(|m| (m.post, m.sent)),
    }
    .collect()
    .await
}

#[tokio::test]
async fn what_is_recorded_is_read_back_and_not_run_again() {
    let (notes, calls) = (Notes::new(), Arc::<Calls>::default());
    let lines = vec!["1", "2.5", "1e300", "NaN"];
    let first = run(&notes, &calls, lines.clone()).await.unwrap();
    assert_eq!(calls.counts(), [4, 4, 4]);
    assert_eq!(notes.recorded().len(), 12);
    let second = run(&notes, &calls, lines).await.unwrap();
    assert_eq!(calls.counts(), [4, 4, 4]);
    assert_eq!(first[..3], second[..3]);
    assert!(second[3].0.weight.is_nan());
}

#[tokio::test]
async fn mapduce_is_recorded_in_plain_block_and_async_stages() {
    let (notes, calls) = (Notes::new(), Arc::<Calls>::default());
    let run = async || {
        let (notes, calls) = (Arc::clone(&notes), Arc::clone(&calls));
        let sent: Vec<usize> = pipeline! {
            [["1", "2.5", "10"]]
            journal = notes;
            use calls;
            push_task(line, id = |line| *line),
            mapduce(line => post, |line| calls.parse(line))? with { once },
            :block 2 mapduce(post => bytes, |post| calls.load(post)) with { once },
            :async 8 mapduce(bytes => sent, async |bytes| calls.send(bytes).await)? with { once },
            map(|m| m.sent),
        }
        .collect()
        .await
        .unwrap();
        sent
    };
    for _ in 0..2 {
        assert_eq!(run().await, [1, 3, 2]);
        assert_eq!(
            calls.counts(),
            [3, 3, 3],
            "the second time all is read back"
        );
    }
    let keys: Vec<_> = notes.recorded();
    assert_eq!(keys.len(), 9, "{keys:?}");
}

#[tokio::test]
async fn what_a_bare_count_runs_is_recorded() {
    let (notes, calls) = (Notes::new(), Arc::<Calls>::default());
    let run = async || {
        let (notes, calls) = (Arc::clone(&notes), Arc::clone(&calls));
        let sizes: Vec<usize> = pipeline! {
            [["1", "2.5", "10"]]
            journal = notes;
            use calls;
            push_task(line, id = |line| *line),
            4 let post = calls.parse(line)? with { once },
            4 mapduce(post => bytes, |post| calls.load(post)) with { once },
            map(|m| m.bytes.len()),
        }
        .collect()
        .await
        .unwrap();
        sizes
    };
    for _ in 0..2 {
        assert_eq!(run().await, [1, 3, 2]);
        assert_eq!(calls.counts(), [3, 3, 0]);
    }
}

#[tokio::test]
async fn a_task_resumes_behind_its_last_record() {
    let (notes, calls) = (Notes::new(), Arc::<Calls>::default());
    run(&notes, &calls, vec!["1", "2"]).await.unwrap();
    for (task, frames) in notes.frames.lock().unwrap().iter_mut() {
        frames.truncate(task.parse().unwrap());
    }
    run(&notes, &calls, vec!["1", "2"]).await.unwrap();
    assert_eq!(calls.counts(), [2, 3, 4]);
}

#[tokio::test]
async fn an_error_is_not_recorded() {
    let (notes, calls) = (Notes::new(), Arc::<Calls>::default());
    let failure = run(&notes, &calls, vec!["x"]).await.unwrap_err();
    assert_eq!(failure.stage().name, "post");
    assert_eq!(failure.task(), Some(&"x"));
    assert!(notes.recorded().is_empty());
}

#[tokio::test]
async fn many_items_share_one_batch_of_the_journal() {
    let (notes, calls) = (Notes::gated(), Arc::<Calls>::default());
    let lines: Vec<&'static str> = (0..500).map(|n| &*n.to_string().leak()).collect();
    let running = tokio::spawn({
        let (notes, calls) = (Arc::clone(&notes), Arc::clone(&calls));
        async move { run(&notes, &calls, lines).await }
    });
    // All are parsed while the first batch waits, and are recorded with the next.
    while calls.counts()[0] < 500 {
        tokio::task::yield_now().await;
    }
    notes.gate.as_ref().unwrap().add_permits(1_000_000);
    assert_eq!(running.await.unwrap().unwrap().len(), 500);
    let records = notes.records.lock().unwrap();
    assert_eq!(records.iter().sum::<usize>(), 1500);
    assert!(records.len() < 500, "{records:?}");
    assert!(notes.begins.lock().unwrap().len() < 250);
}

#[tokio::test]
async fn no_item_goes_on_before_its_frame_is_recorded() {
    let (notes, calls) = (Notes::gated(), Arc::<Calls>::default());
    let running = tokio::spawn({
        let (notes, calls) = (Arc::clone(&notes), Arc::clone(&calls));
        async move { run(&notes, &calls, vec!["1"]).await }
    });
    let gate = notes.gate.as_ref().unwrap();
    for (stage, expected) in [[1, 0, 0], [1, 1, 0], [1, 1, 1]].into_iter().enumerate() {
        while notes.records.lock().unwrap().len() <= stage {
            tokio::task::yield_now().await;
        }
        assert_eq!(calls.counts(), expected);
        assert!(!running.is_finished());
        gate.add_permits(1);
    }
    running.await.unwrap().unwrap();
}

async fn failures(
    notes: Arc<Notes>,
    lines: Vec<&'static str>,
) -> (Vec<Failure<&'static str>>, [usize; 3]) {
    let calls = Arc::<Calls>::default();
    let (failed, mut failures) = tokio::sync::mpsc::channel(100);
    let counted = Arc::clone(&calls);
    let report = pipeline! {
        [lines, failed]
        journal = notes;
        use calls;
        push_task(line, id = ToOwned::to_owned),
        :block let post = calls.parse(line)? with { once, retry: Retry::exponential(3) },
        :drive sink::each(|_| ()),
    }
    .run()
    .await
    .unwrap();
    let mut all = Vec::new();
    while let Ok(failure) = failures.try_recv() {
        all.push(failure);
    }
    assert_eq!(
        report.stage("line").unwrap().failed
            + report.stage("post").unwrap().failed
            + report.stage("post (journal)").unwrap().failed,
        all.len() as u64
    );
    (all, counted.counts())
}

#[tokio::test]
async fn a_journal_that_cannot_begin_a_task_fails_the_item_before_it_runs() {
    for how in [Failing::Begins, Failing::Forgets] {
        let (failures, calls) = failures(Notes::failing(how), vec!["1", "2"]).await;
        assert_eq!(calls, [0, 0, 0]);
        assert_eq!(failures.len(), 2);
        assert_eq!(failures[0].stage().name, "line");
        assert_eq!(failures[0].task(), Some(&"1"));
        assert!(
            failures[0]
                .to_string()
                .contains("cannot begin task `1` in the journal notes: "),
            "{}",
            failures[0]
        );
    }
}

#[tokio::test]
async fn a_journal_that_cannot_record_fails_the_item_and_does_not_run_it_again() {
    let (failures, calls) = failures(Notes::failing(Failing::Records), vec!["1", "2"]).await;
    assert_eq!(calls, [2, 0, 0]);
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[0].stage().name, "post (journal)");
    assert_eq!(failures[0].frames(), ["line", "post"]);
    assert_eq!(
        failures[0].to_string(),
        "post (journal): cannot record `post` of task `1` in the journal notes: the disk is full"
    );
}

#[tokio::test]
async fn a_journal_that_panics_fails_what_it_was_asked_and_is_asked_again() {
    let notes = Notes::failing(Failing::Panics);
    let (first, _) = failures(Arc::clone(&notes), vec!["1"]).await;
    assert!(
        first[0].to_string().ends_with("it panicked: out of ink"),
        "{}",
        first[0]
    );
    let (second, _) = failures(notes, vec!["1"]).await;
    assert!(second.is_empty());
}

/// What its stage did is done; so the item goes on, and another time fails before the stage is called.
#[tokio::test]
async fn a_value_that_does_not_fit_the_journal_is_not_made_again() {
    let notes = Arc::new(Notes {
        limit: Some(40),
        ..Notes::default()
    });
    let lines = || vec!["1", "2.000000000000000000000000000000", "3"];
    let (first, calls) = failures(Arc::clone(&notes), lines()).await;
    assert_eq!((first.len(), calls), (0, [3, 0, 0]));
    assert_eq!(notes.recorded().len(), 3);
    let (second, calls) = failures(notes, lines()).await;
    assert_eq!(calls, [0, 0, 0]);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].task(), Some(&lines()[1]));
    assert!(
        second[0].to_string().ends_with(
            "it was made before, and could not be recorded; forget it in the journal to have it made again"
        ),
        "{}",
        second[0]
    );
}

#[tokio::test]
async fn a_record_of_another_type_fails_the_item_and_does_not_run_it_again() {
    let notes = Notes::new();
    let first: Vec<u32> = pipeline! {
        [[7u32]]
        journal = Arc::clone(&notes);
        push_task(n, id = |n| n),
        let post = "text".to_owned() with { once },
        map(|m| m.n),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(first, [7]);
    let (failures, calls) = failures(notes, vec!["7"]).await;
    assert_eq!(calls, [0, 0, 0]);
    assert!(
        failures[0]
            .to_string()
            .starts_with("post: cannot read back `post` of task `7` (journal notes): "),
        "{}",
        failures[0]
    );
}

#[tokio::test]
async fn a_panic_of_the_id_is_a_failure_of_the_item() {
    let failed: Failure<u32> = pipeline! {
        [[1u32, 0]]
        journal = Notes::new();
        push_task(n, id = |n| 10 / n),
        :async 2 mapduce(n => twice, |n| async move { n * 2 }) with { once },
        map(|m| m.twice),
    }
    .collect::<Vec<u32>>()
    .await
    .unwrap_err();
    assert!(matches!(failed.cause(), Cause::Panic(_)));
    assert_eq!(failed.task(), Some(&0));
}

#[tokio::test]
async fn the_token_is_the_tasks_and_the_keys_own() {
    let tokens: Vec<(String, String, String)> = pipeline! {
        [[17u32]]
        journal = Notes::new();
        push_task(n, id = |n| n),
        :async let first = async { token.to_owned() }.await with { once(token) },
        mapduce(n => second, |n| format!("{token} {n}")) with { once(token) },
        map(|m| (m.task_id().to_string(), m.first, m.second)),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(
        tokens,
        [("17".into(), "17/first".into(), "17/second 17".into())]
    );
}

#[tokio::test]
async fn nested_records_belong_to_the_same_task() {
    let notes = Notes::new();
    for _ in 0..2 {
        let sums: Vec<(u32, u32)> = pipeline! {
            [[1u32, 2]]
            journal = Arc::clone(&notes);
            push_task(n, id = |n| n),
            let ten = n * 10 with { once },
            push_task(saved),
            let sum = saved.n + saved.ten with { once },
            mapduce(sum => twice, |sum| sum * 2),
            pop_task(saved, sum, twice),
            forget(ten),
            map(|m| (m.sum, m.twice)),
        }
        .collect()
        .await
        .unwrap();
        assert_eq!(sums, [(11, 22), (22, 44)]);
        assert_eq!(
            notes.recorded(),
            ["1/sum", "1/ten", "2/sum", "2/ten"]
                .map(str::to_owned)
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
async fn the_plan_and_the_report_show_what_waits_for_the_journal() {
    let pipeline = pipeline! {
        [0..100u32]
        journal = Notes::new();
        push_task(n, id = |n| n),
        filter(|m| m.n % 2 == 0),
        let square = n * n with { once },
        :drive sink::each(|_| ()),
    };
    let names: Vec<_> = pipeline
        .plan()
        .rows
        .iter()
        .flat_map(|row| row.stages.clone())
        .collect();
    assert_eq!(
        names,
        [
            "source",
            "n",
            "filter",
            "square",
            "square (journal)",
            "sink"
        ]
    );
    let report = pipeline.run().await.unwrap();
    assert_eq!(
        report
            .stage("square (journal)")
            .map(|row| (row.entered, row.done)),
        Ok((50, 50))
    );
}

/// A value that cannot be written down.
#[derive(Debug, Clone, serde::Deserialize)]
struct Odd(u32);

impl serde::Serialize for Odd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            1 => Err(serde::ser::Error::custom("no words for it")),
            2 => panic!("no words at all"),
            number => serializer.serialize_newtype_struct("Odd", &number),
        }
    }
}

#[tokio::test]
async fn a_value_whose_serialize_fails_or_panics_is_not_made_again_and_its_item_alone_fails() {
    let (notes, calls) = (Notes::new(), Arc::<AtomicUsize>::default());
    let run = async || {
        let (notes, calls) = (Arc::clone(&notes), Arc::clone(&calls));
        let (failed, mut failures) = tokio::sync::mpsc::channel::<Failure<u32>>(100);
        let (done, mut dones) = tokio::sync::mpsc::channel(100);
        pipeline! {
            [0..4u32, failed]
            journal = notes;
            use calls;
            push_task(number, id = |number| number),
            let odd = { calls.fetch_add(1, SeqCst); Odd(*number) } with { once },
            map(|m| m.odd.0),
            :drive done,
        }
        .run()
        .await
        .unwrap();
        let mut numbers = Vec::new();
        dones.recv_many(&mut numbers, 100).await;
        let mut said = Vec::new();
        while let Some(failure) = failures.recv().await {
            said.push((failure.task().copied(), failure.to_string()));
        }
        said.sort();
        (numbers, said)
    };
    // What its stage did is done; so the item goes on.
    assert_eq!(run().await, (vec![0, 1, 2, 3], Vec::new()));
    assert_eq!(calls.load(SeqCst), 4);
    // Another time it is read back, and cannot be.
    let (numbers, said) = run().await;
    assert_eq!(numbers, [0, 3]);
    let tasks: Vec<_> = said.iter().map(|(task, _)| *task).collect();
    assert_eq!(tasks, [Some(1), Some(2)]);
    for (_, said) in said {
        assert!(
            said.contains("it was made before, and could not be recorded"),
            "{said}"
        );
    }
    assert_eq!(calls.load(SeqCst), 4);
}
