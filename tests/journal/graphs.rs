//! Tasks in the arms of a `match`, by key, and in tuples.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use brigade::journal::{Forget, Journal};
use brigade::prelude::*;

use crate::fakes::{Letters, Notes, PATIENCE, sent, until};

/// How often each part of the work was called.
#[derive(Default)]
struct Calls {
    front: AtomicUsize,
    arm: AtomicUsize,
    fails: AtomicUsize,
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_replays_into_the_stage_of_an_arm_that_failed() {
    let (notes, letters, calls) = (Notes::new(), Letters::default(), Arc::new(Calls::default()));
    let messages = sent(&[("a", "long"), ("b", "s")]).await;
    let rows = sink::collect();
    let running = pipeline! {
        [messages.clone().deliveries(), queue::dead_letters(letters.clone())]
        journal = Arc::clone(&notes);
        use calls;
        push_task(message),
        let length = { calls.front.fetch_add(1, SeqCst); message.len() } with { once },
        match *length {
            1 => { let row = format!("short {length}") },
            _ => {
                :async 2 let tens = async { calls.arm.fetch_add(1, SeqCst); *length * 10 }.await with { once },
                :block 2 let row = if calls.fails.fetch_add(1, SeqCst) == 0 {
                    Err("not now")
                } else {
                    Ok(format!("long {tens}"))
                }?,
            },
        },
        map(|m| m.row),
        :drive rows.clone(),
    }
    .spawn();
    until("both are decided", || notes.finished() == ["a", "b"]).await;
    let letter = letters.written()[0].clone();
    assert_eq!(
        (letter.stage.as_str(), letter.cause.as_str()),
        ("row#2", "not now")
    );
    let recorded: Vec<_> = letter
        .frames
        .iter()
        .filter(|frame| frame.value.is_some())
        .map(|frame| frame.key.as_str())
        .collect();
    assert_eq!(recorded, ["length", "tens"]);

    // The journal has forgotten the task meanwhile.
    notes.frames.lock().unwrap().clear();
    let restored = notes.restore(vec![letter.restore(Forget::nothing())]).await;
    assert_eq!(restored.unwrap().len(), 1);
    let message = letter.message().unwrap();
    assert!(messages.send(vec![message]).await.unwrap().is_empty());
    until("it is done", || notes.finished() == ["a", "a", "b"]).await;
    running.drain(PATIENCE).await.unwrap();
    let counts = [&calls.front, &calls.arm, &calls.fails].map(|calls| calls.load(SeqCst));
    assert_eq!(counts, [2, 1, 2], "only the stage that failed is run again");
    assert_eq!(rows.take(), ["short 1", "long 40"]);
    assert!(messages.is_empty());
}

/// Who is in a call, by key.
#[derive(Default)]
struct Busy {
    keys: Mutex<HashSet<u64>>,
    calls: AtomicUsize,
}

impl Busy {
    async fn call(&self, number: u64) -> u64 {
        self.calls.fetch_add(1, SeqCst);
        let key = number % 3;
        assert!(self.keys.lock().unwrap().insert(key), "{key} is busy");
        tokio::time::sleep(Duration::from_millis(number)).await;
        self.keys.lock().unwrap().remove(&key);
        number * 10
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_by_key_is_called_one_at_a_time_and_once() {
    let (notes, busy) = (Notes::new(), Arc::new(Busy::default()));
    let texts: Vec<_> = (0..12_u64).map(|number| number.to_string()).collect();
    let texts: Vec<_> = texts.iter().map(|text| (&**text, &**text)).collect();
    let messages = sent(&texts).await;
    let (rows, fails) = (sink::collect(), Arc::new(AtomicUsize::new(0)));
    let deliveries = messages.clone().deliveries().until_idle();
    let report = pipeline! {
        [deliveries.wait(Duration::from_millis(1)), queue::nacks(Duration::from_millis(5))]
        journal = Arc::clone(&notes);
        use busy, fails;
        push_task(message),
        let number = message.parse::<u64>()?,
        :async 5 let tens = busy.call(*number).await with { once, by: number % 3 },
        // All that is recorded comes again.
        :block 2 let row = if fails.fetch_add(1, SeqCst) < 12 { Err("not yet") } else { Ok(*tens) }?,
        map(|m| m.row),
        :drive rows.clone(),
    }
    .run()
    .await
    .unwrap();
    let mut rows = rows.take();
    rows.sort_unstable();
    assert_eq!(rows, (0..12).map(|number| number * 10).collect::<Vec<_>>());
    assert_eq!(report.stage("tens").unwrap().done, 24, "{report}");
    assert_eq!(
        busy.calls.load(SeqCst),
        12,
        "what is recorded is not called again"
    );
    assert!(messages.is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_a_tuple_with_one_key_the_part_that_has_it_is_recorded() {
    let (notes, calls) = (Notes::new(), Arc::new(Calls::default()));
    let messages = sent(&[("a", "xx")]).await;
    let rows = sink::collect();
    let deliveries = messages.clone().deliveries().until_idle();
    pipeline! {
        [deliveries.wait(Duration::from_millis(1)), queue::nacks(Duration::from_millis(5))]
        journal = Arc::clone(&notes);
        use calls;
        push_task(message),
        // What nobody keeps need not be recordable.
        let (length, _) = { calls.front.fetch_add(1, SeqCst); (message.len(), std::time::Instant::now()) } with { once },
        let row = if calls.fails.fetch_add(1, SeqCst) == 0 { Err("not yet") } else { Ok(*length) }?,
        map(|m| m.row),
        :drive rows.clone(),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(rows.take(), [2]);
    assert_eq!(notes.recorded(), ["a/length"]);
    assert_eq!(calls.front.load(SeqCst), 1);
}
