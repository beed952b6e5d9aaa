//! Attempts of every kind of stage, of forms that lend their input and of forms that take it.
#![deny(warnings)]

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;

#[derive(Clone, Default)]
struct Flaky(Arc<Mutex<HashSet<u64>>>);

impl Flaky {
    /// Fails the first call for each number.
    fn call(&self, x: u64) -> Result<u64, &'static str> {
        match self.0.lock().unwrap().insert(x) {
            true => Err("not yet"),
            false => Ok(x),
        }
    }
}

#[tokio::main]
async fn main() {
    let retry = || Retry::fixed(5, Duration::from_millis(1));
    let [a, b, c, d, e] = std::array::from_fn(|_| Flaky::default());
    let out: Vec<u64> = pipeline! {
        [0..10u64]
        use a, b, c, d, e;
        map(|x| x),
        1 map(|x| a.call(x))? with { retry: retry() },
        push_task(number),
        let kept = *number,
        :block let first = b.call(*number)? with { retry: retry() },
        :async mapduce(first, |x| async move { c.call(x) })? with { retry: retry(), timeout: Duration::from_secs(5) },
        filter(|m| m.first == m.kept),
        :block flat_map(|m| d.call(m.first).map(|x| [x, x]))? with { retry: retry(), timeout: Duration::from_secs(5) },
        :async 1 tap(|x| async { if *x == 3 { e.call(*x) } else { Ok(0) } })? with { retry: retry() },
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(out, (0..10).flat_map(|x| [x, x]).collect::<Vec<_>>());

    let failure = pipeline! {
        [0..1u64]
        push_task(number),
        :async let gone = std::future::pending::<u64>().await
            with { timeout: Duration::from_millis(1), retry: retry() },
    }
    .collect::<Vec<_>>()
    .await
    .unwrap_err();
    assert_eq!(failure.to_string(), "gone: timeout after 1ms (attempt 5)");
    assert_eq!(failure.task(), Some(&0));
}
