//! Stages that run together with the `push_task` that opens a task: whatever way an item leaves there, its task goes along.

use std::sync::Arc;

use brigade::journal::Recorded;
use brigade::prelude::*;
use brigade::queue::Memory;

use crate::fakes::{Letters, Notes, PATIENCE, sent, until};

/// A message that was delivered before: its task has a value on record, of a stage that comes later than those here.
async fn delivered_before() -> (Memory<String>, Arc<Notes>, Letters) {
    let notes = Notes::new();
    let later = Recorded {
        key: "later".into(),
        value: b"1".to_vec().into(),
    };
    notes
        .frames
        .lock()
        .unwrap()
        .insert("task".into(), vec![later]);
    (sent(&[("a", "text")]).await, notes, Letters::default())
}

/// What the letter says that is written of a message which these stages give up on, behind the `push_task` of its task.
macro_rules! letter {
    ($message:ident; $($stages:tt)*) => {{
        let (messages, notes, letters) = delivered_before().await;
        let running = pipeline! {
            [messages.clone().deliveries(), queue::dead_letters(letters.clone())]
            journal = Arc::clone(&notes);
            push_task($message, id = |_| "task"),
            $($stages)*,
            :drive sink::each(|_| {}),
        }
        .spawn();
        until("the message is over", || messages.is_empty()).await;
        running.drain(PATIENCE).await.unwrap();
        let letters = letters.written();
        assert_eq!(letters.len(), 1, "{letters:?}");
        let frame = |frame: &queue::DeadFrame| match &frame.value {
            Some(value) => format!("{} = {}", frame.key, String::from_utf8_lossy(value)),
            None => frame.key.clone(),
        };
        let frames: Vec<_> = letters[0].frames.iter().map(frame).collect();
        let told = format!("{} of {}: {}", letters[0].stage, letters[0].task, frames.join(", "));
        assert_eq!(notes.finished(), ["task"], "{told}");
        told
    }};
}

const FAILS: Result<usize, &str> = Err("no");

/// A value whose drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("it goes off");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_beside_the_push_of_its_task_takes_along_what_is_recorded_and_finishes_the_task()
{
    let told = [
        letter!(message; let number = FAILS?),
        letter!(message; let number = message.len(), map(|m| FAILS.map(|no| no + m.number))?),
        letter!(message; tap(|_m| FAILS)?),
        letter!(message; filter(|_m| FAILS.map(|_| true))?),
        letter!(message; filter_map(|_m| FAILS.map(Some))?),
        letter!(message; mapduce(message => number, |_message| FAILS)?),
        letter!(message; flat_map(|_m| FAILS.map(|no| [no]))?),
        letter!(message; flat_map(|m| [m.message.len()]), map(|_length| FAILS)?),
        letter!(message; let number = if message.is_empty() { 0 } else { panic!("no") }),
        letter!(message; :async let number = std::future::ready(FAILS).await?),
    ];
    assert_eq!(
        told,
        [
            "number of task: message, later = 1",
            "map of task: message, number, later = 1",
            "tap of task: message, later = 1",
            "filter of task: message, later = 1",
            "filter_map of task: message, later = 1",
            "number of task: message, later = 1",
            "flat_map of task: message, later = 1",
            "map of task: later = 1",
            "number of task: message, later = 1",
            "number of task: message, later = 1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_drop_that_panics_beside_the_push_of_its_task_does_the_same() {
    let told = [
        letter!(message; let bomb = Bomb, filter(|_m| false), map(|_m| ())),
        letter!(message; flat_map(|_m| [Bomb]), filter(|_bomb| false), map(|_bomb| ())),
    ];
    assert_eq!(told, ["message of task: later = 1"; 2]);
}

/// In real time: virtual time runs on while the thread works.
#[tokio::test]
async fn what_fails_on_a_thread_of_its_own_does_so_too() {
    let told = letter!(message; :block let number = FAILS?);
    assert_eq!(told, "number of task: message, later = 1");
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_beside_the_push_of_its_task_finishes_the_task() {
    let (messages, notes, _) = delivered_before().await;
    let running = pipeline! {
        [messages.clone().deliveries()]
        journal = Arc::clone(&notes);
        push_task(message, id = |_| "task"),
        filter(|_m| false),
        map(|m| m.message.len()),
        :drive sink::each(|_length| {}),
    }
    .spawn();
    until("the message is over", || messages.is_empty()).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(notes.finished(), ["task"]);
}

#[tokio::test(start_paused = true)]
async fn the_outputs_of_a_flat_map_beside_the_push_of_their_task_finish_it_once_and_with_the_last_of_them()
 {
    let notes = Notes::new();
    let messages = sent(&[("a", "1 2 3")]).await;
    let (written, mut rows) = tokio::sync::mpsc::channel(1);
    let running = pipeline! {
        [messages.clone().deliveries()]
        journal = Arc::clone(&notes);
        push_task(message),
        flat_map(|m| m.message.split(' ').map(str::to_owned).collect::<Vec<_>>()),
        :drive written,
    }
    .spawn();
    for expected in ["1", "2", "3"] {
        assert!(notes.finished().is_empty());
        assert_eq!(rows.recv().await.as_deref(), Some(expected));
    }
    until("it is finished", || !notes.finished().is_empty()).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(notes.finished(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_beside_the_push_of_its_task_has_that_where_no_function_owned_the_record() {
    let (messages, notes, _) = delivered_before().await;
    let failure = pipeline! {
        [messages.deliveries()]
        journal = notes;
        push_task(message, id = |_| "task"),
        let number = FAILS?,
        map(|m| m.number),
        :drive sink::each(|_number| {}),
    }
    .run()
    .await
    .unwrap_err();
    assert_eq!(failure.task().map(|message| message.as_str()), Some("text"));
    assert_eq!(failure.frames(), ["message"]);
}
