//! A broadcast over several programs: who listens gets each event or the exact number that it missed, whatever becomes of the
//! place.

use std::sync::{Arc, Mutex};

use brigade::Name;
use brigade::service::event_log::{Batch, Entry, EventLog, LogError, Page};
use brigade::service::{Broadcast, Subscription};

use crate::logged::Logged;
use crate::support::{ms, s};

/// A place in memory that keeps the last events, and can be away.
#[derive(Debug, Clone)]
struct Log(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    events: Vec<(u64, String)>,
    last: u64,
    keep: u64,
    is_away: bool,
    /// What is added is there, and nobody hears that it is.
    loses_answers: bool,
    batches: Vec<(String, u64)>,
}

impl Log {
    fn keeping(keep: u64) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            events: Vec::new(),
            last: 0,
            keep,
            is_away: false,
            loses_answers: false,
            batches: Vec::new(),
        })))
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.0.lock().unwrap());
    }

    fn open<E>(&self, capacity: usize) -> Broadcast<E>
    where
        E: Clone + Send + serde::Serialize + serde::de::DeserializeOwned + 'static,
    {
        let last = self.0.lock().unwrap().last;
        Broadcast::over(self.clone(), last, capacity)
    }
}

impl EventLog for Log {
    fn name(&self) -> Name {
        "log".into()
    }

    async fn append(&self, batch: Arc<Batch>) -> Result<(), LogError> {
        let kept = &mut *self.0.lock().unwrap();
        if kept.is_away {
            return Err(LogError::new("away"));
        }
        let known = (batch.writer.clone(), batch.number);
        if !kept.batches.contains(&known) {
            kept.batches.push(known);
            for entry in &batch.entries {
                kept.last += entry.numbers();
                if let Entry::Event(text) = entry {
                    kept.events.push((kept.last, text.clone()));
                }
            }
            let dropped = kept.last.saturating_sub(kept.keep);
            kept.events.retain(|(number, _)| *number > dropped);
        }
        if kept.loses_answers {
            return Err(LogError::new("no answer"));
        }
        Ok(())
    }

    async fn read(&self, after: u64, most: usize) -> Result<Page, LogError> {
        let kept = self.0.lock().unwrap();
        if kept.is_away {
            return Err(LogError::new("away"));
        }
        let new = kept.events.iter().filter(|(number, _)| *number > after);
        Ok(Page {
            events: new.take(most).cloned().collect(),
            last: kept.last,
        })
    }

    async fn changed(&self) {
        tokio::time::sleep(ms(100)).await;
    }
}

/// What is heard until so many events are heard or missed; how many are missed.
async fn heard<E>(events: &mut Subscription<E>, all: u64) -> (Vec<E>, u64) {
    let (mut heard, mut missed) = (Vec::new(), 0);
    while heard.len() as u64 + missed < all {
        match events.next().await.expect("the broadcast is there") {
            Ok(event) => heard.push(event),
            Err(gap) => missed += gap.events(),
        }
    }
    assert_eq!(heard.len() as u64 + missed, all);
    (heard, missed)
}

