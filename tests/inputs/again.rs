//! A source that breaks is made again alone.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::Failure;
use brigade::prelude::*;
use brigade::source::{Flow, Pulled, Source, SourceError};
use proptest::prelude::{any, prop_assert_eq, proptest};
use proptest::test_runner::Config;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How a source ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Well,
    Breaks,
    Panics,
    /// With the last item, which is read all the same.
    BreaksAtOnce,
    Hangs,
}

/// Numbers from one to another, a few at a time.
struct Numbers {
    next: u64,
    to: u64,
    end: End,
}

impl Source for Numbers {
    type Item = u64;

    async fn pull(&mut self, max: usize, out: &mut Pulled<u64>) -> Result<Flow, SourceError> {
        for _ in 0..max.min(7) {
            if self.next == self.to {
                return match self.end {
                    End::Well => Ok(Flow::End),
                    End::Breaks | End::BreaksAtOnce => Err(SourceError::new("the line is cut")),
                    End::Panics => panic!("the driver has a fault"),
                    End::Hangs => std::future::pending().await,
                };
            }
            out.push(self.next);
            self.next += 1;
        }
        if self.next == self.to && matches!(self.end, End::BreaksAtOnce) {
            return Err(SourceError::new("the line is cut"));
        }
        Ok(Flow::More)
    }
}

/// What comes to the errors end, in words.
fn told(errors: &mut mpsc::Receiver<Failure>) -> Vec<String> {
    std::iter::from_fn(|| errors.try_recv().ok())
        .map(|failure| failure.cause().to_string())
        .collect()
}

const ALL: u64 = 1000;

