//! Rates that are shared, changed and kept for keys, in virtual time.

use std::future::Future;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// When calls that come now begin, in milliseconds from `start`.
fn calls(rate: &Rate, start: Instant, keys: &[u64]) -> Vec<impl Future<Output = u128> + use<>> {
    let mut calls = Vec::new();
    for key in keys {
        let mut place = rate.enter(*key);
        calls.push(async move {
            while let Some(waits) = &mut place {
                waits.comes().await;
                if waits.enter() {
                    break;
                }
            }
            start.elapsed().as_millis()
        });
    }
    calls
}

async fn times(rate: &Rate, keys: &[u64]) -> Vec<u128> {
    futures::future::join_all(calls(rate, Instant::now(), keys)).await
}

#[tokio::test(start_paused = true)]
async fn calls_wait_in_turn() {
    let rate = Rate::per(2, 100 * MS).burst(2);
    assert_eq!(times(&rate, &[0; 5]).await, [0, 0, 50, 100, 150]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_waits_on_at_a_new_rate() {
    let rate = Rate::per_second(1);
    let waiting = tokio::spawn(futures::future::join_all(calls(
        &rate,
        Instant::now(),
        &[0; 4],
    )));
    tokio::time::sleep(500 * MS).await;
    rate.set(Rate::per_second(100)).unwrap();
    assert_eq!(waiting.await.unwrap(), [0, 505, 515, 525]);
    let waiting = tokio::spawn(futures::future::join_all(calls(
        &rate,
        Instant::now(),
        &[0; 3],
    )));
    tokio::task::yield_now().await;
    rate.set(Rate::per_second(1)).unwrap();
    let times = waiting.await.unwrap();
    assert!(times[2] - times[1] >= 1000, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_rate_is_refused_and_changes_nothing() {
    let rate = Rate::per_second(10);
    let zero = Rate::per_second(0);
    assert_eq!(rate.set(zero.clone()), Err(SetRateError::Zero));
    assert_eq!(zero.check(), Err(SetRateError::Zero));
    let no_time = Rate::per(1, Duration::ZERO);
    assert_eq!(rate.set(no_time.clone()), Err(SetRateError::NoTime));
    assert_eq!(no_time.check(), Err(SetRateError::NoTime));
    let no_burst = Rate::per_second(1).burst(0);
    assert_eq!(rate.set(no_burst.clone()), Err(SetRateError::NoBurst));
    assert_eq!(no_burst.check(), Err(SetRateError::NoBurst));
    let no_keys = Rate::per_second(1).each(0);
    assert_eq!(no_keys.check(), Err(SetRateError::NoKeys));
    assert_eq!(times(&rate, &[0; 3]).await, [0, 100, 200]);
    assert_eq!(
        SetRateError::Zero.to_string(),
        "a rate of 0; a rate is at least 1"
    );
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_rate_of_its_own() {
    let rate = Rate::per_second(10).each(10);
    assert_eq!(times(&rate, &[1, 2, 1, 2, 1]).await, [0, 0, 100, 100, 200]);
    rate.set(Rate::per_second(100)).unwrap();
    assert_eq!(times(&rate, &[1, 3, 3]).await.last(), Some(&10));
}

#[tokio::test(start_paused = true)]
async fn the_key_that_was_not_used_for_longest_is_forgotten() {
    let rate = Rate::per_second(10).each(2);
    assert_eq!(
        times(&rate, &[1, 2, 1, 3, 1, 2]).await,
        [0, 0, 100, 0, 200, 0]
    );
    let state = rate.0.lock();
    assert_eq!(state.keyed.as_ref().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_key_that_is_forgotten_waits_no_longer() {
    let rate = Rate::per_second(10).each(1);
    assert_eq!(times(&rate, &[1]).await, [0]);
    tokio::time::advance(Duration::from_secs(3600)).await;
    let waiting = calls(&rate, Instant::now(), &[1, 1, 2]);
    // All who wait look at their clocks, which is no use of their keys.
    let set = async {
        tokio::task::yield_now().await;
        rate.set(Rate::per_second(10)).unwrap();
    };
    let (times, ()) = tokio::join!(futures::future::join_all(waiting), set);
    assert_eq!(times, [0, 100, 0]);
}