#[tokio::test(start_paused = true)]
async fn what_one_program_sends_others_hear_in_one_order() {
    let log = Log::keeping(1_000);
    let (one, other) = (log.open::<u64>(100), log.open::<u64>(100));
    let mut listening = [one.subscribe(), other.subscribe(), other.subscribe()];
    for event in 0..50 {
        one.send(event);
        other.send(event + 100);
        tokio::time::sleep(ms(7)).await;
    }
    let mut orders = Vec::new();
    for events in &mut listening {
        let (order, missed) = heard(events, 100).await;
        assert_eq!(missed, 0);
        orders.push(order);
    }
    assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
    let of_one: Vec<_> = orders[0].iter().filter(|event| **event < 100).collect();
    assert!(of_one.is_sorted() && of_one.len() == 50);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_while_the_place_is_away_is_counted_and_told_exactly() {
    let log = Log::keeping(1_000);
    let (here, there) = (log.open::<u64>(10), log.open::<u64>(1_000));
    let (mut hears_here, mut hears_there) = (here.subscribe(), there.subscribe());
    here.send(0);
    here.flush().await;
    log.change(|kept| kept.is_away = true);
    for event in 1..=100 {
        // Nothing of it is awaited.
        here.send(event);
        tokio::time::sleep(ms(10)).await;
    }
    assert_eq!(here.lost(), 90);
    tokio::time::sleep(s(60)).await;
    log.change(|kept| kept.is_away = false);
    here.flush().await;
    here.send(101);
    let expected: Vec<_> = (0..=10).chain([101]).collect();
    for events in [&mut hears_here, &mut hears_there] {
        assert_eq!(heard(events, 102).await, (expected.clone(), 90));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_dropped_from_the_place_before_it_was_heard_is_counted() {
    let log = Log::keeping(20);
    let (here, there) = (log.open::<u64>(1_000), log.open::<u64>(1_000));
    let mut events = there.subscribe();
    here.send(0);
    assert_eq!(heard(&mut events, 1).await, (vec![0], 0));
    // All at once, between two looks of who listens.
    for event in 1..=500 {
        here.send(event);
    }
    here.flush().await;
    let (last, missed) = heard(&mut events, 500).await;
    assert_eq!(last.last(), Some(&500));
    assert!(missed >= 400, "{missed}");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_behind_is_told_the_exact_number_that_it_missed() {
    let log = Log::keeping(10_000);
    let (here, there) = (log.open::<u64>(10_000), log.open::<u64>(16));
    let (mut slow, mut expected) = (there.subscribe(), 0);
    let mut missed = 0;
    for round in 0..10 {
        for event in 0..100 {
            here.send(round * 100 + event);
        }
        here.flush().await;
        tokio::time::sleep(s(1)).await;
        for _ in 0..5 {
            match slow.next().await.unwrap() {
                Ok(event) => {
                    assert_eq!(event, expected);
                    expected += 1;
                }
                Err(gap) => {
                    expected += gap.events();
                    missed += gap.events();
                }
            }
        }
    }
    assert!(missed > 500, "{missed}");
    let (_, more) = heard(&mut slow, 1_000 - expected).await;
    assert!(missed + more < 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_answer_was_lost_is_heard_once() {
    let log = Log::keeping(1_000);
    let here = log.open::<u64>(100);
    let mut events = here.subscribe();
    log.change(|kept| kept.loses_answers = true);
    for event in 0..10 {
        here.send(event);
    }
    tokio::time::sleep(s(10)).await;
    log.change(|kept| kept.loses_answers = false);
    here.send(10);
    let (all, missed) = heard(&mut events, 11).await;
    assert_eq!((all, missed), ((0..=10).collect(), 0));
    here.flush().await;
    assert_eq!(log.0.lock().unwrap().last, 11);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_another_version_has_sent_and_this_one_cannot_read_counts_as_missed() {
    let log = Log::keeping(1_000);
    let (newer, older) = (log.open::<String>(100), log.open::<u64>(100));
    let mut events = older.subscribe();
    newer.send("7".into());
    older.send(8);
    let (all, missed) = heard(&mut events, 2).await;
    assert_eq!((all, missed), (vec![8], 1));
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_last_is_dropped_is_written_and_who_listens_there_comes_to_an_end() {
    let log = Log::keeping(1_000);
    let (here, there) = (log.open::<u64>(100), log.open::<u64>(100));
    let (mut ends, mut hears) = (here.subscribe(), there.subscribe());
    log.change(|kept| kept.is_away = true);
    here.send(1);
    let clone = here.clone();
    drop(here);
    clone.send(2);
    drop(clone);
    tokio::time::sleep(s(5)).await;
    log.change(|kept| kept.is_away = false);
    assert_eq!(heard(&mut hears, 2).await, (vec![1, 2], 0));
    while ends.next().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_last_is_dropped_is_given_up_after_30_s_while_the_place_is_away() {
    let log = Log::keeping(1_000);
    let here = log.open::<u64>(100);
    log.change(|kept| kept.is_away = true);
    here.send(1);
    // It is being written by now.
    tokio::time::sleep(s(300)).await;
    drop(here);
    tokio::time::sleep(s(29)).await;
    assert_eq!(Arc::strong_count(&log.0), 2, "its task writes");
    tokio::time::sleep(s(2)).await;
    assert_eq!(Arc::strong_count(&log.0), 1, "its tasks are gone");
}

/// It is no JSON.
#[derive(Clone)]
struct Card;

impl serde::Serialize for Card {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("4111 1111 is no card"))
    }
}

impl<'de> serde::Deserialize<'de> for Card {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_logged_of_an_event_that_cannot_be_read_or_written_has_nothing_of_it() {
    let (logged, _guard) = Logged::here();
    let log = Log::keeping(1_000);
    let (cards, numbers) = (log.open::<Card>(100), log.open::<u64>(100));
    let texts = log.open::<String>(100);
    let mut events = numbers.subscribe();
    cards.send(Card);
    texts.send("4111 1111".to_owned());
    assert_eq!(heard(&mut events, 2).await, (Vec::new(), 2));
    for what in ["cannot be read", "cannot be written"] {
        let lines = logged.with(what);
        let is_told = lines
            .iter()
            .any(|line| line.contains("data of another type"));
        assert!(is_told, "{lines:?}");
    }
    assert_eq!(logged.with("4111"), Vec::<String>::new());
}