/// A source of so many numbers that breaks at these.
fn breaking(
    at: Vec<(u64, End)>,
    mut made: impl FnMut(u64) + Send + 'static,
) -> impl Source<Item = u64> {
    source::again(move |read| {
        made(read);
        let next = at.iter().find(|(to, _)| *to > read).copied();
        let (to, end) = next.unwrap_or((ALL, End::Well));
        async move {
            Numbers {
                next: read,
                to,
                end,
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_source_that_breaks_goes_on_where_it_was_and_nothing_else_is_made_again() {
    let ends = [End::Panics, End::Breaks, End::BreaksAtOnce];
    let at: Vec<_> = (1..10_u64)
        .zip(ends.iter().cycle())
        .map(|(n, end)| (n * 100 + n, *end))
        .collect();
    let made = Arc::<Mutex<Vec<u64>>>::default();
    let noted = Arc::clone(&made);
    let input = breaking(at.clone(), move |read| noted.lock().unwrap().push(read));
    let (sender, mut errors) = mpsc::channel(64);
    // The batch that is open at a break is not closed by it.
    let batches: Vec<Vec<u64>> = pipeline! {
        [input, sender]
        :async 4 map(async |n| n),
        batch(30),
    }
    .collect()
    .await
    .unwrap();
    assert!(batches[..33].iter().all(|batch| batch.len() == 30));
    let all: Vec<u64> = batches.into_iter().flatten().collect();
    assert_eq!(all, (0..ALL).collect::<Vec<_>>());
    let breaks: Vec<u64> = at.iter().map(|(to, _)| *to).collect();
    assert_eq!(made.lock().unwrap()[1..], breaks);
    let told = told(&mut errors);
    assert_eq!(told.len(), 9);
    let says = |told: &str, what: &str| assert!(told.contains(what), "{told}");
    says(
        &told[0],
        "the source broke behind 101 that were read, it is made again in",
    );
    says(&told[0], "panicked: the driver has a fault");
    says(&told[1], "the line is cut");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_is_tried_after_waits_that_grow_and_begin_anew_when_something_was_read()
{
    let tries = Arc::<Mutex<Vec<(u64, Instant)>>>::default();
    let noted = Arc::clone(&tries);
    let input = source::again(move |read| {
        let mut tries = noted.lock().unwrap();
        tries.push((read, Instant::now()));
        let count = tries.len();
        async move {
            match count {
                9 => Ok(Numbers {
                    next: 0,
                    to: 5,
                    end: End::Breaks,
                }),
                12 => Ok(Numbers {
                    next: 5,
                    to: 8,
                    end: End::Well,
                }),
                _ => Err(io::Error::other("nobody answers")),
            }
        }
    });
    let (sender, mut errors) = mpsc::channel(64);
    let all: Vec<u64> = pipeline! { [input, sender] map(|n| n) }
        .collect()
        .await
        .unwrap();
    assert_eq!(all, (0..8).collect::<Vec<_>>());
    assert_eq!(told(&mut errors).len(), 11);
    let tries = tries.lock().unwrap();
    let reads: Vec<u64> = tries.iter().map(|(read, _)| *read).collect();
    assert_eq!(reads, [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 5]);
    let millis = |of: usize| (tries[of].1 - tries[of - 1].1).as_millis();
    for (wait, whole) in [
        (1, 200),
        (2, 400),
        (3, 800),
        (8, 25_600),
        (9, 200),
        (10, 400),
    ] {
        let took = millis(wait);
        assert!(
            (whole / 2..=whole + 1).contains(&took),
            "{wait}: {took} of {whole}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn over_its_limit_the_last_break_ends_the_pipeline() {
    for limit in [0, 3] {
        let input = source::again(async |_| Err::<Numbers, _>(io::Error::other("nobody answers")));
        let input = input.limit(limit).backoff(Duration::from_secs(1));
        let (sender, mut errors) = mpsc::channel(64);
        let began = Instant::now();
        let ended = pipeline! { [input, sender] map(|n| n) }
            .collect::<Vec<u64>>()
            .await;
        let failure = ended.unwrap_err();
        let cause = failure.cause().to_string();
        assert_eq!(cause, "stopped: the source cannot go on: nobody answers");
        assert_eq!(told(&mut errors).len(), limit as usize);
        assert_eq!(began.elapsed().as_secs(), u64::from(limit));
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_errors_end_the_first_break_stops_the_pipeline() {
    let input = breaking(vec![(10, End::Breaks)], |_| ());
    let ended = pipeline! { [input] map(|n| n) }.collect::<Vec<u64>>().await;
    let cause = ended.unwrap_err().cause().to_string();
    assert!(cause.contains("the line is cut"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_it_in_a_wait_and_while_it_is_made_and_while_it_reads() {
    for at in ["a wait", "the making", "a reading"] {
        let input = source::again(move |read| async move {
            match (at, read) {
                ("the making", 5) => std::future::pending().await,
                ("a wait", 5) => Err(io::Error::other("nobody answers")),
                ("a reading", 5) => Ok(Numbers {
                    next: 5,
                    to: 5,
                    end: End::Hangs,
                }),
                _ => Ok(Numbers {
                    next: 0,
                    to: 5,
                    end: End::Breaks,
                }),
            }
        });
        let input = input.backoff(Duration::from_secs(3600));
        let (sender, _errors) = mpsc::channel(64);
        let (written, seen) = (sink::collect(), Instant::now());
        let kept = written.clone();
        let running = pipeline! { [input, sender] :drive kept }.spawn();
        let until = if at == "a wait" { 3000 } else { 9000 };
        tokio::time::sleep(Duration::from_secs(until)).await;
        let report = running.drain(Duration::from_secs(5)).await.unwrap();
        assert!(report.conserved(), "{report}");
        assert_eq!(seen.elapsed().as_secs(), until, "{at}");
        assert_eq!(written.take(), [0, 1, 2, 3, 4]);
    }
}

proptest! {
    #![proptest_config(Config::with_cases(64))]

    /// Promise 127.
    #[test]
    fn whatever_breaks_and_how_each_item_comes_once_and_each_break_is_told(
        at in proptest::collection::vec((1..ALL, 0..3_usize), 0..20),
        drives in any::<bool>(),
    ) {
        let ends = [End::Breaks, End::Panics, End::BreaksAtOnce];
        let mut at: Vec<_> = at.into_iter().map(|(to, end)| (to, ends[end])).collect();
        at.sort_by_key(|(to, _)| *to);
        let distinct: HashSet<_> = at.iter().map(|(to, _)| *to).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (all, told) = runtime.block_on(async move {
            let (sender, mut errors) = mpsc::channel(64);
            let input = breaking(at, |_| ());
            let all: Vec<u64> = if drives {
                pipeline! { [input, sender] :async 3 map(async |n| n) }.collect().await.unwrap()
            } else {
                pipeline! { [input, sender] filter(|_| true) }.collect().await.unwrap()
            };
            (all, told(&mut errors).len())
        });
        prop_assert_eq!(all, (0..ALL).collect::<Vec<_>>());
        prop_assert_eq!(told, distinct.len());
    }
}
